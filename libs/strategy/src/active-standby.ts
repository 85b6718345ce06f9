import { millisecondsOption, refuseUnknownOptions } from './options.js';
import { singlePlan } from './plans.js';
import { describe, milliseconds } from './reasons.js';
import type { PathSnapshot, Plan, PlanRequest, Strategy, StrategyFactory } from './sdk.js';
import { byCost, byKeys, byPrice, byPriority, byStanding, SteadyRanking, sendDelayUs } from './steady-ranking.js';

/** Long enough for a repaired link to show whether it stays, short enough to use it again within 2 s of the repair. */
const DEFAULT_RETURN_AFTER_MS = 800;
const MAX_RETURN_AFTER_MS = 600_000;
/** Below this a difference in delay is not worth moving traffic. */
const MARGIN_US = 5_000;

/**
 * Active-standby (3GPP ATSSS): everything on the preferred path, the others wait. Preferred is the lower priority
 * number, then what costs nothing by the byte, then what is clearly faster.
 *
 * Option `returnAfterMs` (default 800, 0 to 600,000): how long a better path must have been up before traffic moves
 * to it; doubled each time that the path fails again soon after.
 */
class ActiveStandby implements Strategy {
  private readonly ranking: SteadyRanking;

  constructor(returnAfterUs: number) {
    this.ranking = new SteadyRanking({ settleUs: returnAfterUs, marginUs: MARGIN_US });
  }

  plan(request: PlanRequest): Plan {
    const order = this.ranking
      .rank(request, request.current?.paths.slice(0, 1) ?? [])
      .sort(byKeys(byStanding, byPriority, byPrice, byCost));
    return singlePlan(request, order, whyBetter);
  }
}

function whyBetter(next: PathSnapshot, previous: PathSnapshot): string {
  if (next.priority < previous.priority)
    return `is up and steady, and preferred to ${previous.name} (${describe(next)})`;
  if (previous.metered && !next.metered) return `is up and steady, and ${previous.name} is metered (${describe(next)})`;
  if (next.priority > previous.priority || (next.metered && !previous.metered)) {
    return `has been steady, ${previous.name} came back only just now (${describe(next)})`;
  }
  return `is clearly better (${milliseconds(sendDelayUs(next))}, ${previous.name} ${milliseconds(sendDelayUs(previous))})`;
}

export const activeStandby: StrategyFactory = {
  name: 'active-standby',
  description: 'Sends on the preferred path and keeps the others in reserve.',
  create(options) {
    refuseUnknownOptions(options, ['returnAfterMs']);
    return new ActiveStandby(
      millisecondsOption(options, 'returnAfterMs', DEFAULT_RETURN_AFTER_MS, MAX_RETURN_AFTER_MS),
    );
  },
};
