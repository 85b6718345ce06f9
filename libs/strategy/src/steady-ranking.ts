/**
 * Ranks paths so that neither noise nor flapping moves traffic: what the built-in strategies share.
 *
 * Bad news counts at once, good news has to last. A path that leaves `up` falls behind in the same call; one that
 * comes back stands behind those that stayed, until it has been up for the settling time, which doubles each time the
 * path fails again soon. Delay counts by a held figure that follows the measured one only when it has been clearly
 * elsewhere for the settling time.
 */
import type { PathSnapshot, PathState, PlanRequest } from './sdk.js';

/** A path with the figures that rank it. */
export interface RankedPath {
  readonly path: PathSnapshot;
  /** 0 up and settled, 1 up but only just, 2 suspect, 3 gated, 4 down. */
  readonly standing: number;
  /** Held cost, microseconds; see {@link sendCostUs}. */
  readonly costUs: number;
  /** Came back only just now, after having failed time and again. */
  readonly isFlapping: boolean;
}

export interface SteadyOptions {
  /** How long good news has to last, microseconds. */
  readonly settleUs: number;
  /** Cost differences below this are noise, microseconds; so are those below {@link CLEARLY} of the cost. */
  readonly marginUs: number;
  /** A path that was suspect for no longer than this, and nothing worse, counts as if it had stayed up. Default 0. */
  readonly forgivenUs?: number;
  /** What it costs to send on a path, microseconds. Default: {@link sendCostUs}. */
  readonly cost?: (path: PathSnapshot, request: PlanRequest) => number;
}

/** Cost of a path that was never measured: behind every measured one. */
export const UNKNOWN_COST_US = 10_000_000;
/** One percent of loss weighs like 10 ms of delay: about what a repeated packet costs on a path of 50 ms. */
export const LOSS_WEIGHT_US = 1_000_000;
/** Share of the cost by which a path must be better to be clearly better. */
const CLEARLY = 0.2;
/** Measured costs are smoothed over this part of the settling time, so that a spike is soon forgotten. */
const SMOOTHING_PART = 8;
/** Settling time never grows beyond this factor. */
const MOST_PATIENT = 64;
/** So many failures soon one after another, and a path flaps, until it has stayed up for so many of its first settling times. */
const FLAPPING = 3;
const FLAPPING_FOR = 4;
/** A path that stayed up for this many of its settling times is trusted as in the beginning. */
const FORGIVEN_AFTER = 10;

const STANDING: Readonly<Record<PathState, number>> = { up: 1, suspect: 2, gated: 3, down: 4 };

interface Memory {
  wasUp: boolean;
  upSinceUs: number;
  /** As it was before the path left `up`, and when that was; for suspicions that turn out to be nothing. */
  before: { readonly upSinceUs: number; readonly failures: number; readonly leftUs: number } | undefined;
  /** Failures that came soon one after another. */
  failures: number;
  meanUs: number;
  heldUs: number;
  outsideSinceUs: number;
  lastUs: number;
}

/** What it costs to send on a path, microseconds: the one-way delay of the sending direction and a price for loss. */
export function sendCostUs(path: PathSnapshot): number {
  if (path.rttUs === 0) return UNKNOWN_COST_US;
  return sendDelayUs(path) + path.send.lossRatio * LOSS_WEIGHT_US;
}

/** Estimated one-way delay of the sending direction, microseconds; 0 when never measured. */
export function sendDelayUs(path: PathSnapshot): number {
  if (path.send.oneWayDelayUs > 0) return path.send.oneWayDelayUs;
  // Before the first one-way figure: half of the round trip and what queues on it.
  return path.minRttUs / 2 + path.send.delayVariationUs;
}

export class SteadyRanking {
  private readonly memories = new Map<number, Memory>();

  constructor(private readonly options: SteadyOptions) {}

  /**
   * Every path of the request with its standing and cost, in the request's order. Paths in `incumbents` carry the
   * traffic now: theirs is made cheaper by the margin, so that only a clearly better path takes it away.
   */
  rank(request: PlanRequest, incumbents: readonly number[]): RankedPath[] {
    this.forgetVanished(request.paths);
    return request.paths.map((path) => {
      const memory = this.observe(path, request);
      const settled = request.nowUs - memory.upSinceUs >= this.settlingUs(memory);
      const standing = path.state === 'up' && settled ? 0 : STANDING[path.state];
      const bonusUs = incumbents.includes(path.id) ? this.marginUs(memory.heldUs) : 0;
      const upForUs = request.nowUs - memory.upSinceUs;
      const isFlapping = memory.failures >= FLAPPING && upForUs < FLAPPING_FOR * this.options.settleUs;
      return { path, standing, costUs: memory.heldUs - bonusUs, isFlapping };
    });
  }

