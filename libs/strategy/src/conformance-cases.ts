/** Traces of path snapshots, as data, through which the conformance kit leads every strategy. */
import type {
  ClassLimits,
  DirectionSnapshot,
  PathSnapshot,
  PathState,
  PathWarning,
  Plan,
  PlanRequest,
  TrafficSnapshot,
} from './sdk.js';

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
  /** From this step on nothing changes, and the plan shall not either. Default: never. */
  readonly settledFrom?: number;
  /** What the class sends and may do, where it is not as in {@link planRequest}. */
  readonly traffic?: Partial<TrafficSnapshot>;
  readonly limits?: Partial<ClassLimits>;
}

/** A change of the defaults of {@link path}. */
export interface PathChange {
  readonly state?: PathState;
  /** One-way delay of both directions, milliseconds; 0: never measured. */
  readonly delayMs?: number;
  /** Delay above the smallest one in the sending direction, milliseconds. */
  readonly queueMs?: number;
  /** Mean deviation of the one-way delay. Default a twentieth of it. */
  readonly jitterMs?: number;
  readonly lossRatio?: number;
  readonly priority?: number;
  readonly metered?: boolean;
  readonly roaming?: boolean;
  readonly capReached?: boolean;
  readonly signal?: number;
  readonly warnings?: readonly PathWarning[];
  /** In the sending direction, megabits per second; 0: not known. */
  readonly capacityMbps?: number;
  /** Likewise, what arrives. */
  readonly deliveredMbps?: number;
  /** Mean length of loss bursts in the sending direction, packets. Default 1 where `lossRatio` is above 0. */
  readonly burstPackets?: number;
}

/** What the class of {@link planRequest} may be made to differ by. */
export interface RequestChange {
  readonly current?: Plan | undefined;
  readonly trafficClass?: string;
  readonly traffic?: Partial<TrafficSnapshot> | undefined;
  readonly limits?: Partial<ClassLimits> | undefined;
}

/** A request for tests: a class of 2 Mbit/s that may use all paths, pays for no redundancy and has 1 s of time. */
export function planRequest(nowUs: number, paths: readonly PathSnapshot[], change: RequestChange = {}): PlanRequest {
  return {
    nowUs,
    trafficClass: change.trafficClass ?? 'default',
    paths,
    current: change.current,
    traffic: { demandBps: 2_000_000, packetBytes: 1_000, flows: 1, ...change.traffic },
    limits: {
      redundancy: 0,
      deadlineUs: 1_000_000,
      urgent: false,
      aggregate: true,
      flowPinned: false,
      ...change.limits,
    },
  };
}

/** A snapshot for tests: path `id`, named `w<id>`, up, priority 1, 20 ms one way, unless `change` says otherwise. */
export function path(id: number, change: PathChange = {}): PathSnapshot {
  const delayUs = (change.delayMs ?? 20) * 1000;
  const queueUs = (change.queueMs ?? 0) * 1000;
  const direction = (delayVariationUs: number, figures: PathChange): DirectionSnapshot => ({
    oneWayDelayUs: delayUs === 0 ? 0 : delayUs + delayVariationUs,
    delayVariationUs,
    jitterUs: figures.jitterMs === undefined ? delayUs / 20 : figures.jitterMs * 1000,
    lossRatio: figures.lossRatio ?? 0,
    deliveredBps: (figures.deliveredMbps ?? 0) * 1e6,
    capacityBps: (figures.capacityMbps ?? 0) * 1e6,
    queueUs: delayVariationUs,
    burstPackets: figures.burstPackets ?? ((figures.lossRatio ?? 0) > 0 ? 1 : 0),
  });
  return {
    id,
    name: `w${id}`,
    state: change.state ?? 'up',
    rttUs: delayUs * 2 + queueUs,
    minRttUs: delayUs * 2,
    rttVarUs: delayUs / 10,
    send: direction(queueUs, change),
    receive: direction(0, {}),
    priority: change.priority ?? 1,
    metered: change.metered ?? false,
    roaming: change.roaming ?? false,
    capReached: change.capReached ?? false,
    signal: change.signal,
    warnings: change.warnings ?? [],
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

const WARNINGS: readonly PathWarning[] = ['silence', 'delay', 'loss', 'signal'];

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
        burstPackets: random() * 20,
        priority: 1 + pick(3),
        metered: random() < 0.3,
        roaming: random() < 0.2,
        capReached: random() < 0.1,
        warnings: WARNINGS.filter(() => random() < 0.1),
        capacityMbps: random() < 0.2 ? 0 : random() * 30,
        deliveredMbps: random() < 0.2 ? 0 : random() * 20,
        ...(random() < 0.5 && { signal: random() }),
      }),
    );
  });
}

