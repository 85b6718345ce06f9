/** Random histories of one vehicle's tunnel, from a seed: links, traffic, policies, and everything that can happen to them. */
import { builtInPolicy, type ClassPolicy, type TunnelPolicy } from '@corridor/tunnel';
import {
  type DirectionChange,
  type DirectionSpec,
  type LinkSpec,
  Random,
  type ScenarioStep,
  type TrafficSpec,
} from '../../src/index.js';

/** What scenarios have no step for: a modem is pulled out or put back, a path is taken out of use by a drill. */
export type HistoryStep =
  | Exclude<ScenarioStep, { action: 'restart-gateway' }>
  | { readonly atUs: number; readonly action: 'unplug' | 'plug' | 'block' | 'unblock'; readonly link: string }
  | { readonly atUs: number; readonly action: 'restart-gateway'; readonly downUs: number };

export interface History {
  readonly seed: number;
  /** What its traffic stops at; then everything heals, and the tunnel comes to rest. */
  readonly durationUs: number;
  readonly links: readonly LinkSpec[];
  readonly policy: TunnelPolicy;
  readonly traffic: readonly TrafficSpec[];
  readonly steps: readonly HistoryStep[];
}

const STRATEGIES = [
  'adaptive',
  'active-standby',
  'smallest-delay',
  'load-balancing',
  'priority-based',
  'redundant',
] as const;

/** In this many of a hundred histories the gateway restarts; in so many they last beyond the life of the session's keys. */
const RESTARTS = 6;
const LONG = 4;
const LONG_US = 135_000_000;

export function randomHistory(seed: number): History {
  const random = new Random(seed).fork('history');
  const isLong = random.below(100) < LONG;
  const durationUs = isLong ? LONG_US : 7_000_000 + random.below(6_000_000);
  const links = Array.from({ length: 2 + random.below(3) }, (_, index) => randomLink(random, index));
  const steps = randomSteps(random, links, durationUs);
  if (random.below(100) < RESTARTS) {
    const atUs = 3_000_000 + random.below(durationUs - 5_000_000);
    steps.push({ atUs, action: 'restart-gateway', downUs: 300_000 + random.below(1_500_000) });
  }
  steps.sort((a, b) => a.atUs - b.atUs);
  return { seed, durationUs, links, policy: randomPolicy(random, 1), traffic: randomTraffic(random, isLong), steps };
}

function oneOf<T>(random: Random, options: readonly T[]): T {
  return options[random.below(options.length)];
}

function randomLink(random: Random, index: number): LinkSpec {
  const isBad = random.below(3) === 0;
  const way = (): DirectionSpec => ({ rateBps: 3e6 + random.below(40e6), ...randomQuality(random, isBad) });
  const up = way();
  const down = random.below(2) === 0 ? up : way();
  const nat = random.below(2) === 0 ? { nat: {} } : {};
  return { name: `w${index}`, up, down, ...nat, priority: 1 + random.below(3), metered: random.below(4) === 0 };
}

function randomQuality(random: Random, isBad: boolean): Omit<DirectionSpec, 'rateBps'> {
  return {
    delayUs: 2_000 + random.below(isBad ? 250_000 : 55_000),
    jitterUs: random.below(isBad ? 60_000 : 15_000),
    lossRatio: random.below(2) === 0 ? 0 : random.next() * (isBad ? 0.2 : 0.01),
    queueBytes: 80_000 + random.below(400_000),
    ...(random.below(4) === 0 ? { reorderRatio: random.next() * 0.1 } : {}),
    ...(random.below(4) === 0 ? { duplicateRatio: random.next() * 0.1 } : {}),
    ...(isBad && random.below(2) === 0
      ? { burst: { enterRatio: 0.01 * random.next(), leaveRatio: 0.05 + 0.3 * random.next(), lossRatio: 0.9 } }
      : {}),
  };
}

