/**
 * Two machines for the tests, as network namespaces that die with their keeper process, and the links between them:
 *
 *     vehicle                                   gateway
 *       w0  10.1.0.2/24  fd01::2/64 ---------- g0  10.1.0.1/24  fd01::1/64
 *       w1  10.2.0.2/24  fd02::2/64 ---------- g1  10.2.0.1/24  fd02::1/64
 *                                              lo  203.0.113.10  2001:db8::10
 *
 * The vehicle has a default route over each link; the tunnel is 10.77.0.2 <-> 10.77.0.1 (and fd77::2 <-> fd77::1).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '@corridor/tunnel-host';
import { generatePrivateKey, publicKeyOf } from '../src/keys.js';

export const BINARY = fileURLToPath(new URL('../bin/corridor-tunnel.js', import.meta.url));
const ECHO = fileURLToPath(new URL('./echo.mjs', import.meta.url));

/** A test runner that is killed leaves nothing behind. */
const DIE_WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL'];

export type Machine = 'vehicle' | 'gateway';

export interface Echoed {
  sent: number;
  received: number;
  longestGapMs: number;
}

/** A tunnel process of the test. */
export interface Tunnel {
  readonly process: ChildProcess;
  readonly control: string;
  /** What it logged so far. */
  log(): string;
  /** Resolves with its exit code; -1 when a signal ended it. */
  readonly ended: Promise<number>;
}

export class World {
  readonly folder = mkdtempSync(join(tmpdir(), 'corridor-world-'));
  readonly keys: Record<Machine, string> = { vehicle: generatePrivateKey(), gateway: generatePrivateKey() };
  readonly #keepers: Record<Machine, ChildProcess>;
  readonly #children: ChildProcess[] = [];

  private constructor(keepers: Record<Machine, ChildProcess>) {
    this.#keepers = keepers;
    for (const machine of ['vehicle', 'gateway'] as const) {
      writeFileSync(join(this.folder, `${machine}.key`), this.keys[machine], { mode: 0o600 });
    }
  }

  static async create(): Promise<World> {
    const world = new World({ vehicle: await keeper(), gateway: await keeper() });
    for (const machine of ['vehicle', 'gateway'] as const) world.ip(machine, 'link set lo up');
    world.ip('gateway', 'addr add 203.0.113.10/32 dev lo');
    world.ip('gateway', 'addr add 2001:db8::10/128 dev lo');
    world.link(0);
    world.link(1);
    return world;
  }

  /** Connects the machines by `wN`, whose host number is `host`, and `gN`. */
  link(n: number, host = 2): void {
    const { vehicle, gateway } = this.#keepers;
    execFileSync(
      'ip',
      `link add name w${n} netns ${vehicle.pid} type veth peer name g${n} netns ${gateway.pid}`.split(' '),
    );
    // Link-local addresses appear seconds later: lists of before and after would differ.
    this.ip('vehicle', `link set w${n} addrgenmode none`);
    this.ip('gateway', `link set g${n} addrgenmode none`);
    this.ip('gateway', `addr add 10.${n + 1}.0.1/24 dev g${n}`);
    this.ip('gateway', `addr add fd0${n + 1}::1/64 dev g${n} nodad`);
    this.ip('gateway', `link set g${n} up`);
    this.ip('vehicle', `link set w${n} up`);
    this.address(n, host);
  }

  /** Gives uplink `wN` the host number `host` and a default route of its own. */
  address(n: number, host: number): void {
    this.ip('vehicle', `addr add 10.${n + 1}.0.${host}/24 dev w${n}`);
    this.ip('vehicle', `addr add fd0${n + 1}::${host}/64 dev w${n} nodad`);
    this.ip('vehicle', `route add default via 10.${n + 1}.0.1 dev w${n} metric ${100 + n}`);
    this.ip('vehicle', `-6 route add default via fd0${n + 1}::1 dev w${n} metric ${100 + n}`);
  }

  /** Runs `ip` on a machine. */
  ip(machine: Machine, command: string): string {
    return this.run(machine, ['ip', ...command.split(' ')]);
  }