/** Three paths, the best of which is in doubt for a second now and then. */
function warnedNowAndThen(): TraceStep[] {
  return trace(300, (tick) => [
    path(0, { delayMs: 15, capacityMbps: 10, deliveredMbps: 4, warnings: tick % 60 < 10 ? ['delay'] : [] }),
    path(1, { delayMs: 25, capacityMbps: 10 }),
    path(2, { delayMs: 60, capacityMbps: 4 }),
  ]);
}

/** A link slows down to two seconds of queue and recovers. */
function buffersFill(): TraceStep[] {
  return trace(300, (tick) => [
    path(0, {
      delayMs: 10,
      queueMs: Math.max(0, 2_000 - Math.abs(tick - 100) * 40),
      capacityMbps: 5,
      deliveredMbps: 5,
    }),
    path(1, { delayMs: 30, capacityMbps: 5, deliveredMbps: 1 }),
  ]);
}

const VITAL = { traffic: { demandBps: 64_000, packetBytes: 200 }, limits: { urgent: true, redundancy: 2 } } as const;
const VIDEO = { traffic: { demandBps: 6_000_000, packetBytes: 1_200 }, limits: { redundancy: 0.1 } } as const;

/**
 * What {@link checkStrategy} runs unless it is given other cases. Their traces are made when they are first looked at: they
 * take megabytes, which a vehicle that only loads the strategies shall not carry.
 */
export const standardCases: readonly ConformanceCase[] = [
  standardCase('a single path', { maxSwitches: 0, settledFrom: 1 }, () => trace(20, () => [path(7)])),
  standardCase('paths that were never measured', { maxSwitches: 0, settledFrom: 1 }, () =>
    trace(20, () => [path(0, { delayMs: 0 }), path(1, { delayMs: 0 })]),
  ),
  standardCase('equal paths', { maxSwitches: 0, settledFrom: 1 }, () => trace(100, () => [path(0), path(1), path(2)])),
  standardCase('similar paths with noise', { maxSwitches: 3 }, noisyDelays),
  standardCase('every path down, one by one, and back', { maxSwitches: 8 }, () =>
    trace(80, (tick) =>
      [0, 1, 2].map((id) => path(id, { state: tick >= 10 + id * 10 && tick < 50 + id * 5 ? 'down' : 'up' })),
    ),
  ),
  standardCase('the best path flaps every 300 ms for a minute', { maxSwitches: 4 }, () =>
    trace(600, (tick) => [path(0, { delayMs: 10, state: tick % 6 < 3 ? 'up' : 'suspect' }), path(1, { delayMs: 40 })]),
  ),
  standardCase('paths come and go', { maxSwitches: 8 }, () =>
    trace(60, (tick) => [0, 1, 2].filter((id) => id === 1 || Math.floor(tick / 15) % 2 === 0).map((id) => path(id))),
  ),
  standardCase('a buffer of two seconds fills and drains', { maxSwitches: 4 }, buffersFill),
  standardCase('vital signs over three links', { ...VITAL, maxSwitches: 0, settledFrom: 20 }, () =>
    trace(60, () => [path(0), path(1, { delayMs: 35 }), path(2, { delayMs: 80, metered: true })]),
  ),
  standardCase('video while a link is in doubt now and then', { ...VIDEO, maxSwitches: 12 }, warnedNowAndThen),
  standardCase('anything at any time (1)', {}, () => randomWalk(1)),
  standardCase('anything at any time (2)', VITAL, () => randomWalk(77)),
  standardCase('anything at any time (3)', VIDEO, () => randomWalk(4_711)),
  standardCase('anything at any time, flows kept together', { limits: { flowPinned: true } }, () => randomWalk(5)),
  standardCase('anything at any time, one path at a time', { limits: { aggregate: false, redundancy: 0.3 } }, () =>
    randomWalk(6),
  ),
];

function standardCase(
  name: string,
  rest: Omit<ConformanceCase, 'name' | 'steps'>,
  make: () => TraceStep[],
): ConformanceCase {
  let steps: readonly TraceStep[] | undefined;
  return {
    ...rest,
    name,
    get steps() {
      steps ??= make();
      return steps;
    },
  };
}
