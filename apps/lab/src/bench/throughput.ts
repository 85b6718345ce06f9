/**
 * `npm run bench -- throughput`: one TCP stream, and the added latency of a small steady flow, through Corridor and
 * others, over one cable between two namespaces of this machine. All tunnels stand at the same time and take turns, so
 * that a slow minute of the machine hits all of them.
 */
import { mkdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, Netns } from '../sandbox/netns.js';
import { UdpTraffic } from '../traffic/udp-traffic.js';
import { type Contender, type Pair, type Running, versionOf } from './contenders/contender.js';
import { corridor } from './contenders/corridor.js';
import { openvpn } from './contenders/openvpn.js';
import { veth } from './contenders/veth.js';
import { wireguardGo } from './contenders/wireguard-go.js';
import { machineSeconds, processSeconds } from './cpu.js';
import { describeMachine, machineFacts, writeResult } from './results.js';
import { type Spread, spreadOf } from './statistics.js';
import { digits, table } from './table.js';

export interface ThroughputOptions {
  readonly rounds: number;
  /** Of each TCP run and of each latency run. */
  readonly seconds: number;
  /** TCP congestion control of the sender; undefined: the system's. */
  readonly congestion: string | undefined;
  /** Names of those who take part; undefined: all. */
  readonly contenders: readonly string[] | undefined;
}

export const CONTENDERS: readonly Contender[] = [veth, corridor, openvpn, wireguardGo];
const LATENCY_PORT = 9_100;
const PACKETS_PER_SECOND = 1_000;
const PACKET_BYTES = 200;

interface TcpRun {
  readonly gbps: number;
  readonly tunnelCpuPerGb: number;
  readonly totalCpuPerGb: number;
}

interface Entry {
  readonly name: string;
  readonly running: Running | string;
  readonly tcp: TcpRun[];
  readonly p50Us: number[];
  readonly p99Us: number[];
}

export async function throughput(options: ThroughputOptions): Promise<number> {
  if (versionOf('iperf3', ['--version']) === undefined)
    throw new Error('iperf3 is not installed: apt-get install iperf3');
  const pair = await makePair();
  const server = pair.right.spawn('iperf3', ['-s'], { stdio: 'ignore' });
  const entries: Entry[] = [];
  try {
    for (const contender of CONTENDERS.filter(({ name }) => options.contenders?.includes(name) ?? true)) {
      const running = await contender.start(pair);
      entries.push({ name: contender.name, running, tcp: [], p50Us: [], p99Us: [] });
      say(`${contender.name}: ${typeof running === 'string' ? running : running.detail}`);
    }
    for (let round = 1; round <= options.rounds; round++) {
      say(`round ${round} of ${options.rounds}`);
      for (const entry of entries) await measure(pair, entry, options, round);
    }
  } finally {
    for (const { running } of entries) if (typeof running !== 'string') await running.stop();
    server.kill('SIGKILL');
  }
  report(entries, options);
  return 0;
}

async function makePair(): Promise<Pair> {
  const folder = '/run/corridor-bench';
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const [left, right] = [await Netns.create('left'), await Netns.create('right')];
  await connect(left, 'cable0', right, 'cable0');
  await left.ip(['addr add 10.0.0.1/24 dev cable0']);
  await right.ip(['addr add 10.0.0.2/24 dev cable0']);
  return { left, right, leftDevice: 'cable0', leftAddress: '10.0.0.1', rightAddress: '10.0.0.2', folder };
}

async function measure(pair: Pair, entry: Entry, options: ThroughputOptions, round: number): Promise<void> {
  if (typeof entry.running === 'string') return;
  entry.tcp.push(await tcpRun(pair, entry.running, options));
  const { p50Us, p99Us } = await latencyRun(pair, entry.running, options.seconds, round);
  entry.p50Us.push(p50Us);
  entry.p99Us.push(p99Us);
}

