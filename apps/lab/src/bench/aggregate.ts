/**
 * `npm run bench -- aggregate`: what one TCP stream gets of links together. Corridor, MPTCP and the best link alone take
 * turns on the very same emulated links; several vehicles run at once, each with links of its own.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type LinkSpec, link } from '@corridor/sim';
import { goodputBps, timeUntilBps } from './ground/goodput.js';
import { Ground, type Way } from './ground/ground.js';
import { possibleWays } from './ground/possible.js';
import type { StreamFigures } from './ground/streams.js';
import { choices, numbers, TEXT, TEXTS } from './options.js';
import { BUILT_IN, policyOf } from './policy.js';
import { describeMachine, latenessLine, machineFacts, writeResult } from './results.js';
import { spreadText } from './statistics.js';
import { digits, table } from './table.js';

export const AGGREGATE_USAGE = `  aggregate    one TCP stream over several links: Corridor, MPTCP, the best link alone
               --runs N (20)  --at-once N (2)  --seconds N (20)  --strategy NAME (${BUILT_IN})
               --case NAME  --congestion NAME  --way NAME  (all; may be given more than once)`;

interface Case {
  readonly name: string;
  readonly what: string;
  readonly links: readonly LinkSpec[];
  /** Share of the sum that Corridor is asked for. */
  readonly goal: number;
  /** The stream lasts half as long again, and during its middle third the first link has a tenth of its rate. */
  readonly cliff?: true;
}

const MBIT = 1e6;
/** The stream's start does not count: it has a column of its own. */
const START_US = 5e6;
/** How soon after a change of rate the stream has to have what there is: measured in windows of this length. */
const WINDOW_US = 1e6;
const SETTLED_SHARE = 0.75;
const CLIFF_LENGTH = 1.5;

const unequal = (lossRatio = 0): LinkSpec[] =>
  [
    [20, 20],
    [10, 40],
    [5, 60],
  ].map(([mbps, ms], index) =>
    link(`w${index}`, { rateBps: mbps * MBIT, delayUs: ms * 1_000, lossRatio }, { priority: index + 1 }),
  );

const equal = (): LinkSpec[] =>
  [0, 1].map((index) => link(`w${index}`, { rateBps: 50 * MBIT, delayUs: 25_000 }, { priority: index + 1 }));

const CASES: readonly Case[] = [
  { name: 'unequal', what: '20/10/5 Mbit/s, 20/40/60 ms', links: unequal(), goal: 0.85 },
  { name: 'unequal-lossy', what: '20/10/5 Mbit/s, 20/40/60 ms, 1 % loss each', links: unequal(0.01), goal: 0.8 },
  { name: 'equal', what: '2 x 50 Mbit/s, 25 ms', links: equal(), goal: 0.88 },
  {
    name: 'cliff',
    what: '20/10/5 Mbit/s; the first at 2 in the middle third',
    links: unequal(),
    goal: 0.85,
    cliff: true,
  },
];

const CONGESTIONS = ['cubic', 'bbr'] as const;
const DIRECTIONS = ['up', 'down'] as const;
const WAYS = ['corridor', 'mptcp', 'w0'] as const;

interface Options {
  readonly runs: number;
  readonly atOnce: number;
  readonly seconds: number;
  readonly strategy: string;
  readonly cases: readonly Case[];
  readonly congestions: readonly string[];
  readonly ways: readonly Way[];
}

interface Entry {
  readonly case: string;
  readonly congestion: string;
  readonly direction: 'up' | 'down';
  readonly way: Way;
  /** Of the sum of the links' rates, after the start. */
  readonly shares: number[];
  readonly startShares: number[];
  /** Cliff: seconds until the stream had most of what there was, after the drop and after the recovery. */
  readonly settledS: number[];
  readonly recoveredS: number[];
}

export function prepareAggregate(args: readonly string[]): () => Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: TEXT,
      'at-once': TEXT,
      seconds: TEXT,
      strategy: TEXT,
      case: TEXTS,
      congestion: TEXTS,
      way: TEXTS,
    },
  });
  const counts = numbers(values, { runs: 20, 'at-once': 2, seconds: 20 });
  if (counts.seconds < 10) throw new Error('--seconds: at least 10 were expected, the first 5 are the start.');
  const names = choices(
    'case',
    values.case,
    CASES.map(({ name }) => name),
  );
  const options = {
    runs: counts.runs,
    atOnce: counts['at-once'],
    seconds: counts.seconds,
    strategy: values.strategy ?? BUILT_IN,
    cases: CASES.filter(({ name }) => names.includes(name)),
    congestions: choices('congestion', values.congestion, CONGESTIONS),
    ways: choices('way', values.way, WAYS),
  };
  return () => aggregate(options);
}