function randomPolicy(random: Random, version: number): TunnelPolicy {
  if (random.below(4) === 0) return { ...builtInPolicy, version };
  return {
    version,
    default: randomClass(random),
    classes: [
      {
        name: 'vitals',
        ...randomClass(random),
        urgent: random.below(2) === 0,
        redundancy: random.below(4),
        match: [{ dscp: [46] }],
      },
      { name: 'video', ...randomClass(random), redundancy: random.next() * 0.5, match: [{ dscp: [34] }] },
    ],
  };
}

function randomClass(random: Random): ClassPolicy {
  return {
    strategy: oneOf(random, STRATEGIES),
    deadlineMs: oneOf(random, [300, 1_000, 1_500, 3_000, 3_000]),
    order: oneOf(random, ['auto', 'flow', 'none'] as const),
    spread: oneOf(random, ['packets', 'flows', 'none'] as const),
    ...(random.below(4) === 0 ? { avoid: ['metered'] as const } : {}),
  };
}

/** Little enough that any good link carries all of it several times. */
function randomTraffic(random: Random, isLong: boolean): TrafficSpec[] {
  const scale = isLong ? 0.1 : 1;
  const flow = (kind: 'vitals' | 'udp', direction: 'up' | 'down', most: number): TrafficSpec => ({
    kind,
    direction,
    packetsPerSecond: Math.max(1, Math.round((5 + random.below(most)) * scale)),
    bytes: 80 + random.below(kind === 'vitals' ? 300 : 1_100),
    dscp: kind === 'vitals' ? 46 : oneOf(random, [0, 34, 8]),
  });
  const flows = [flow('vitals', 'up', 30), flow('udp', 'up', 60), flow('udp', 'down', 40)];
  if (random.below(2) === 0) flows.push(flow('vitals', 'down', 30));
  // A connection beside them fills every queue: nothing is promised then, but nothing may come twice or changed either.
  if (!isLong && random.below(10) === 0)
    flows.push({ kind: 'tcp', direction: oneOf(random, ['up', 'down']), bytes: 0 });
  return flows;
}

/** Half of the histories leave one link alone. */
function randomSteps(random: Random, links: readonly LinkSpec[], durationUs: number): HistoryStep[] {
  const spared = random.below(2) === 0 ? random.below(links.length) : -1;
  const touched = links.filter((_, index) => index !== spared);
  const steps: HistoryStep[] = [];
  const count = 1 + random.below(12);
  for (let i = 0; i < count; i++) {
    const atUs = 2_500_000 + random.below(durationUs - 3_000_000);
    steps.push(...randomEvent(random, atUs, oneOf(random, touched).name, i));
  }
  return steps;
}

function randomEvent(random: Random, atUs: number, link: string, index: number): HistoryStep[] {
  const laterUs = atUs + 50_000 + random.below(oneOf(random, [400_000, 4_000_000]));
  switch (random.below(8)) {
    case 0:
    case 1: {
      const direction = oneOf(random, ['up', 'down', 'both', 'both'] as const);
      return [
        { atUs, action: 'blackout', link, direction },
        { atUs: laterUs, action: 'restore', link, direction },
      ];
    }
    case 2:
      return [{ atUs, action: 'change-address', link }];
    case 3:
      return [{ atUs, action: 'rebind-nat', link }];
    case 4:
      return [
        { atUs, action: 'unplug', link },
        { atUs: laterUs, action: 'plug', link },
      ];
    case 5:
      return [
        { atUs, action: 'block', link },
        { atUs: laterUs, action: 'unblock', link },
      ];
    case 6:
      return [
        { atUs, action: 'set', link, direction: oneOf(random, ['up', 'down', 'both']), set: randomChange(random) },
      ];
    default:
      return [{ atUs, action: 'policy', policy: randomPolicy(random, index + 2) }];
  }
}

function randomChange(random: Random): DirectionChange {
  const rateBps = oneOf(random, [0.1e6, 0.5e6, 5e6, 20e6]);
  return { rateBps, ...randomQuality(random, random.below(2) === 0) };
}