async function tcpRun(pair: Pair, running: Running, options: ThroughputOptions): Promise<TcpRun> {
  const before = { tunnel: processSeconds(running.pids), total: machineSeconds() };
  const args = ['-c', running.target, '-t', String(options.seconds), '-J'];
  if (options.congestion !== undefined) args.push('-C', options.congestion);
  const { code, stdout } = await pair.left.run('iperf3', args, { timeoutMs: (options.seconds + 20) * 1_000 });
  const answer = JSON.parse(stdout) as {
    error?: string;
    end?: { sum_received?: { bytes: number; bits_per_second: number } };
  };
  const sum = answer.end?.sum_received;
  if (code !== 0 || sum === undefined) throw new Error(`iperf3 to ${running.target} failed: ${answer.error ?? code}`);
  const gigabytes = sum.bytes / 1e9;
  return {
    gbps: sum.bits_per_second / 1e9,
    tunnelCpuPerGb: (processSeconds(running.pids) - before.tunnel) / gigabytes,
    totalCpuPerGb: (machineSeconds() - before.total) / gigabytes,
  };
}

/** One-way delay of stamped packets from application to kernel at the other end, both on this machine's one clock. */
async function latencyRun(pair: Pair, running: Running, seconds: number, round: number) {
  const traffic = new UdpTraffic();
  traffic.add({
    id: round,
    fromNetns: pair.left.path,
    toNetns: pair.right.path,
    family: 4,
    address: running.target,
    port: LATENCY_PORT,
    bytes: PACKET_BYTES,
    intervalUs: 1e6 / PACKETS_PER_SECOND,
    dscp: 0,
  });
  await pause(seconds * 1_000);
  traffic.stop(round);
  await pause(200);
  const { recorder } = traffic.recorder(round);
  const figures = recorder.delayFigures();
  traffic.remove(round);
  if (recorder.received === 0) throw new Error(`no packet of the latency run reached ${running.target}`);
  return figures;
}

function report(entries: readonly Entry[], options: ThroughputOptions): void {
  const raw = entries.find(({ name }) => name === veth.name);
  const base = { p50: median(raw?.p50Us), p99: median(raw?.p99Us) };
  const head = [
    'one TCP stream',
    'Gbit/s',
    'min',
    'max',
    'CPU s/GB tunnel',
    'in total',
    'added p50 us',
    'added p99 us',
  ];
  const rows = entries.map((entry) => {
    if (typeof entry.running === 'string') return [entry.name, entry.running];
    const gbps = spreadOf(entry.tcp.map((run) => run.gbps));
    const tunnel = entry.running.pids.length === 0 ? undefined : median(entry.tcp.map((run) => run.tunnelCpuPerGb));
    const added = entry === raw ? [`(${digits(base.p50)})`, `(${digits(base.p99)})`] : addedLatency(entry, base);
    return [
      entry.name,
      ...[gbps.median, gbps.min, gbps.max].map(digits),
      digits(tunnel),
      digits(median(entry.tcp.map((run) => run.totalCpuPerGb))),
      ...added,
    ];
  });
  const facts = machineFacts();
  process.stdout.write(`\n${describeMachine(facts)}\n`);
  for (const { name, running } of entries) {
    process.stdout.write(`${name}: ${typeof running === 'string' ? running : running.detail}\n`);
  }
  process.stdout.write(`\n${table(head, rows)}\n`);
  process.stdout.write(
    `latency: ${PACKETS_PER_SECOND} packets/s of ${PACKET_BYTES} bytes; in brackets raw veth itself\n`,
  );
  const path = writeResult('throughput', { options, contenders: entries.map(entryResult) });
  process.stdout.write(`written to ${path}\n`);
}

function addedLatency(entry: Entry, base: { p50: number; p99: number }): string[] {
  return [digits(median(entry.p50Us) - base.p50), digits(median(entry.p99Us) - base.p99)];
}

function entryResult(entry: Entry) {
  const { name, running, tcp, p50Us, p99Us } = entry;
  if (typeof running === 'string') return { name, missing: running };
  const spread = (pick: (run: TcpRun) => number): Spread => spreadOf(tcp.map(pick));
  return {
    name,
    detail: running.detail,
    gbps: spread((run) => run.gbps),
    tunnelCpuSecondsPerGb: spread((run) => run.tunnelCpuPerGb),
    totalCpuSecondsPerGb: spread((run) => run.totalCpuPerGb),
    delayP50Us: spreadOf(p50Us),
    delayP99Us: spreadOf(p99Us),
    runs: tcp,
  };
}

function median(values: readonly number[] | undefined): number {
  return values === undefined || values.length === 0 ? Number.NaN : spreadOf(values).median;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}
