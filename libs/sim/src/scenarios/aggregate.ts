/** One TCP connection over several links at once: the goodput is what counts. */
import type { DirectionSpec, LinkSpec, Scenario, ScenarioStep, TcpCongestion, TrafficSpec } from '../scenario.js';
import { defaultPolicy, link } from './parts.js';

const START_US = 2_000_000;
const STOP_US = 27_000_000;
const DURATION_US = 28_000_000;

/** 20, 10 and 5 Mbit/s at 20, 40 and 60 ms one way: 35 Mbit/s together. */
export function unequalLinks(change: Partial<DirectionSpec> = {}): LinkSpec[] {
  return [
    link('w0', { rateBps: 20e6, delayUs: 20_000, ...change }, { priority: 1 }),
    link('w1', { rateBps: 10e6, delayUs: 40_000, ...change }, { priority: 2 }),
    link('w2', { rateBps: 5e6, delayUs: 60_000, ...change }, { priority: 3 }),
  ];
}

/** Twice 50 Mbit/s at 25 ms. */
export function equalLinks(change: Partial<DirectionSpec> = {}): LinkSpec[] {
  return ['w0', 'w1'].map((name, index) =>
    link(name, { rateBps: 50e6, delayUs: 25_000, ...change }, { priority: index + 1 }),
  );
}

/** A connection with an application that always has data. */
export function tcp(direction: 'up' | 'down', congestion: TcpCongestion = 'cubic'): TrafficSpec {
  return { kind: 'tcp', direction, bytes: 0, congestion };
}

/** What the links of a scenario carry together in a direction, as far as their rates are set, mean of a time, bits per second. */
export function linkSumBps(
  scenario: Scenario,
  direction: 'up' | 'down',
  fromUs = 0,
  toUs = scenario.durationUs,
): number {
  const meanBps = ({ name, [direction]: { rateBps = 0 } }: LinkSpec) => {
    let bits = rateBps * (toUs - fromUs);
    let beforeBps = rateBps;
    for (const step of scenario.steps) {
      if (step.action !== 'set' || step.link !== name) continue;
      if (step.direction !== undefined && step.direction !== 'both' && step.direction !== direction) continue;
      const nextBps = step.set.rateBps ?? beforeBps;
      bits += (nextBps - beforeBps) * Math.max(0, toUs - Math.max(fromUs, step.atUs));
      beforeBps = nextBps;
    }
    return bits / (toUs - fromUs);
  };
  return scenario.links.reduce((sum, spec) => sum + meanBps(spec), 0);
}

const DIRECTIONS = ['up', 'down'] as const;
const CONTROLS = ['cubic', 'bbr'] as const;

interface Kind {
  readonly name: string;
  readonly what: string;
  readonly links: readonly LinkSpec[];
  readonly steps?: readonly ScenarioStep[];
}

/** The rate falls to a tenth, with what stands in its queue, and comes back. */
function drop(name: string, rateBps: number): ScenarioStep[] {
  return [
    { atUs: 10_000_000, action: 'set', link: name, set: { rateBps: rateBps / 10 } },
    { atUs: 18_000_000, action: 'set', link: name, set: { rateBps } },
  ];
}

const KINDS: readonly Kind[] = [
  { name: '', what: '20, 10 and 5 Mbit/s at 20, 40 and 60 ms', links: unequalLinks() },
  { name: '-lossy', what: '20, 10 and 5 Mbit/s, 1 % random loss each', links: unequalLinks({ lossRatio: 0.01 }) },
  { name: '-equal', what: 'twice 50 Mbit/s at 25 ms', links: equalLinks() },
  { name: '-equal-lossy', what: 'twice 50 Mbit/s, 1 % random loss each', links: equalLinks({ lossRatio: 0.01 }) },
  {
    name: '-drop',
    what: '20, 10 and 5 Mbit/s; the fastest falls to a tenth for 8 s',
    links: unequalLinks(),
    steps: drop('w0', 20e6),
  },
];

/** `aggregate[-lossy|-equal|-equal-lossy|-drop]-cubic|bbr-up|down`. */
export const aggregateScenarios: readonly Scenario[] = KINDS.flatMap(({ name, what, links, steps }) =>
  CONTROLS.flatMap((congestion) =>
    DIRECTIONS.map(
      (direction): Scenario => ({
        name: `aggregate${name}-${congestion}-${direction}`,
        description: `One TCP connection (${congestion.toUpperCase()}) ${direction} over ${what}.`,
        durationUs: DURATION_US,
        vehicles: 1,
        links,
        traffic: [{ ...tcp(direction, congestion), startUs: START_US, stopUs: STOP_US }],
        policy: defaultPolicy(),
        steps: steps ?? [],
      }),
    ),
  ),
);