  run(machine: Machine, argv: readonly string[]): string {
    return execFileSync('nsenter', [...this.#enter(machine), ...argv], { encoding: 'utf8', timeout: 20_000 });
  }

  spawn(machine: Machine, argv: readonly string[]): ChildProcess {
    const child = spawn('nsenter', [...this.#enter(machine), ...DIE_WITH_PARENT, ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    return child;
  }

  /** Writes a config; `change` may alter anything in it. */
  config(machine: Machine, change: Record<string, unknown> = {}): string {
    const file = join(this.folder, `${machine}.json`);
    const base = {
      role: machine,
      privateKeyFile: `${machine}.key`,
      control: `${machine}.sock`,
      policy: { default: { strategy: 'active-standby' }, classes: [] },
    };
    const own =
      machine === 'vehicle'
        ? {
            gateway: { publicKey: publicKeyOf(this.keys.gateway), endpoints: ['203.0.113.10:4510'] },
            tun: { name: 'cor0', addresses: ['10.77.0.2/24', 'fd77::2/64'], routes: ['10.77.0.0/24'] },
            uplinks: [{ device: 'w0' }, { device: 'w1', priority: 2 }],
          }
        : {
            listen: ['0.0.0.0:4510', '[::]:4510'],
            tun: { name: 'cor0', addresses: ['10.77.0.1/24', 'fd77::1/64'] },
            vehicles: [
              {
                name: 'rtw-1',
                publicKey: publicKeyOf(this.keys.vehicle),
                addresses: ['10.77.0.2/32', '192.168.77.0/24', 'fd77::2/128'],
              },
            ],
          };
    writeFileSync(file, JSON.stringify({ ...base, ...own, ...change }));
    return file;
  }

  /** Starts a tunnel and waits until it is ready. @param prefix such as `setpriv` with its arguments. */
  async start(machine: Machine, change: Record<string, unknown> = {}, prefix: readonly string[] = []): Promise<Tunnel> {
    const tunnel = this.launch(machine, change, prefix);
    const ready = (async () => {
      while (!tunnel.log().includes('control socket')) await sleep(20);
    })();
    const code = await Promise.race([ready, tunnel.ended]);
    if (typeof code === 'number') throw new Error(`the ${machine}'s tunnel ended with ${code}:\n${tunnel.log()}`);
    return tunnel;
  }

  /** Starts a tunnel without waiting. */
  launch(machine: Machine, change: Record<string, unknown> = {}, prefix: readonly string[] = []): Tunnel {
    const child = this.spawn(machine, [
      ...prefix,
      process.execPath,
      BINARY,
      'run',
      '--config',
      this.config(machine, change),
    ]);
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
    const ended = once(child, 'exit').then(([code]) => (code as number | null) ?? -1);
    return { process: child, control: join(this.folder, `${machine}.sock`), log: () => log, ended };
  }

  /** Runs `corridor-tunnel` with arguments; answers its standard output. */
  command(args: readonly string[]): string {
    return execFileSync(process.execPath, [BINARY, ...args], { encoding: 'utf8', timeout: 20_000 });
  }

  async client(tunnel: Tunnel): Promise<ControlClient> {
    return ControlClient.connect(tunnel.control);
  }

  async echoServer(machine: Machine, address: string): Promise<ChildProcess> {
    const child = this.spawn(machine, [process.execPath, ECHO, 'server', address, '7000']);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
    return child;
  }

  /** Sends `count` datagrams to an echo server and counts what comes back. */
  async echo(machine: Machine, address: string, count: number, intervalMs: number, bytes = 200): Promise<Echoed> {
    const child = this.spawn(machine, [
      process.execPath,
      ECHO,
      'client',
      address,
      '7000',
      String(count),
      String(intervalMs),
      String(bytes),
    ]);
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    await once(child, 'close');
    return JSON.parse(text) as Echoed;
  }

  /** Everything that a tunnel could leave behind on a machine. */
  traces(machine: Machine): string {
    const settings = this.run(machine, [
      'sh',
      '-c',
      'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo $f $(cat $f); done',
    ]);
    const lists = ['-o link', '-o addr', 'route show table all', '-6 route show table all', 'rule', '-6 rule'];
    return [
      settings,
      ...lists.map((list) => this.ip(machine, list).replace(/ (valid_lft|preferred_lft|expires) \S+/g, '')),
    ].join('\n');
  }

  async close(): Promise<void> {
    for (const child of [...this.#children, ...Object.values(this.#keepers)]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.folder, { recursive: true, force: true });
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

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until `test` holds; fails with `what` after `timeoutMs`. */
export async function until(what: string, test: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await test())) {
    if (Date.now() > end) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(20);
  }
}
