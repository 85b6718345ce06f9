import { millisecondsOption, refuseUnknownOptions } from './options.js';
import { keepSame, samePaths } from './plans.js';
import { describe, sharedReason } from './reasons.js';
import type { PathSnapshot, Plan, PlanRequest, Strategy, StrategyFactory } from './sdk.js';
import { byCost, byKeys, byPrice, byPriority, byStanding, SteadyRanking } from './steady-ranking.js';
import { Usefulness } from './usefulness.js';

/** Long enough for a repaired link to show whether it stays, short enough to use it again within 2 s of the repair. */
const SETTLE_US = 800_000;
const MARGIN_US = 5_000;
/** A queue that real-time traffic still bears; below it a link that is well used would spill with every burst. */
const DEFAULT_THRESHOLD_MS = 30;
const MAX_THRESHOLD_MS = 1_000;

/**
 * Priority-based (3GPP ATSSS): everything on the path that the operator prefers; what it cannot carry goes on the next.
 * Preferred is the lower priority number, then what costs nothing by the byte, then what is clearly faster.
 *
 * Option `thresholdMs` (default 30, 0 to 1,000): when the preferred path counts as full: a packet goes on the next one
 * where it arrives earlier by more than this.
 */
class PriorityBased implements Strategy {
  private readonly ranking = new SteadyRanking({ settleUs: SETTLE_US, marginUs: MARGIN_US });
  private readonly usefulness = new Usefulness();

  constructor(private readonly thresholdUs: number) {}

  plan(request: PlanRequest): Plan {
    const { current } = request;
    const order = this.ranking
      .rank(request, current?.paths.slice(0, 1) ?? [])
      .sort(byKeys(byStanding, byPriority, byPrice, byCost));
    const up = order.filter(({ path }) => path.state === 'up');
    const alive = order.map(({ path }) => path).filter((path) => path.state !== 'down');
    const useful = up.length > 0 ? this.usefulness.select(up, request) : alive;
    const chosen = useful.length > 0 ? useful : [order[0].path];
    const paths = chosen.map((path) => path.id);
    const isSame = current !== undefined && samePaths(current.paths, paths);
    const reason = isSame
      ? current.reason
      : sharedReason(request, chosen, 'for what does not fit', {
          whyBetter,
          whyNot: (id) => this.usefulness.whyNot(id),
        });
    return keepSame(current, { mode: 'spill', paths, preferUs: this.thresholdUs, reason });
  }
}

function whyBetter(next: PathSnapshot, previous: PathSnapshot): string {
  if (next.priority < previous.priority || (next.priority === previous.priority && previous.metered && !next.metered)) {
    return `is up and steady, and preferred to ${previous.name} (${describe(next)})`;
  }
  return `is clearly better than ${previous.name} (${describe(next)})`;
}

export const priorityBased: StrategyFactory = {
  name: 'priority-based',
  description: 'Fills the preferred path first; what it cannot carry goes on the next.',
  create(options) {
    refuseUnknownOptions(options, ['thresholdMs']);
    return new PriorityBased(millisecondsOption(options, 'thresholdMs', DEFAULT_THRESHOLD_MS, MAX_THRESHOLD_MS));
  },
};
