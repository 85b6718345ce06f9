/**
 * Sixteen pairs of links as vehicles have them, written down once: on every one the tunnel must be as good as the better
 * link alone, without any setting, for one TCP connection and for one UDP flow at 90 % of the better link.
 *
 * Rates and delays are those of published measurements, rounded; delays are one way.
 */
import type { DirectionSpec, LinkSpec, Scenario, TrafficSpec } from '../scenario.js';
import { tcp } from './aggregate.js';
import { defaultPolicy, link } from './parts.js';

export interface LinkPairProfile {
  /** Lower case letters, digits and dashes. */
  readonly name: string;
  /** What the links are, and why the pair is in the set. */
  readonly description: string;
  readonly links: readonly LinkSpec[];
  /** The other link can add what is worth having to the better one. */
  readonly aggregates: boolean;
}

/** Both ways alike, `w0` first in the operator's order. */
function pair(first: DirectionSpec, second: DirectionSpec): LinkSpec[] {
  return [link('w0', first, { priority: 1 }), link('w1', second, { priority: 2 })];
}

interface TwoWays {
  readonly up: DirectionSpec;
  readonly down: DirectionSpec;
}

function pairOfWays(first: TwoWays, second: TwoWays): LinkSpec[] {
  return [
    { name: 'w0', ...first, priority: 1 },
    { name: 'w1', ...second, priority: 2 },
  ];
}

/** A cellular link: jitter of the scheduler, rare short bursts, buffer of about 300 ms. */
function lte(downBps: number, upBps: number, delayUs: number): TwoWays {
  const way = (rateBps: number): DirectionSpec => ({
    rateBps,
    delayUs,
    jitterUs: 8_000,
    lossRatio: 0.0003,
    queueBytes: Math.round((rateBps / 8) * 0.3),
  });
  return { up: way(upBps), down: way(downBps) };
}

/** 2 s of blockage by a passing lorry in 8 s: 300 ms pieces at 2 % of the rate between open ones. */
function blocked(rateBps: number): DirectionSpec {
  const open = Array<number>(20).fill(rateBps);
  const shut = Array<number>(3).fill(rateBps * 0.02);
  const bps = [...open, ...shut, ...open.slice(0, 12), ...shut, ...open.slice(0, 30), ...shut, ...open.slice(0, 9)];
  return { rateProfile: { stepUs: 100_000, bps }, delayUs: 8_000, jitterUs: 6_000, queueBytes: 1_000_000 };
}

/** A cell that others load and leave, every half second another rate. */
function contended(rates: readonly number[], delayUs: number): DirectionSpec {
  const bps = rates.map((mbps) => mbps * 1e6);
  return { rateProfile: { stepUs: 500_000, bps }, delayUs, jitterUs: 5_000, queueBytes: 400_000 };
}

const bursts = { enterRatio: 0.002, leaveRatio: 0.1, lossRatio: 0.8 };

