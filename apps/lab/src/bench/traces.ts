/**
 * `npm run bench -- traces`: recorded drives with several operators at once. Video and vital signs, then one TCP stream,
 * each way: through Corridor, over MPTCP, over each operator alone, all at the same time on links of their own that follow the
 * same traces from the same moment; beside them the bound that nobody beats, computed from the traces.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  boundLinks,
  type DeliveryBound,
  deliveryBound,
  offeredBps,
  type RecordedDrive,
  recordedDrive,
  type Scenario,
  type TrafficSpec,
  trafficIntervalUs,
} from '@corridor/sim';
import { findTraces, type Traces } from './drives.js';
import { goodputBps } from './ground/goodput.js';
import { Ground, type Way } from './ground/ground.js';
import { possibleWays } from './ground/possible.js';
import type { StreamFigures } from './ground/streams.js';
import { choices, numbers, TEXT, TEXTS } from './options.js';
import { BUILT_IN, policyOf } from './policy.js';
import { describeMachine, latenessLine, machineFacts, writeResult } from './results.js';
import { percentile } from './statistics.js';
import { driveReport, type FlowRun, type TcpRun } from './traces-report.js';

export const TRACES_USAGE = `  traces       recorded drives, several operators at once: delays of vital signs and video, TCP, the bound
               --traces FOLDER (../shared/traces, else synthetic)  --runs N (20)  --seconds N (120)
               --strategy NAME (${BUILT_IN})  --congestion cubic|bbr (cubic)
               --load udp|tcp  --direction up|down  (all; may be given more than once)`;

const LOADS = ['udp', 'tcp'] as const;
const DIRECTIONS = ['up', 'down'] as const;
type Direction = (typeof DIRECTIONS)[number];
/** Traffic starts this long after the traces, as in the scenarios of libs/sim. */
const LEAD_US = 2e6;
/** Each run starts elsewhere in the traces. */
const STEP_MS = 41_000;
/** What a TCP segment carries beside a message: IP, TCP and its timestamps. */
const TCP_HEADERS = 52;
/** What has not arrived this long after the flow's end is lost, for the bound as for the measurement. */
const LATE_US = 4e6;

interface Options {
  readonly runs: number;
  readonly seconds: number;
  readonly strategy: string;
  readonly congestion: string;
  readonly loads: readonly (typeof LOADS)[number][];
  readonly directions: readonly Direction[];
  readonly traces: Traces;
}

export function prepareTraces(args: readonly string[]): () => Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ traces: TEXT, runs: TEXT, seconds: TEXT, strategy: TEXT, congestion: TEXT },
      ...{ load: TEXTS, direction: TEXTS },
    },
  });
  const options = {
    ...numbers(values, { runs: 20, seconds: 120 }),
    strategy: values.strategy ?? BUILT_IN,
    congestion: values.congestion ?? 'cubic',
    loads: choices('load', values.load, LOADS),
    directions: choices('direction', values.direction, DIRECTIONS),
    traces: findTraces(values.traces),
  };
  return () => traces(options);
}

async function traces(options: Options): Promise<number> {
  const { ways, congestions } = possibleWays({ ways: ['corridor', 'mptcp'], congestions: [options.congestion] });
  if (congestions.length === 0) return 1;
  const names = options.traces.operators.map(({ name }) => name);
  process.stdout.write(`traces ${options.traces.source}: ${names.map((name, i) => `w${i} ${name}`).join(', ')}\n`);
  const flows: FlowRun[] = [];
  const tcp: TcpRun[] = [];
  for (let run = 0; run < options.runs; run++) {
    process.stderr.write(`run ${run + 1} of ${options.runs}\n`);
    const drive = driveOf(options, run);
    const { links } = recordedDrive(drive, 'udp-up');
    const all: Way[] = [...ways, ...links.map(({ name }) => name)];
    const policy = policyOf(options.strategy);
    const ground = await Ground.create({ links, vehicles: all.length, seed: run + 1, policy });
    try {
      for (const direction of options.directions) {
        if (options.loads.includes('udp')) flows.push(...(await runFlows(ground, all, drive, direction, run, options)));
        if (options.loads.includes('tcp')) tcp.push(...(await runTcp(ground, all, drive, direction, run, options)));
      }
    } finally {
      await ground.close();
    }
  }
  process.stdout.write(
    `${driveReport(flows, tcp)}\n${latenessLine(Ground.lateUs)}\n${describeMachine(machineFacts())}\n`,
  );
  const { traces: _, ...told } = options;
  process.stdout.write(`written to ${writeResult('traces', { options: told, operators: names, flows, tcp })}\n`);
  return 0;
}

