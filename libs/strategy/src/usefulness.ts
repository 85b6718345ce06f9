/**
 * Which of the paths that are up are worth sending on beside the first one. A path that is much worse helps nobody: what it
 * carries arrives after its deadline, or holds up what came over the others. Every limit has two figures, one to be left
 * out by and a better one to come back by, so that a path at the limit does not go in and out.
 */
import type { PathSnapshot, PlanRequest } from './sdk.js';
import { type RankedPath, sendDelayUs } from './steady-ranking.js';

/** Share of the class's deadline that a path's own delay may take: what is lost must have time to go out again. */
const LATE = { out: 0.8, back: 0.6 };
/** Delay above that of the first path: a receiver that puts packets in order waits about a quarter of a second at most. */
const BEHIND_US = { out: 200_000, back: 150_000 };
/** Share of lost packets beyond which a path costs more in repairs than it carries. */
const LOSSY = { out: 0.3, back: 0.2 };
/** Share of lost packets from which a path is used only where its capacity is needed. */
const DOUBTFUL = { out: 0.06, back: 0.03 };
/**
 * The other paths can do without a doubtful one while the demand takes less than this share of what they carry. Elastic
 * traffic takes what it is given: a demand near the capacity of the others says that more is wanted.
 */
const SPARE = { out: 0.5, back: 0.65 };

interface Limit {
  readonly out: number;
  readonly back: number;
}

export class Usefulness {
  /** Paths that are left out, and why, in a word or two for reasons. */
  private leftOut = new Map<number, string>();

  /** Why a path is left out at present, such as `loses 34 %`; undefined when it is not. */
  whyNot(id: number): string | undefined {
    return this.leftOut.get(id);
  }

  /**
   * The members of `order` (all up, best first) that are worth using, in the same order. The first always is.
   */
  select(order: readonly RankedPath[], request: PlanRequest): PathSnapshot[] {
    const first = order[0].path;
    const leftOut = new Map<number, string>();
    for (const ranked of order.slice(1)) {
      const why = this.hopeless(ranked, first, request);
      if (why !== undefined) leftOut.set(ranked.path.id, why);
    }
    const candidates = order.filter(({ path }) => !leftOut.has(path.id)).map(({ path }) => path);
    const chosen = candidates.filter((path) => {
      const why = path === first ? undefined : this.dispensable(path, candidates, request);
      if (why !== undefined) leftOut.set(path.id, why);
      return why === undefined;
    });
    this.leftOut = leftOut;
    return chosen;
  }

  private hopeless({ path, isFlapping }: RankedPath, first: PathSnapshot, request: PlanRequest): string | undefined {
    const { send } = path;
    const delayUs = sendDelayUs(path);
    const wasOut = this.leftOut.has(path.id);
    if (isFlapping) return 'comes and goes';
    if (exceeds(send.lossRatio, LOSSY, wasOut)) return `loses ${percent(send.lossRatio)}`;
    if (exceeds(delayUs / request.limits.deadlineUs, LATE, wasOut)) return 'is too slow for the deadline';
    if (exceeds(delayUs - sendDelayUs(first), BEHIND_US, wasOut)) return `is far slower than ${first.name}`;
    return undefined;
  }

  /**
   * Doubtful, and the demand fits on the paths that are not. A first path of unknown capacity is taken to be enough: it
   * becomes known as soon as it is not.
   */
  private dispensable(
    path: PathSnapshot,
    candidates: readonly PathSnapshot[],
    request: PlanRequest,
  ): string | undefined {
    const isLossy = (one: PathSnapshot) => exceeds(one.send.lossRatio, DOUBTFUL, this.leftOut.has(one.id));
    // Silence is over in a moment, or the path is suspect: what is sent meanwhile is copied.
    const isWarned = (one: PathSnapshot) => one.warnings.some((warning) => warning !== 'silence');
    if (!isLossy(path) && !isWarned(path)) return undefined;
    const sound = candidates.filter((other) => !isLossy(other) && !isWarned(other));
    if (sound.length === 0) return undefined;
    const isFirstUnknown = sound[0] === candidates[0] && sound[0].send.capacityBps === 0;
    const capacityBps = sound.reduce((sum, other) => sum + other.send.capacityBps, 0);
    const share = this.leftOut.has(path.id) ? SPARE.back : SPARE.out;
    if (!isFirstUnknown && request.traffic.demandBps > share * capacityBps) return undefined;
    return isLossy(path) ? `loses ${percent(path.send.lossRatio)} and is not needed` : 'is in doubt and not needed';
  }
}

function exceeds(value: number, limit: Limit, wasOut: boolean): boolean {
  return value > (wasOut ? limit.back : limit.out);
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}