  /**
   * Traffic left a healthy path for its cost: the path has to settle again, as after a failure. Without this, traffic
   * whose own queue makes the delay would chase the emptier of two links for ever.
   */
  leave(id: number, nowUs: number): void {
    const memory = this.memories.get(id);
    if (memory === undefined || !memory.wasUp) return;
    this.countFailure(memory, nowUs);
    memory.upSinceUs = nowUs;
  }

  private marginUs(costUs: number): number {
    return Math.max(this.options.marginUs, CLEARLY * costUs);
  }

  private forgetVanished(paths: readonly PathSnapshot[]): void {
    for (const id of this.memories.keys()) {
      if (!paths.some((path) => path.id === id)) this.memories.delete(id);
    }
  }

  private observe(path: PathSnapshot, request: PlanRequest): Memory {
    const { nowUs } = request;
    const costUs = this.options.cost?.(path, request) ?? sendCostUs(path);
    let memory = this.memories.get(path.id);
    if (memory === undefined) {
      // At the start nothing carries traffic that could be disturbed: every path that is up counts as settled.
      const upSinceUs = request.current === undefined ? Number.NEGATIVE_INFINITY : nowUs;
      memory = {
        wasUp: path.state === 'up',
        upSinceUs,
        before: undefined,
        failures: 0,
        meanUs: costUs,
        heldUs: costUs,
        outsideSinceUs: -1,
        lastUs: nowUs,
      };
      this.memories.set(path.id, memory);
      return memory;
    }
    this.followState(memory, path.state, nowUs);
    this.followCost(memory, costUs, nowUs);
    return memory;
  }

  private followState(memory: Memory, state: PathState, nowUs: number): void {
    const isUp = state === 'up';
    if (!isUp && state !== 'suspect') memory.before = undefined;
    if (isUp === memory.wasUp) return;
    memory.wasUp = isUp;
    if (!isUp) {
      if (state === 'suspect')
        memory.before = { upSinceUs: memory.upSinceUs, failures: memory.failures, leftUs: nowUs };
      this.countFailure(memory, nowUs);
      return;
    }
    const { before } = memory;
    if (before !== undefined && nowUs - before.leftUs <= (this.options.forgivenUs ?? 0)) {
      memory.upSinceUs = before.upSinceUs;
      memory.failures = before.failures;
    } else memory.upSinceUs = nowUs;
  }

  private countFailure(memory: Memory, nowUs: number): void {
    const forgiven = nowUs - memory.upSinceUs > FORGIVEN_AFTER * this.settlingUs(memory);
    memory.failures = forgiven ? 1 : memory.failures + 1;
  }

  /** How long this path has to be up: the first failure costs nothing extra, each further one doubles it. */
  private settlingUs(memory: Memory): number {
    return Math.min(2 ** Math.max(0, memory.failures - 1), MOST_PATIENT) * this.options.settleUs;
  }

  private followCost(memory: Memory, costUs: number, nowUs: number): void {
    const { settleUs } = this.options;
    const elapsedUs = nowUs - memory.lastUs;
    memory.lastUs = nowUs;
    const firstMeasurement = memory.heldUs === UNKNOWN_COST_US && costUs !== UNKNOWN_COST_US;
    if (firstMeasurement || settleUs === 0) {
      memory.meanUs = costUs;
      memory.heldUs = costUs;
      memory.outsideSinceUs = -1;
      return;
    }
    memory.meanUs += (costUs - memory.meanUs) * Math.min(1, (elapsedUs * SMOOTHING_PART) / settleUs);
    if (Math.abs(memory.meanUs - memory.heldUs) <= this.marginUs(memory.heldUs)) {
      memory.outsideSinceUs = -1;
    } else if (memory.outsideSinceUs < 0) {
      memory.outsideSinceUs = nowUs;
    } else if (nowUs - memory.outsideSinceUs >= settleUs) {
      memory.heldUs = memory.meanUs;
      memory.outsideSinceUs = -1;
    }
  }
}

/** Compares by each key in turn; path ids decide last, so that equal paths always come in the same order. */
export function byKeys(...keys: ((ranked: RankedPath) => number)[]): (a: RankedPath, b: RankedPath) => number {
  return (a, b) => {
    for (const key of keys) {
      const difference = key(a) - key(b);
      if (difference !== 0) return difference;
    }
    return a.path.id - b.path.id;
  };
}

export const byStanding = (ranked: RankedPath): number => ranked.standing;
/** Likewise, but a path that is only just up counts as up. */
export const byState = (ranked: RankedPath): number => Math.max(1, ranked.standing);
export const byPriority = (ranked: RankedPath): number => ranked.path.priority;
export const byPrice = (ranked: RankedPath): number => (ranked.path.metered ? 1 : 0);
export const byCost = (ranked: RankedPath): number => ranked.costUs;
