/** One run of one or more flows over one simulated link, and what came of it. */
import {
  DELIVERED_BYTES,
  type DirectionSpec,
  LinkDirection,
  percentile,
  Random,
  VirtualClock,
} from '../../src/index.js';
import { CubicFlow } from './cubic.js';
import { CongestedFlow, type FlowOptions } from './flow.js';

export interface RunSpec {
  readonly seed?: number;
  readonly seconds: number;
  /** What comes before is not measured. */
  readonly fromSeconds?: number;
  readonly link: DirectionSpec;
  readonly flows: readonly FlowOptions[];
  /** Starts a CUBIC flow beside. */
  readonly cubicFromSeconds?: number;
  readonly changes?: readonly {
    readonly atSeconds: number;
    readonly link?: Partial<DirectionSpec>;
    act?(flows: CongestedFlow[]): void;
  }[];
  readonly blackouts?: readonly (readonly [fromSeconds: number, toSeconds: number])[];
}

export interface RunResult {
  readonly flows: readonly FlowResult[];
  readonly cubicBps: number;
  /** Everything that came through while it was measured, bit/s. */
  readonly totalBps: number;
}

export interface FlowResult {
  readonly rateBps: number;
  /** Share of the packets sent that never arrived. */
  readonly lossRatio: number;
  /** One-way delay less that of the empty link, microseconds. */
  readonly delayUs: Percentiles;
  readonly vitalUs: Percentiles;
  /** In front of pacer and window, where the load is limited. */
  readonly waitUs: Percentiles;
  readonly flow: CongestedFlow;
}

export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export function run(spec: RunSpec): RunResult {
  const random = new Random(spec.seed ?? 1);
  const time = new VirtualClock();
  const link = new LinkDirection(spec.link, random.fork('link'));
  const fromUs = (spec.fromSeconds ?? 0) * 1e6;
  const untilUs = spec.seconds * 1e6;
  const flows = spec.flows.map(
    (options, i) =>
      new CongestedFlow(time, link, random.fork(`flow ${i}`), { stopUs: untilUs, measureFromUs: fromUs, ...options }),
  );
  const cubic =
    spec.cubicFromSeconds === undefined
      ? undefined
      : new CubicFlow(time, link, {
          backUs: spec.flows[0].backUs,
          startUs: spec.cubicFromSeconds * 1e6,
          stopUs: untilUs,
          measureFromUs: fromUs,
        });
  for (const { atSeconds, link: change, act } of spec.changes ?? []) {
    time.schedule(atSeconds * 1e6, () => {
      if (change !== undefined) link.set(change);
      act?.(flows);
    });
  }
  for (const [from, to] of spec.blackouts ?? []) {
    time.schedule(from * 1e6, () => {
      link.blackout = true;
    });
    time.schedule(to * 1e6, () => {
      link.blackout = false;
    });
  }
  time.runUntil(fromUs);
  const before = link.counters[DELIVERED_BYTES];
  time.runUntil(untilUs);
  const spanUs = untilUs - fromUs;
  return {
    flows: flows.map((flow) => ({
      rateBps: (flow.deliveredBytes * 8e6) / spanUs,
      lossRatio: flow.sentPackets === 0 ? 0 : flow.lostPackets / flow.sentPackets,
      delayUs: percentiles(flow.delaysUs, spec.link.delayUs),
      vitalUs: percentiles(flow.vitalDelaysUs, spec.link.delayUs),
      waitUs: percentiles(flow.waitsUs, 0),
      flow,
    })),
    cubicBps: ((cubic?.deliveredBytes ?? 0) * 8e6) / spanUs,
    totalBps: ((link.counters[DELIVERED_BYTES] - before) * 8e6) / spanUs,
  };
}

function percentiles(delaysUs: readonly number[], emptyUs: number): Percentiles {
  const sorted = Float64Array.from(delaysUs).sort();
  const at = (share: number) => (sorted.length === 0 ? Number.NaN : percentile(sorted, share) - emptyUs);
  return { p50: at(50), p95: at(95), p99: at(99) };
}
