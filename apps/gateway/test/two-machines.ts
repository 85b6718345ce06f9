/**
 * Two machines for tests of the gateway's tunnel, as network namespaces that die with their keeper process:
 *
 *     vehicle                        gateway
 *       w0  10.1.0.2/24 ------------ g0  10.1.0.1/24
 *       w1  10.2.0.2/24 ------------ g1  10.2.0.1/24
 *                                    lo  203.0.113.10
 *
 * The vehicle has a default route over each link and runs `corridor-tunnel` as 10.77.0.2; the gateway is 10.77.0.1.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ControlClient, nodeHandshakePrimitives } from '@corridor/tunnel-host';
import { eventually } from './eventually.js';

const TUNNEL = fileURLToPath(new URL('../../tunnel/bin/corridor-tunnel.js', import.meta.url));
const ECHO = fileURLToPath(new URL('./udp-echo.mjs', import.meta.url));
/** A test runner that is killed leaves nothing behind. */
const DIE_WITH_PARENT = ['setpriv', '--pdeathsig', 'KILL'];

export type Machine = 'vehicle' | 'gateway';

/** X25519, base64. */
export interface KeyPair {
  readonly privateKey: string;
  readonly publicKey: string;
}

export function newKeys(): KeyPair {
  const privateKey = new Uint8Array(randomBytes(32));
  const publicKey = nodeHandshakePrimitives.x25519PublicKey(privateKey);
  return { privateKey: base64(privateKey), publicKey: base64(publicKey) };
}

export class TwoMachines {
  readonly folder = mkdtempSync(join(tmpdir(), 'corridor-gateway-tunnel-'));
  readonly keys: Record<Machine, KeyPair> = { vehicle: newKeys(), gateway: newKeys() };
  readonly #keepers: Record<Machine, ChildProcess>;
  readonly #children: ChildProcess[] = [];

  private constructor(keepers: Record<Machine, ChildProcess>) {
    this.#keepers = keepers;
  }

  static async create(): Promise<TwoMachines> {
    const machines = new TwoMachines({ vehicle: await keeper(), gateway: await keeper() });
    for (const machine of ['vehicle', 'gateway'] as const) machines.ip(machine, 'link set lo up');
    machines.ip('gateway', 'addr add 203.0.113.10/32 dev lo');
    for (const n of [0, 1]) machines.#link(n);
    return machines;
  }

  /** Runs `ip` on a machine. */
  ip(machine: Machine, command: string): void {
    execFileSync('nsenter', [...this.#enter(machine), 'ip', ...command.split(' ')], { timeout: 20_000 });
  }

  /** A Node program on a machine, with pipes for all three of its streams. */
  spawn(machine: Machine, argv: readonly string[]): ChildProcess {
    const child = spawn('nsenter', [...this.#enter(machine), ...DIE_WITH_PARENT, process.execPath, ...argv], {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#children.push(child);
    return child;
  }

  /** Starts the vehicle's end. */
  async startVehicle(): Promise<void> {
    writeFileSync(join(this.folder, 'vehicle.key'), this.keys.vehicle.privateKey, { mode: 0o600 });
    const config = {
      role: 'vehicle',
      privateKeyFile: 'vehicle.key',
      control: 'vehicle.sock',
      policy: { default: { strategy: 'active-standby' }, classes: [] },
      gateway: { publicKey: this.keys.gateway.publicKey, endpoints: ['203.0.113.10:4510'] },
      tun: { name: 'cor0', addresses: ['10.77.0.2/24'], routes: ['10.77.0.0/24'] },
      uplinks: [{ device: 'w0' }, { device: 'w1', priority: 2 }],
    };
    writeFileSync(join(this.folder, 'vehicle.json'), JSON.stringify(config));
    const child = this.spawn('vehicle', [TUNNEL, 'run', '--config', join(this.folder, 'vehicle.json')]);
    let log = '';
    child.stderr?.on('data', (chunk) => {
      log += String(chunk);
    });
    await eventually(() => log.includes('control socket'), 30_000).catch(() => {
      throw new Error(`the vehicle's tunnel did not start:\n${log}`);
    });
  }

  /** State of the session as the vehicle sees it. */
  async vehicleSession(): Promise<string | undefined> {
    const client = await ControlClient.connect(join(this.folder, 'vehicle.sock'));
    const { peers } = await client.status();
    client.close();
    return peers[0]?.session;
  }

  async echoAtGateway(): Promise<void> {
    const child = this.spawn('gateway', [ECHO, 'server', '10.77.0.1', '7000']);
    await once(child.stdout as NodeJS.ReadableStream, 'data');
  }

  /** The vehicle sends `count` datagrams to the gateway's echo and counts what comes back. */
  async echo(count: number, intervalMs: number): Promise<{ readonly sent: number; readonly received: number }> {
    const child = this.spawn('vehicle', [ECHO, 'client', '10.77.0.1', '7000', String(count), String(intervalMs)]);
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += String(chunk);
    });
    await once(child, 'close');
    return JSON.parse(text) as { sent: number; received: number };
  }

  async close(): Promise<void> {
    for (const child of [...this.#children, ...Object.values(this.#keepers)]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  #link(n: number): void {
    const { vehicle, gateway } = this.#keepers;
    const pair = `link add name w${n} netns ${vehicle.pid} type veth peer name g${n} netns ${gateway.pid}`;
    execFileSync('ip', pair.split(' '));
    this.ip('gateway', `addr add 10.${n + 1}.0.1/24 dev g${n}`);
    this.ip('gateway', `link set g${n} up`);
    this.ip('vehicle', `link set w${n} up`);
    this.ip('vehicle', `addr add 10.${n + 1}.0.2/24 dev w${n}`);
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

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
