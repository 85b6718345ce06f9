/**
 * `npm run bench -- bufferbloat`: links with a second of buffer, TCP that would fill it, and what vital signs feel of it.
 * On every way the same steps: vital signs alone, TCP alone, both together.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type LinkSpec, link, vitals } from '@corridor/sim';
import { goodputBps } from './ground/goodput.js';
import { Ground, type Way } from './ground/ground.js';
import { possibleWays } from './ground/possible.js';
import { choices, numbers, TEXT, TEXTS } from './options.js';
import { BUILT_IN, policyOf } from './policy.js';
import { describeMachine, latenessLine, machineFacts, writeResult } from './results.js';
import { spreadOf, spreadText } from './statistics.js';
import { digits, table } from './table.js';

export const BUFFERBLOAT_USAGE = `  bufferbloat  vital signs beside saturating TCP on links with a second of buffer
               --runs N (20)  --at-once N (2)  --seconds N (30)  --strategy NAME (${BUILT_IN})
               --congestion NAME  --way NAME  (all; may be given more than once)`;

/** A second of buffer each. */
const LINKS: readonly LinkSpec[] = [
  [20, 20],
  [10, 40],
  [5, 60],
].map(([mbps = 0, ms = 0], index) => {
  const rateBps = mbps * 1e6;
  return link(`w${index}`, { rateBps, delayUs: ms * 1_000, queueBytes: rateBps / 8 }, { priority: index + 1 });
});

const WAYS = ['corridor', 'mptcp', 'w0'] as const;
const CONGESTIONS = ['cubic', 'bbr'] as const;
const DIRECTIONS = ['up', 'down'] as const;
type Direction = (typeof DIRECTIONS)[number];
const LOADS = { up: ['up'], down: ['down'], 'up and down': ['up', 'down'] } as const;
type Load = keyof typeof LOADS;
/** The stream's start belongs to its figures here: a full buffer is what it makes at first. Only connecting is left out. */
const SETTLE_MS = 500;

interface Options {
  readonly runs: number;
  readonly atOnce: number;
  readonly seconds: number;
  readonly strategy: string;
  readonly congestions: readonly string[];
  readonly ways: readonly Way[];
}

interface Delay {
  readonly lost: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** One run of one way under one load: one-way delays of vital signs in both directions, and what TCP got. */
interface Loaded {
  readonly way: Way;
  readonly congestion: string;
  readonly load: Load;
  readonly vitals: Readonly<Record<Direction, Delay>>;
  readonly idle: Readonly<Record<Direction, Delay>>;
  /** Of each direction of the load: with vital signs, and the same streams without. */
  readonly tcpBps: readonly number[];
  readonly aloneBps: readonly number[];
}

export function prepareBufferbloat(args: readonly string[]): () => Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { runs: TEXT, 'at-once': TEXT, seconds: TEXT, strategy: TEXT, congestion: TEXTS, way: TEXTS },
  });
  const { 'at-once': atOnce, ...counts } = numbers(values, { runs: 20, 'at-once': 2, seconds: 30 });
  const options = {
    ...counts,
    atOnce,
    strategy: values.strategy ?? BUILT_IN,
    congestions: choices('congestion', values.congestion, CONGESTIONS),
    ways: choices('way', values.way, WAYS),
  };
  return () => bufferbloat(options);
}

async function bufferbloat(options: Options): Promise<number> {
  const { ways, congestions } = possibleWays(options);
  const results: Loaded[] = [];
  for (let run = 0; run < options.runs; run += options.atOnce) {
    const vehicles = Math.min(options.atOnce, options.runs - run);
    process.stderr.write(`run ${run + 1} to ${run + vehicles} of ${options.runs}\n`);
    const policy = policyOf(options.strategy);
    const ground = await Ground.create({ links: LINKS, vehicles, seed: run + 1, policy });
    try {
      for (const way of ways) results.push(...(await runWay(ground, vehicles, way, congestions, options.seconds)));
    } finally {
      await ground.close();
    }
  }
  report(results, options);
  return 0;
}

function onAll<Result>(vehicles: number, act: (vehicle: number) => Promise<Result>): Promise<Result[]> {
  return Promise.all(Array.from({ length: vehicles }, (_, vehicle) => act(vehicle)));
}

