import { millisecondsOption, refuseUnknownOptions } from './options.js';
import { singlePlan } from './plans.js';
import { milliseconds } from './reasons.js';
import type { PathSnapshot, Plan, PlanRequest, Strategy, StrategyFactory } from './sdk.js';
import {
  byCost,
  byKeys,
  byPrice,
  byPriority,
  byStanding,
  byState,
  SteadyRanking,
  sendDelayUs,
} from './steady-ranking.js';

const DEFAULT_BETTER_BY_MS = 5;
const MAX_BETTER_BY_MS = 10_000;
/** Longer than the delay spike of a radio handover (30 to 150 ms), which must not move traffic. */
const DEFAULT_FOR_MS = 500;
const MAX_FOR_MS = 600_000;
/** A path that loses more than this share is no place to wait on until a better one has settled. */
const NO_REFUGE_LOSS = 0.1;

/**
 * Smallest delay (3GPP ATSSS): everything on the path with the lowest one-way delay in the sending direction; loss
 * counts as delay. The operator's priorities and prices decide only between equals. A path that was left for its delay
 * has to settle before traffic returns, each time longer: the delay may be the traffic's own queue. Only from a path that
 * loses packets by the dozen does it return at once.
 *
 * Options: `betterByMs` (default 5, 0 to 10,000): a path must be faster by this, and by a fifth, to take over;
 * `forMs` (default 500, 0 to 600,000): and for this long.
 */
class SmallestDelay implements Strategy {
  private readonly ranking: SteadyRanking;

  constructor(betterByUs: number, forUs: number) {
    this.ranking = new SteadyRanking({ settleUs: forUs, marginUs: betterByUs });
  }

  plan(request: PlanRequest): Plan {
    const before = request.current?.paths[0];
    const isRefuge = !request.paths.some((path) => path.id === before && path.send.lossRatio > NO_REFUGE_LOSS);
    const order = this.ranking
      .rank(request, before === undefined ? [] : [before])
      .sort(byKeys(isRefuge ? byStanding : byState, byCost, byPriority, byPrice));
    if (before !== undefined && before !== order[0].path.id) this.ranking.leave(before, request.nowUs);
    return singlePlan(request, order, whyBetter);
  }
}

function whyBetter(next: PathSnapshot, previous: PathSnapshot): string {
  return `is clearly better (${figures(next)}), ${previous.name} has ${figures(previous)}`;
}

function figures(path: PathSnapshot): string {
  const loss = path.send.lossRatio > 0.001 ? `, ${(path.send.lossRatio * 100).toFixed(1)} % loss` : '';
  return `${milliseconds(sendDelayUs(path))}${loss}`;
}

export const smallestDelay: StrategyFactory = {
  name: 'smallest-delay',
  description: 'Sends on the path with the lowest one-way delay.',
  create(options) {
    refuseUnknownOptions(options, ['betterByMs', 'forMs']);
    return new SmallestDelay(
      millisecondsOption(options, 'betterByMs', DEFAULT_BETTER_BY_MS, MAX_BETTER_BY_MS),
      millisecondsOption(options, 'forMs', DEFAULT_FOR_MS, MAX_FOR_MS),
    );
  },
};