function driveOf({ traces: { operators }, seconds }: Options, run: number): RecordedDrive {
  return { name: 'drive', operators, fromMs: run * STEP_MS, durationUs: seconds * 1e6 };
}

async function runFlows(
  ground: Ground,
  ways: readonly Way[],
  drive: RecordedDrive,
  direction: Direction,
  run: number,
  { seconds }: Options,
): Promise<FlowRun[]> {
  const scenario = recordedDrive(drive, `udp-${direction}`);
  await ground.fresh();
  const firstUs = (await ground.lab.originUs(0, 'w0')) + LEAD_US;
  const carried = ways.flatMap((way, vehicle) =>
    scenario.traffic.map(async (spec): Promise<FlowRun> => {
      const named = { run, direction, flow: spec.kind, way };
      if (way === 'mptcp') return { ...named, ...(await messages(ground, vehicle, spec, seconds, firstUs)) };
      const { sent, received, delay, longestGapUs } = await ground.flow(vehicle, way, spec, seconds, firstUs);
      return { ...named, sent, lost: sent - received, ...delay, longestGapUs };
    }),
  );
  return [...(await Promise.all(carried)), ...bounds(scenario, direction, run, seconds)];
}

/** The same packets as messages on an MPTCP stream, which is all that it carries. */
async function messages(ground: Ground, vehicle: number, spec: TrafficSpec, seconds: number, firstUs: number) {
  await pause((firstUs - ground.lab.traffic.nowUs()) / 1e3);
  const intervalUs = trafficIntervalUs(spec);
  const paced = { bytes: spec.bytes - TCP_HEADERS, intervalUs };
  const order = { direction: spec.direction, seconds, congestion: 'cubic', paced };
  const { messages: got } = await ground.stream(vehicle, 'mptcp', order);
  const delays = [...(got?.delaysUs ?? [])].sort((a, b) => a - b);
  const sent = Math.ceil((seconds * 1e6) / intervalUs);
  const at = (share: number) => (delays.length === 0 ? 0 : percentile(delays, share));
  const figures = { p50Us: at(0.5), p95Us: at(0.95), p99Us: at(0.99), maxUs: at(1) };
  return { sent, lost: Math.max(0, sent - delays.length), ...figures, longestGapUs: got?.longestGapUs ?? 0 };
}

function bounds(scenario: Scenario, direction: Direction, run: number, seconds: number): FlowRun[] {
  const links = boundLinks(scenario, direction);
  return scenario.traffic.map((spec) => {
    const stopUs = LEAD_US + seconds * 1e6;
    const intervalUs = trafficIntervalUs(spec);
    const flow = { bytes: spec.bytes, intervalUs, startUs: LEAD_US, stopUs, untilUs: stopUs + LATE_US };
    const { sent, lost, p50Us, p95Us, p99Us, maxUs }: DeliveryBound = deliveryBound({ links }, flow);
    return { run, direction, flow: spec.kind, way: 'bound', sent, lost, p50Us, p95Us, p99Us, maxUs, longestGapUs: 0 };
  });
}

async function runTcp(
  ground: Ground,
  ways: readonly Way[],
  drive: RecordedDrive,
  direction: Direction,
  run: number,
  { seconds, congestion }: Options,
): Promise<TcpRun[]> {
  await ground.fresh();
  const originUs = await ground.lab.originUs(0, 'w0');
  await pause((originUs + LEAD_US - ground.lab.traffic.nowUs()) / 1e3);
  const each = ways.map(async (way, vehicle): Promise<TcpRun> => {
    const figures = await ground.stream(vehicle, way, { direction, seconds, congestion }).catch(nothing(way));
    return { run, direction, way, goodputBps: goodputBps(figures, 0, seconds * 1e6) };
  });
  const links = boundLinks(recordedDrive(drive, 'udp-up'), direction);
  const offered = offeredBps(links, LEAD_US, LEAD_US + seconds * 1e6);
  return [...(await Promise.all(each)), { run, direction, way: 'offered', goodputBps: offered }];
}

/** A connection that does not come up in an outage is a figure, too: nothing was carried. */
function nothing(way: Way): (error: Error) => StreamFigures {
  return (error) => {
    process.stderr.write(`${way}: ${error.message}; counts as 0\n`);
    return { startUs: 0, binUs: 1e5, bytes: [] };
  };
}