async function runWay(
  ground: Ground,
  vehicles: number,
  way: Way,
  congestions: readonly string[],
  seconds: number,
): Promise<Loaded[]> {
  await ground.fresh();
  const idle = await onAll(vehicles, (vehicle) => feelOf(ground, vehicle, way, seconds));
  const results: Loaded[] = [];
  for (const congestion of congestions) {
    for (const load of Object.keys(LOADS) as Load[]) {
      const rates = (vehicle: number) => ratesOf(ground, vehicle, way, { congestion, seconds }, load);
      await ground.fresh();
      const alone = await onAll(vehicles, rates);
      await ground.fresh();
      const together = await onAll(vehicles, async (vehicle) => {
        const tcpBps = rates(vehicle);
        await pause(SETTLE_MS);
        return { vitals: await feelOf(ground, vehicle, way, seconds - 1), tcpBps: await tcpBps };
      });
      for (const [vehicle, one] of together.entries()) {
        const before = { idle: idle[vehicle] as Loaded['idle'], aloneBps: alone[vehicle] as Loaded['aloneBps'] };
        results.push({ way, congestion, load, ...before, ...one });
      }
    }
  }
  return results;
}

function ratesOf(
  ground: Ground,
  vehicle: number,
  way: Way,
  plan: { congestion: string; seconds: number },
  load: Load,
): Promise<number[]> {
  return Promise.all(
    LOADS[load].map(async (direction) => {
      const figures = await ground.stream(vehicle, way, { direction, ...plan });
      return goodputBps(figures, 0, plan.seconds * 1e6);
    }),
  );
}

/** Vital signs both ways for some seconds. MPTCP carries no datagrams: beside it they take the first link. */
async function feelOf(
  ground: Ground,
  vehicle: number,
  way: Way,
  seconds: number,
): Promise<Readonly<Record<Direction, Delay>>> {
  const carrier = way === 'mptcp' ? 'w0' : way;
  const [up, down] = await Promise.all(
    DIRECTIONS.map((direction) => ground.flow(vehicle, carrier, { ...vitals, direction }, seconds)),
  );
  return { up: delayOf(up), down: delayOf(down) };
}

function delayOf({ sent, received, delay }: Awaited<ReturnType<Ground['flow']>>): Delay {
  const { p50Us, p99Us, maxUs } = delay;
  return { lost: sent - received, p50Ms: p50Us / 1e3, p99Ms: p99Us / 1e3, maxMs: maxUs / 1e3 };
}

const percent = (share: number) => (100 * share).toFixed(0);

function report(results: readonly Loaded[], options: Options): void {
  const head = [
    'TCP, way, vital signs',
    'lost',
    'idle p50 ms',
    'idle p99',
    'loaded p50',
    'loaded p99 (min - max)',
    'p99 added',
    'TCP Mbit/s',
    '% of alone',
  ];
  const rows: string[][] = [];
  for (const key of new Set(results.map(({ way, congestion, load }) => `${congestion} ${load}, ${way}`))) {
    const same = results.filter(({ way, congestion, load }) => key === `${congestion} ${load}, ${way}`);
    for (const direction of DIRECTIONS) rows.push(row(`${key}, ${direction}`, same, direction));
  }
  process.stdout.write(`20/10/5 Mbit/s, 20/40/60 ms, a second of buffer each\n${table(head, rows)}\n`);
  process.stdout.write('asked of Corridor: nothing lost, p99 added at most 30 ms, TCP at least 90 % of alone\n');
  process.stdout.write(`${latenessLine(Ground.lateUs)}\n${describeMachine(machineFacts())}\n`);
  process.stdout.write(`written to ${writeResult('bufferbloat', { options, links: LINKS, results })}\n`);
}

function row(name: string, same: readonly Loaded[], direction: Direction): string[] {
  const median = (pick: (one: Loaded) => number) => digits(spreadOf(same.map(pick)).median);
  const sum = (rates: readonly number[]) => rates.reduce((total, rate) => total + rate, 0);
  return [
    name,
    String(same.reduce((lost, one) => lost + one.vitals[direction].lost + one.idle[direction].lost, 0)),
    median((one) => one.idle[direction].p50Ms),
    median((one) => one.idle[direction].p99Ms),
    median((one) => one.vitals[direction].p50Ms),
    spreadText(
      same.map((one) => one.vitals[direction].p99Ms),
      digits,
    ),
    median((one) => one.vitals[direction].p99Ms - one.idle[direction].p99Ms),
    median((one) => sum(one.tcpBps) / 1e6),
    spreadText(
      same.map((one) => sum(one.tcpBps) / sum(one.aloneBps)),
      percent,
    ),
  ];
}
