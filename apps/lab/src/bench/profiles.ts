/**
 * `npm run bench -- profiles`: sixteen pairs of links on which the tunnel must never be worse than the better link alone.
 * One TCP stream, and one UDP flow at 90 % of the better link, each way; the bare links take turns with the tunnel.
 */
import { parseArgs } from 'node:util';
import { bestLinkBps, type LinkPairProfile, linkPairProfiles } from '@corridor/sim';
import { goodputBps } from './ground/goodput.js';
import { Ground, type Way } from './ground/ground.js';
import { possibleWays } from './ground/possible.js';
import { choices, numbers, TEXT, TEXTS } from './options.js';
import { BUILT_IN, policyOf } from './policy.js';
import { describeMachine, latenessLine, machineFacts, writeResult } from './results.js';
import { spreadOf, spreadText } from './statistics.js';
import { digits, table } from './table.js';

export const PROFILES_USAGE = `  profiles     sixteen pairs of links: TCP and UDP beside the better link alone
               --runs N (3)  --at-once N (1)  --seconds N (15)  --strategy NAME (${BUILT_IN})
               --profile NAME  --load tcp|udp  --way corridor|mptcp  (all; may be given more than once)
               --congestion cubic|bbr (cubic)`;

const LOADS = ['tcp', 'udp'] as const;
type Load = (typeof LOADS)[number];
const DIRECTIONS = ['up', 'down'] as const;
type Direction = (typeof DIRECTIONS)[number];
const WAYS = ['corridor', 'mptcp'] as const;
/** TCP needs this long to find out what there is, on every way. */
const START_US = 3e6;
const UDP_BYTES = 1_200;
/** Of the better link. */
const UDP_SHARE = 0.9;
/** Of what the better link carries bare in the same run. */
const GOAL = 0.97;

interface Options {
  readonly runs: number;
  readonly atOnce: number;
  readonly seconds: number;
  readonly strategy: string;
  readonly congestion: string;
  readonly profiles: readonly LinkPairProfile[];
  readonly loads: readonly Load[];
  readonly ways: readonly Way[];
}

/** One load in one direction of one profile; a rate a run for every way, links included. */
export interface ProfileEntry {
  readonly profile: string;
  readonly load: Load;
  readonly direction: Direction;
  readonly aggregates: boolean;
  readonly rates: Readonly<Record<Way, number[]>>;
}

export function prepareProfiles(args: readonly string[]): () => Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...{ runs: TEXT, 'at-once': TEXT, seconds: TEXT, strategy: TEXT, congestion: TEXT },
      ...{ profile: TEXTS, load: TEXTS, way: TEXTS },
    },
  });
  const { 'at-once': atOnce, ...counts } = numbers(values, { runs: 3, 'at-once': 1, seconds: 15 });
  if (counts.seconds < 6) throw new Error('--seconds: at least 6 were expected, the first 3 are the start.');
  const names = linkPairProfiles.map(({ name }) => name);
  const chosen = choices('profile', values.profile, names);
  const options = {
    ...counts,
    atOnce,
    strategy: values.strategy ?? BUILT_IN,
    congestion: values.congestion ?? 'cubic',
    profiles: linkPairProfiles.filter(({ name }) => chosen.includes(name)),
    loads: choices('load', values.load, LOADS),
    ways: choices('way', values.way, WAYS),
  };
  return () => profiles(options);
}

async function profiles(options: Options): Promise<number> {
  const { ways, congestions } = possibleWays({ ways: options.ways, congestions: [options.congestion] });
  if (congestions.length === 0) return 1;
  const entries: ProfileEntry[] = [];
  for (const profile of options.profiles) {
    const mine = options.loads.flatMap((load) =>
      DIRECTIONS.map((direction) => newEntry(profile, load, direction, ways)),
    );
    entries.push(...mine);
    for (let run = 0; run < options.runs; run += options.atOnce) {
      const vehicles = Math.min(options.atOnce, options.runs - run);
      process.stderr.write(`${profile.name}: run ${run + 1} to ${run + vehicles} of ${options.runs}\n`);
      await runProfile(profile, mine, vehicles, run + 1, options);
    }
    process.stdout.write(`${profile.name}: ${profile.description}\n${profileTable(mine)}\n\n`);
  }
  process.stdout.write(`${summary(entries)}\n${latenessLine(Ground.lateUs)}\n${describeMachine(machineFacts())}\n`);
  process.stdout.write(`written to ${writeResult('profiles', { options, entries })}\n`);
  return 0;
}

