import { refuseUnknownOptions } from './options.js';
import { samePaths } from './plans.js';
import { copiesReason } from './reasons.js';
import { type Plan, type PlanRequest, type Strategy, type StrategyFactory, StrategyOptionsError } from './sdk.js';
import { byCost, byKeys, byPrice, byPriority, byStanding, SteadyRanking } from './steady-ranking.js';

/** Good news has to last this long before it changes which paths get copies. */
const SETTLE_US = 800_000;
const MARGIN_US = 5_000;
/** Path ids are one byte. */
const MAX_COPIES = 256;

/**
 * Redundant (3GPP ATSSS): each packet on several paths, the receiver keeps the first copy. Paths that are down get
 * none, unless all are down; suspect and gated ones do, since a copy costs little and proves them.
 *
 * Option `copies` (default `'all'`): on how many paths, best first by health, priority, price and delay; a number
 * from 1 to 256 or `'all'`.
 */
class Redundant implements Strategy {
  private readonly ranking = new SteadyRanking({ settleUs: SETTLE_US, marginUs: MARGIN_US });

  constructor(private readonly copies: number) {}

  plan(request: PlanRequest): Plan {
    const { current } = request;
    const order = this.ranking
      .rank(request, current?.paths ?? [])
      .sort(byKeys(byStanding, byPriority, byPrice, byCost))
      .map((ranked) => ranked.path);
    const alive = order.filter((path) => path.state !== 'down');
    const chosen = (alive.length > 0 ? alive : order.slice(0, 1)).slice(0, this.copies);
    const paths = chosen.map((path) => path.id);
    if (current?.mode === 'copies' && samePaths(current.paths, paths)) return current;
    return { mode: 'copies', paths, reason: copiesReason(request, chosen) };
  }
}

export const redundant: StrategyFactory = {
  name: 'redundant',
  description: 'Sends copies on several paths at once; the receiver keeps the first.',
  create(options) {
    refuseUnknownOptions(options, ['copies']);
    const copies = options.copies === undefined ? 'all' : options.copies;
    if (copies === 'all') return new Redundant(MAX_COPIES);
    if (typeof copies === 'number' && Number.isInteger(copies) && copies >= 1 && copies <= MAX_COPIES) {
      return new Redundant(copies);
    }
    throw new StrategyOptionsError(
      `copies: expected a whole number from 1 to ${MAX_COPIES} or "all", got ${JSON.stringify(copies)}`,
    );
  },
};
