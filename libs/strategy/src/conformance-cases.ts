/** Traces of path snapshots, as data, through which the conformance kit leads every strategy. */
import type { DirectionSnapshot, PathSnapshot, PathState } from './sdk.js';

/** Paths as they were at one moment. */
export interface TraceStep {
  readonly atUs: number;
  readonly paths: readonly PathSnapshot[];
}

export interface ConformanceCase {
  /** What the trace shows, as a sentence. */
  readonly name: string;
  readonly steps: readonly TraceStep[];
  /** How often the first path of the plan may change. Default: as often as it likes. */
  readonly maxSwitches?: number;
}

/** A change of the defaults of {@link path}. */
export interface PathChange {
  readonly state?: PathState;
  /** One-way delay of both directions, milliseconds; 0: never measured. */
  readonly delayMs?: number;
  /** Delay above the smallest one in the sending direction, milliseconds. */
  readonly queueMs?: number;
  readonly lossRatio?: number;
  readonly priority?: number;
  readonly metered?: boolean;
}

/** A snapshot for tests: path `id`, named `w<id>`, up, priority 1, 20 ms one way, unless `change` says otherwise. */
export function path(id: number, change: PathChange = {}): PathSnapshot {
  const delayUs = (change.delayMs ?? 20) * 1000;
  const queueUs = (change.queueMs ?? 0) * 1000;
  const direction = (delayVariationUs: number, lossRatio: number): DirectionSnapshot => ({
    oneWayDelayUs: delayUs === 0 ? 0 : delayUs + delayVariationUs,
    delayVariationUs,
    jitterUs: delayUs / 20,
    lossRatio,
    deliveredBps: 0,
    capacityBps: 0,
    queueUs: delayVariationUs,
    burstPackets: 0,
  });
  return {
    id,
    name: `w${id}`,
    state: change.state ?? 'up',
    rttUs: delayUs * 2 + queueUs,
    minRttUs: delayUs * 2,
    rttVarUs: delayUs / 10,
    send: direction(queueUs, change.lossRatio ?? 0),
    receive: direction(0, 0),
    priority: change.priority ?? 1,
    metered: change.metered ?? false,
    roaming: false,
    capReached: false,
    signal: undefined,
    warnings: [],
  };
}

const TICK_US = 100_000;

/** A trace of `ticks` steps of 100 ms. */
export function trace(ticks: number, pathsAt: (tick: number) => PathSnapshot[]): TraceStep[] {
  return Array.from({ length: ticks }, (_, tick) => ({ atUs: 1_000_000 + tick * TICK_US, paths: pathsAt(tick) }));
}

/** Noise for traces, 0 to 1, the same every time: the xorshift32 sequence (Marsaglia 2003). */
export function noise(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 0x1_0000_0000;
  };
}

const STATES: readonly PathState[] = ['up', 'up', 'up', 'suspect', 'gated', 'down'];

function noisyDelays(): TraceStep[] {
  const random = noise(20_260);
  return trace(600, () =>
    [0, 1, 2].map((id) => path(id, { delayMs: 30, queueMs: random() * 8, lossRatio: random() * 0.004 })),
  );
}

function randomWalk(seed: number): TraceStep[] {
  const random = noise(seed);
  const pick = (limit: number): number => Math.floor(random() * limit);
  return trace(300, () => {
    const ids = [0, 1, 2, 3, 200, 255].filter(() => random() < 0.7);
    return (ids.length > 0 ? ids : [pick(256)]).map((id) =>
      path(id, {
        state: STATES[pick(STATES.length)],
        delayMs: random() < 0.1 ? 0 : random() * 400,
        queueMs: random() * 2_000,
        lossRatio: random() < 0.5 ? 0 : random(),
        priority: 1 + pick(3),
        metered: random() < 0.3,
      }),
    );
  });
}

/**
 * What {@link checkStrategy} runs unless it is given other cases. Their traces are made when they are first looked at: they
 * take megabytes, which a vehicle that only loads the strategies shall not carry.
 */
export const standardCases: readonly ConformanceCase[] = [
  standardCase('a single path', 0, () => trace(20, () => [path(7)])),
  standardCase('paths that were never measured', 0, () =>
    trace(20, () => [path(0, { delayMs: 0 }), path(1, { delayMs: 0 })]),
  ),
  standardCase('equal paths', 0, () => trace(100, () => [path(0), path(1), path(2)])),
  standardCase('similar paths with noise', 3, noisyDelays),
  standardCase('every path down, one by one, and back', 8, () =>
    trace(80, (tick) =>
      [0, 1, 2].map((id) => path(id, { state: tick >= 10 + id * 10 && tick < 50 + id * 5 ? 'down' : 'up' })),
    ),
  ),
  standardCase('the best path flaps every 300 ms for a minute', 4, () =>
    trace(600, (tick) => [path(0, { delayMs: 10, state: tick % 6 < 3 ? 'up' : 'suspect' }), path(1, { delayMs: 40 })]),
  ),
  standardCase('paths come and go', 8, () =>
    trace(60, (tick) => [0, 1, 2].filter((id) => id === 1 || Math.floor(tick / 15) % 2 === 0).map((id) => path(id))),
  ),
  standardCase('anything at any time (1)', undefined, () => randomWalk(1)),
  standardCase('anything at any time (2)', undefined, () => randomWalk(77)),
];

function standardCase(name: string, maxSwitches: number | undefined, make: () => TraceStep[]): ConformanceCase {
  let steps: readonly TraceStep[] | undefined;
  return {
    name,
    get steps() {
      steps ??= make();
      return steps;
    },
    ...(maxSwitches === undefined ? {} : { maxSwitches }),
  };
}