function newEntry(profile: LinkPairProfile, load: Load, direction: Direction, ways: readonly Way[]): ProfileEntry {
  const all = [...ways.filter((way) => load === 'tcp' || way !== 'mptcp'), ...profile.links.map(({ name }) => name)];
  const rates = Object.fromEntries(all.map((way) => [way, []]));
  return { profile: profile.name, load, direction, aggregates: profile.aggregates, rates };
}

async function runProfile(
  profile: LinkPairProfile,
  entries: readonly ProfileEntry[],
  vehicles: number,
  seed: number,
  options: Options,
): Promise<void> {
  const ground = await Ground.create({ links: profile.links, vehicles, seed, policy: policyOf(options.strategy) });
  try {
    for (const entry of entries) {
      for (const [way, rates] of Object.entries(entry.rates)) {
        await ground.fresh();
        const measure = entry.load === 'tcp' ? tcpBps : udpBps;
        const each = Array.from({ length: vehicles }, (_, vehicle) =>
          measure(ground, vehicle, way, entry.direction, profile, options),
        );
        rates.push(...(await Promise.all(each)));
      }
    }
  } finally {
    await ground.close();
  }
}

async function tcpBps(
  ground: Ground,
  vehicle: number,
  way: Way,
  direction: Direction,
  _: LinkPairProfile,
  { seconds, congestion }: Options,
): Promise<number> {
  const figures = await ground.stream(vehicle, way, { direction, seconds, congestion });
  return goodputBps(figures, START_US, seconds * 1e6);
}

/** What arrived of the flow, as a rate of whole packets. */
async function udpBps(
  ground: Ground,
  vehicle: number,
  way: Way,
  direction: Direction,
  { links }: LinkPairProfile,
  { seconds }: Options,
): Promise<number> {
  const rateBps = UDP_SHARE * bestLinkBps(links, direction);
  const spec = { kind: 'udp', direction, rateBps, bytes: UDP_BYTES } as const;
  const { received, sent } = await ground.flow(vehicle, way, spec, seconds);
  return (rateBps * received) / Math.max(1, sent);
}

/** The link that carried most bare, by the median of its runs. */
export function bestLink({ rates }: ProfileEntry): string {
  const links = Object.keys(rates).filter((way) => way !== 'corridor' && way !== 'mptcp');
  const median = (link: string) => spreadOf(rates[link] ?? []).median;
  return links.reduce((best, link) => (median(link) > median(best) ? link : best));
}

/** Of each run: the rate of a way over that of the best link in the same run. */
export function sharesOfBest(entry: ProfileEntry, way: Way): number[] {
  const best = entry.rates[bestLink(entry)] ?? [];
  return (entry.rates[way] ?? []).map((rate, run) => rate / (best[run] ?? Number.NaN));
}

const times = (share: number) => share.toFixed(2);

function profileTable(entries: readonly ProfileEntry[]): string {
  const head = ['load', 'best link', 'Mbit/s', 'Corridor Mbit/s', 'of the best link (min - max)', 'MPTCP of the best'];
  const rows = entries.map((entry) => {
    const best = bestLink(entry);
    const mbps = (way: Way) => digits(spreadOf(entry.rates[way] ?? []).median / 1e6);
    return [
      `${entry.load} ${entry.direction}`,
      best,
      mbps(best),
      'corridor' in entry.rates ? mbps('corridor') : '-',
      spreadText(sharesOfBest(entry, 'corridor'), times),
      spreadText(sharesOfBest(entry, 'mptcp'), times),
    ];
  });
  return table(head, rows);
}

function summary(entries: readonly ProfileEntry[]): string {
  const shares = entries
    .filter(({ rates }) => 'corridor' in rates)
    .map((entry) => ({ entry, share: spreadOf(sharesOfBest(entry, 'corridor')).median }))
    .sort((a, b) => a.share - b.share);
  const [worst] = shares;
  if (worst === undefined) return 'Corridor took no part';
  const short = shares.filter(({ share }) => share < GOAL);
  const name = ({ profile, load, direction }: ProfileEntry) => `${profile} ${load} ${direction}`;
  const lines = [`${shares.length - short.length} of ${shares.length} at least ${GOAL} of the best link`];
  lines.push(`the worst: ${name(worst.entry)}, ${times(worst.share)}`);
  if (short.length > 0)
    lines.push(`below: ${short.map(({ entry, share }) => `${name(entry)} ${times(share)}`).join(', ')}`);
  const gains = shares.filter(({ entry }) => entry.aggregates && entry.load === 'tcp').map(({ share }) => share);
  if (gains.length > 0) lines.push(`TCP where the links add up: ${spreadText(gains, times)} of the best link`);
  return lines.join('\n');
}