export const linkPairProfiles: readonly LinkPairProfile[] = [
  {
    name: 'symmetric-clean',
    description: 'Two equal links without any trouble: the case in which everything must work.',
    links: pair({ rateBps: 20e6, delayUs: 20_000 }, { rateBps: 20e6, delayUs: 20_000 }),
    aggregates: true,
  },
  {
    name: 'symmetric-lossy',
    description: 'Two equal links with 1 % of random loss: striping multiplies what TCP takes for congestion.',
    links: pair(
      { rateBps: 20e6, delayUs: 25_000, lossRatio: 0.01 },
      { rateBps: 20e6, delayUs: 25_000, lossRatio: 0.01 },
    ),
    aggregates: true,
  },
  {
    name: 'symmetric-jittery',
    description: 'Two equal links with 30 ms of jitter: packets of two links overtake each other all the time.',
    links: pair(
      { rateBps: 20e6, delayUs: 25_000, jitterUs: 30_000 },
      { rateBps: 20e6, delayUs: 25_000, jitterUs: 30_000 },
    ),
    aggregates: true,
  },
  {
    name: 'rtt-spread',
    description: 'Equal rates, round trips 40 ms apart: reordering without any disturbance.',
    links: pair({ rateBps: 20e6, delayUs: 10_000 }, { rateBps: 20e6, delayUs: 30_000 }),
    aggregates: true,
  },
  {
    name: 'dual-lte',
    description: 'Two operators in town: unequal rates, scheduler jitter.',
    links: pairOfWays(lte(40e6, 12e6, 25_000), lte(25e6, 8e6, 32_000)),
    aggregates: true,
  },
  {
    name: 'fibre-lte',
    description: 'An ambulance in its hall: fibre and a cell. The cell must not slow the fibre down.',
    links: pairOfWays(
      { up: { rateBps: 100e6, delayUs: 4_000 }, down: { rateBps: 100e6, delayUs: 4_000 } },
      lte(20e6, 10e6, 30_000),
    ),
    aggregates: true,
  },
  {
    name: 'lte-satellite',
    description:
      'A cell, and a geostationary satellite with 600 ms of round trip: waiting for the far one ruins the near one.',
    links: pairOfWays(lte(15e6, 8e6, 30_000), {
      up: { rateBps: 3e6, delayUs: 300_000, jitterUs: 10_000, queueBytes: 300_000 },
      down: { rateBps: 20e6, delayUs: 300_000, jitterUs: 10_000, queueBytes: 1_500_000 },
    }),
    aggregates: true,
  },
  {
    name: 'ten-to-one',
    description: 'Rates of ten to one: nothing to gain worth having, much to lose.',
    links: pair({ rateBps: 50e6, delayUs: 15_000 }, { rateBps: 5e6, delayUs: 25_000 }),
    aggregates: false,
  },
  {
    name: 'asymmetric-ways',
    description: 'The link that is best towards the vehicle is the worst from it: directions must be judged apart.',
    links: pairOfWays(
      { up: { rateBps: 3e6, delayUs: 12_000 }, down: { rateBps: 50e6, delayUs: 12_000 } },
      { up: { rateBps: 20e6, delayUs: 20_000 }, down: { rateBps: 15e6, delayUs: 20_000 } },
    ),
    aggregates: true,
  },
  {
    name: 'bursty',
    description: 'Both links lose bursts of about ten packets: what one recovers at the price of a round trip.',
    links: pair({ rateBps: 20e6, delayUs: 25_000, burst: bursts }, { rateBps: 15e6, delayUs: 30_000, burst: bursts }),
    aggregates: true,
  },
  {
    name: 'policed',
    description: 'An operator that drops above the rate with hardly a queue: no delay tells that the link is full.',
    links: pair({ rateBps: 20e6, delayUs: 25_000, queueBytes: 15_000 }, { rateBps: 10e6, delayUs: 30_000 }),
    aggregates: true,
  },
  {
    name: 'mmwave-lte',
    description: '5G at millimetre waves, blocked for 300 ms now and then, and a steady cell.',
    links: [
      { name: 'w0', up: blocked(60e6), down: blocked(150e6), priority: 1 },
      { name: 'w1', ...lte(30e6, 12e6, 30_000), priority: 2 },
    ],
    aggregates: true,
  },
  {
    name: 'wifi-lte',
    description: 'Hospital Wi-Fi with contention (jitter, short losses) and a cell.',
    links: pairOfWays(
      {
        up: {
          rateBps: 30e6,
          delayUs: 5_000,
          jitterUs: 20_000,
          burst: { enterRatio: 0.001, leaveRatio: 0.3, lossRatio: 0.7 },
        },
        down: {
          rateBps: 40e6,
          delayUs: 5_000,
          jitterUs: 20_000,
          burst: { enterRatio: 0.001, leaveRatio: 0.3, lossRatio: 0.7 },
        },
      },
      lte(15e6, 8e6, 30_000),
    ),
    aggregates: true,
  },
  {
    name: 'lte-3g',
    description: 'A cell, and one of the generation before with a deep buffer: the slow one adds a few per cent.',
    links: pairOfWays(lte(20e6, 10e6, 30_000), {
      up: { rateBps: 0.8e6, delayUs: 80_000, jitterUs: 30_000, queueBytes: 150_000 },
      down: { rateBps: 2e6, delayUs: 80_000, jitterUs: 30_000, queueBytes: 400_000 },
    }),
    aggregates: false,
  },
  {
    name: 'deep-buffers',
    description: 'Two operators with two seconds of buffer: whoever fills them waits for his own packets.',
    links: pair(
      { rateBps: 12e6, delayUs: 35_000, queueBytes: 3_000_000 },
      { rateBps: 8e6, delayUs: 45_000, queueBytes: 2_000_000 },
    ),
    aggregates: true,
  },
  {
    name: 'contended-cells',
    description:
      'Two loaded cells whose rates change every half second between 2 and 20 Mbit/s: no rate holds for long.',
    links: pair(contended([20, 12, 6, 14, 3, 8, 18, 10], 30_000), contended([5, 10, 14, 4, 12, 16, 2, 9, 7], 38_000)),
    aggregates: true,
  },
];

