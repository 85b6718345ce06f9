/**
 * A gateway and a vehicle as network namespaces that die with their keeper process, and the links between them; in them a
 * real gateway (its own PostgreSQL and broker) and real agents:
 *
 *     vehicle                        gateway
 *       w0  10.1.0.2/24 ------------ g0  10.1.0.1/24
 *       w1  10.2.0.2/24 ------------ g1  10.2.0.1/24
 *                                    lo  203.0.113.10
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentReport } from '../src/status/report.js';
import { runningAgent } from '../src/status/running-agent.js';

export const AGENT = fileURLToPath(new URL('../bin/corridor-agent.js', import.meta.url));
const GATEWAY = fileURLToPath(new URL('../../gateway/bin/corridor-gateway.js', import.meta.url));
const PASSWORD = 'correct horse battery staple';
export const GATEWAY_URL = 'https://203.0.113.10:8443';

/** A test runner that is killed leaves nothing behind. */
const DIE_WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL'];

export type Machine = 'vehicle' | 'gateway';

export interface Program {
  readonly process: ChildProcess;
  /** What it logged so far. */
  log(): string;
  /** Resolves with its exit code; -1 when a signal ended it. */
  readonly ended: Promise<number>;
}

export class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'corridor-agent-'));
  readonly stateDir = join(this.folder, 'state');
  readonly control = join(this.folder, 'agent.sock');
  readonly #keepers: Record<Machine, ChildProcess>;
  readonly #children: ChildProcess[] = [];
  #session: Record<string, string> = {};

  private constructor(keepers: Record<Machine, ChildProcess>) {
    this.#keepers = keepers;
  }

  static async create(): Promise<World> {
    const world = new World({ vehicle: await keeper(), gateway: await keeper() });
    for (const machine of ['vehicle', 'gateway'] as const) world.ip(machine, 'link set lo up');
    world.ip('gateway', 'addr add 203.0.113.10/32 dev lo');
    for (const n of [0, 1]) world.#link(n);
    return world;
  }

  ip(machine: Machine, command: string): string {
    return this.run(machine, ['ip', ...command.split(' ')]);
  }

  run(machine: Machine, argv: readonly string[]): string {
    return execFileSync('nsenter', [...this.#enter(machine), ...argv], { encoding: 'utf8', timeout: 20_000 });
  }

  /** Takes both links down or up: no radio anywhere. */
  links(state: 'up' | 'down'): void {
    for (const n of [0, 1]) this.ip('gateway', `link set g${n} ${state}`);
  }

  /** Starts the gateway and logs in. */
  async startGateway(environment: Record<string, string> = {}): Promise<Program> {
    const password = join(this.folder, 'password');
    writeFileSync(password, PASSWORD);
    const program = this.program('gateway', [process.execPath, GATEWAY], {
      CORRIDOR_DATA: join(this.folder, 'gateway'),
      CORRIDOR_LISTEN: '203.0.113.10:8443',
      CORRIDOR_HTTP_SOCKET: join(this.folder, 'http.sock'),
      CORRIDOR_PUBLIC_URL: GATEWAY_URL,
      CORRIDOR_TUNNEL_LISTEN: '203.0.113.10:4510',
      CORRIDOR_METRICS_LISTEN: 'off',
      CORRIDOR_ADMIN_PASSWORD_FILE: password,
      ...environment,
    });
    await until(
      'the gateway is ready',
      async () => {
        if (program.process.exitCode !== null) throw new Error(`the gateway ended:\n${program.log()}`);
        return (await this.rest('GET', '/health/ready').catch(() => undefined))?.status === 200;
      },
      60_000,
    );
    this.#session = {};
    const login = await this.rest('POST', '/api/v1/session', { username: 'admin', password: PASSWORD });
    const cookie = /corridor_session=[^;]+/.exec(String(login.headers['set-cookie']))?.[0];
    if (cookie === undefined) throw new Error(`no login: ${login.status} ${JSON.stringify(login.body)}`);
    this.#session = { cookie, 'x-corridor-csrf': login.body.csrfToken };
    return program;
  }

  /** A request of the administrator, through the gateway's local socket. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  rest(method: string, path: string, body?: object): Promise<{ status: number; headers: any; body: any }> {
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          socketPath: join(this.folder, 'http.sock'),
          method,
          path,
          headers: { ...this.#session, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
          });
          response.on('end', () => {
            const parsed = text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text;
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parsed });
          });
        },
      );
      asked.on('error', reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** A new vehicle and a claim for it. */
  async claim(name: string, groupId?: string): Promise<{ vehicleId: string; claim: string }> {
    const vehicle = await this.rest('POST', '/api/v1/vehicles', { name, ...(groupId && { groupId }) });
    const claim = await this.rest('POST', `/api/v1/vehicles/${vehicle.body.id}/claims`, {});
    if (claim.status >= 300) throw new Error(`no claim: ${JSON.stringify(claim.body)}`);
    return { vehicleId: vehicle.body.id as string, claim: claim.body.claim as string };
  }

  /** Writes the agent's configuration. */
  config(change: object = {}): string {
    const file = join(this.folder, 'agent.json');
    const base = { stateDir: this.stateDir, control: this.control, uplinks: [{ device: 'w*' }] };
    writeFileSync(file, JSON.stringify({ ...base, ...change }));
    return file;
  }

  /** Runs a command of the agent to its end. @param prefix such as `faketime` with its arguments */
  async agent(args: readonly string[], prefix: readonly string[] = []): Promise<{ code: number; output: string }> {
    const program = this.program('vehicle', [...prefix, AGENT, ...args, '--config', this.config()]);
    let output = '';
    program.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const code = await program.ended;
    return { code, output: output + program.log() };
  }

  /** Starts `corridor-agent run`. */
  startAgent(change: object = {}, prefix: readonly string[] = []): Program {
    return this.program('vehicle', [...prefix, AGENT, 'run', '--config', this.config(change)]);
  }

  /** What the running agent says; undefined while none answers. */
  async report(): Promise<AgentReport | undefined> {
    return runningAgent(this.control).catch(() => undefined);
  }

  program(machine: Machine, argv: readonly string[], environment: Record<string, string> = {}): Program {
    const child = spawn('nsenter', [...this.#enter(machine), ...DIE_WITH_PARENT, ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.#children.push(child);
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    const ended = once(child, 'close').then(([code]) => (code as number | null) ?? -1);
    return { process: child, log: () => log, ended };
  }

  async close(): Promise<void> {
    // The gateway ends its database in good order; everything else may just go.
    const running = this.#children.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    for (const child of running) child.kill('SIGTERM');
    await Promise.race([Promise.all(running.map((child) => once(child, 'exit'))), sleep(10_000)]);
    for (const child of [...running, ...Object.values(this.#keepers)]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await until('the database has ended', () => !postgresIn(this.folder), 10_000).catch(() => {});
    rmSync(this.folder, { recursive: true, force: true });
  }

  #link(n: number): void {
    const { vehicle, gateway } = this.#keepers;
    execFileSync(
      'ip',
      `link add name w${n} netns ${vehicle.pid} type veth peer name g${n} netns ${gateway.pid}`.split(' '),
    );
    this.ip('gateway', `addr add 10.${n + 1}.0.1/24 dev g${n}`);
    this.ip('gateway', `link set g${n} up`);
    this.ip('vehicle', `addr add 10.${n + 1}.0.2/24 dev w${n}`);
    this.ip('vehicle', `link set w${n} up`);
    this.ip('vehicle', `route add default via 10.${n + 1}.0.1 dev w${n} metric ${100 + n}`);
  }

  #enter(machine: Machine): string[] {
    return [`--net=/proc/${this.#keepers[machine].pid}/ns/net`, '--'];
  }
}

/** A process that keeps a fresh network namespace alive. */
async function keeper(): Promise<ChildProcess> {
  const child = spawn('unshare', ['--net', '--', ...DIE_WITH_PARENT, 'sh', '-c', 'echo ready; exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

/** Whether a PostgreSQL still runs on a data directory below `folder`. */
function postgresIn(folder: string): boolean {
  return readdirSync('/proc').some((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      return readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes(`${folder}/`);
    } catch {
      return false;
    }
  });
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until `test` holds; fails with `what` after `timeoutMs`. */
export async function until(what: string, test: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await test())) {
    if (performance.now() > end) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(50);
  }
}