async function aggregate(options: Options): Promise<number> {
  const { ways, congestions } = possibleWays(options);
  const entries: Entry[] = [];
  for (const set of options.cases) {
    const mine = congestions.flatMap((congestion) =>
      DIRECTIONS.flatMap((direction) => ways.map((way) => newEntry(set.name, congestion, direction, way))),
    );
    entries.push(...mine);
    for (let run = 0; run < options.runs; run += options.atOnce) {
      const vehicles = Math.min(options.atOnce, options.runs - run);
      process.stderr.write(`${set.name}: run ${run + 1} to ${run + vehicles} of ${options.runs}\n`);
      await runCase(set, mine, vehicles, run + 1, options);
    }
    process.stdout.write(`${set.name}: ${set.what}\n${caseTable(set, mine)}\n\n`);
  }
  process.stdout.write(`${latenessLine(Ground.lateUs)}\n${describeMachine(machineFacts())}\n`);
  process.stdout.write(`written to ${writeResult('aggregate', { options, entries })}\n`);
  return 0;
}

function newEntry(name: string, congestion: string, direction: 'up' | 'down', way: Way): Entry {
  return { case: name, congestion, direction, way, shares: [], startShares: [], settledS: [], recoveredS: [] };
}

async function runCase(set: Case, entries: readonly Entry[], vehicles: number, seed: number, options: Options) {
  const ground = await Ground.create({ links: set.links, vehicles, seed, policy: policyOf(options.strategy) });
  try {
    for (const entry of entries) {
      await ground.fresh();
      const { congestion, direction, way } = entry;
      const seconds = set.cliff ? options.seconds * CLIFF_LENGTH : options.seconds;
      const streams = Array.from({ length: vehicles }, (_, vehicle) =>
        ground.stream(vehicle, way, { congestion, direction, seconds }),
      );
      if (set.cliff) await dropAndRecover(ground, vehicles, set.links[0] as LinkSpec, seconds);
      for (const figures of await Promise.all(streams)) note(set, entry, figures, seconds);
    }
  } finally {
    await ground.close();
  }
}

async function dropAndRecover(ground: Ground, vehicles: number, first: LinkSpec, seconds: number): Promise<void> {
  const rateBps = first.up.rateBps as number;
  for (const rate of [rateBps / 10, rateBps]) {
    await pause((seconds * 1_000) / 3);
    for (let vehicle = 0; vehicle < vehicles; vehicle++) {
      ground.lab.setLink(vehicle, first.name, 'both', { rateBps: rate });
    }
  }
}

function note(set: Case, entry: Entry, figures: StreamFigures, seconds: number): void {
  const rates = set.links.map(({ up }) => up.rateBps as number);
  const sum = rates.reduce((total, rate) => total + rate, 0);
  const endUs = seconds * 1e6;
  entry.startShares.push(goodputBps(figures, 0, START_US) / sum);
  if (!set.cliff) {
    entry.shares.push(goodputBps(figures, START_US, endUs) / sum);
    return;
  }
  const low = sum - 0.9 * (rates[0] as number);
  const [dropUs, recoveryUs] = [endUs / 3, (endUs * 2) / 3];
  const offered = (sum * (dropUs - START_US) + low * (recoveryUs - dropUs) + sum * (endUs - recoveryUs)) / 1e6;
  entry.shares.push((goodputBps(figures, START_US, endUs) * (endUs - START_US)) / 1e6 / offered);
  // The queue of before the drop still arrives right after it: what counts is the rate once that is over.
  entry.settledS.push(timeUntilBps(figures, SETTLED_SHARE * low, dropUs + WINDOW_US, WINDOW_US) / 1e6 + 1);
  entry.recoveredS.push(timeUntilBps(figures, SETTLED_SHARE * sum, recoveryUs, WINDOW_US) / 1e6);
}

const percent = (share: number) => (100 * share).toFixed(0);
const orNever = (seconds: number) => (Number.isFinite(seconds) ? digits(seconds) : 'never');

function caseTable(set: Case, entries: readonly Entry[]): string {
  const head = ['share of the sum, %', 'median (min - max)', 'asked', 'first 5 s'];
  if (set.cliff) head.push('s until 75 % after the drop', 'after the recovery');
  const rows = entries.map((entry) => [
    `${entry.congestion} ${entry.direction} ${entry.way}`,
    spreadText(entry.shares, percent),
    entry.way === 'corridor' ? percent(set.goal) : '',
    spreadText(entry.startShares, percent),
    ...(set.cliff ? [spreadText(entry.settledS, orNever), spreadText(entry.recoveredS, orNever)] : []),
  ]);
  return table(head, rows);
}