const START_US = 2_000_000;
const STOP_US = 17_000_000;
const DURATION_US = 18_000_000;

/** What the better of the links carries on average in a direction, bits per second. */
export function bestLinkBps(links: readonly LinkSpec[], direction: 'up' | 'down'): number {
  return Math.max(...links.map((spec) => meanBps(spec[direction])));
}

function meanBps({ rateBps, rateProfile }: DirectionSpec): number {
  if (rateProfile === undefined) return rateBps ?? 0;
  return rateProfile.bps.reduce((sum, bps) => sum + bps, 0) / rateProfile.bps.length;
}

export type ProfileLoad = 'tcp-cubic' | 'tcp-bbr' | 'udp';

/** `profile-NAME-LOAD-DIRECTION`, and `-only-LINK` behind it for the control with one link of the pair. */
export function profileScenario(
  profile: LinkPairProfile,
  load: ProfileLoad,
  direction: 'up' | 'down',
  only?: string,
): Scenario {
  const links = only === undefined ? profile.links : profile.links.filter(({ name }) => name === only);
  if (links.length === 0) throw new RangeError(`profile ${profile.name} has no link ${only}`);
  const which = only === undefined ? '' : ` Only ${only}, as control.`;
  return {
    name: `profile-${profile.name}-${load}-${direction}${only === undefined ? '' : `-only-${only}`}`,
    description: `${profile.description} ${load === 'udp' ? 'UDP at 90 % of the better link' : `One ${load}`}, ${direction}.${which}`,
    durationUs: DURATION_US,
    vehicles: 1,
    links,
    traffic: [{ ...loadOf(profile, load, direction), startUs: START_US, stopUs: STOP_US }],
    policy: defaultPolicy(),
    steps: [],
  };
}

function loadOf(profile: LinkPairProfile, load: ProfileLoad, direction: 'up' | 'down'): TrafficSpec {
  if (load === 'tcp-cubic') return tcp(direction, 'cubic');
  if (load === 'tcp-bbr') return tcp(direction, 'bbr');
  return { kind: 'udp', direction, rateBps: 0.9 * bestLinkBps(profile.links, direction), bytes: 1_200 };
}

const LOADS: readonly ProfileLoad[] = ['tcp-cubic', 'tcp-bbr', 'udp'];

/** Every profile with one TCP connection and with UDP, from the vehicle. */
export const profileScenarios: readonly Scenario[] = linkPairProfiles.flatMap((profile) => [
  profileScenario(profile, 'tcp-cubic', 'up'),
  profileScenario(profile, 'udp', 'up'),
]);

/** The same with BBR, the other way, and with one link of each pair: built when they are asked for. */
export function profileVariants(): Scenario[] {
  return linkPairProfiles.flatMap((profile) =>
    LOADS.flatMap((load) =>
      (['up', 'down'] as const).flatMap((direction) => [
        profileScenario(profile, load, direction),
        ...profile.links.map(({ name }) => profileScenario(profile, load, direction, name)),
      ]),
    ),
  );
}
