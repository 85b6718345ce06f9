import { choiceOption, type RawOptions, refuseUnknownOptions } from './options.js';
import { keepSame, samePaths } from './plans.js';
import { milliseconds, sharedReason } from './reasons.js';
import {
  type PathSnapshot,
  type Plan,
  type PlanRequest,
  type Strategy,
  type StrategyFactory,
  StrategyOptionsError,
} from './sdk.js';
import { byCost, byKeys, byPrice, byPriority, byStanding, SteadyRanking, sendDelayUs } from './steady-ranking.js';
import { Usefulness } from './usefulness.js';

/** Good news has to last this long before it changes the order of the paths. */
const SETTLE_US = 800_000;
const MARGIN_US = 5_000;
const MAX_WEIGHT = 1_000;

/**
 * Load balancing (3GPP ATSSS): traffic is spread over all paths that are up, in proportion to what each can carry or to
 * fixed weights. Paths that are much worse than the best one (loss, delay) are left out until they are better.
 *
 * Options: `by` (default `flow`): what is spread, whole flows, which keeps the packets of each in order, or `packet` by
 * packet, by which a single flow can use all paths; `weights` (default by measured capacity): shares by uplink name, 0 to
 * 1,000, such as `{ "wwan0": 3, "wwan1": 1 }`. An uplink that is not named has 1; one with 0 is used when no other is up.
 */
class LoadBalancing implements Strategy {
  private readonly ranking = new SteadyRanking({ settleUs: SETTLE_US, marginUs: MARGIN_US });
  private readonly usefulness = new Usefulness();

  constructor(
    private readonly isPinned: boolean,
    private readonly weights: ReadonlyMap<string, number> | undefined,
  ) {}

  plan(request: PlanRequest): Plan {
    const { current } = request;
    const order = this.ranking
      .rank(request, current?.paths.slice(0, 1) ?? [])
      .sort(byKeys(byStanding, byPriority, byPrice, byCost));
    const up = order.filter(({ path }) => path.state === 'up');
    const alive = order.map(({ path }) => path).filter((path) => path.state !== 'down');
    const useful = up.length > 0 ? this.usefulness.select(up, request) : alive;
    const chosen = this.withShare(useful.length > 0 ? useful : [order[0].path]);
    const paths = chosen.map((path) => path.id);
    const isSame = current !== undefined && samePaths(current.paths, paths);
    return keepSame(current, {
      mode: 'balance',
      paths,
      ...(this.isPinned && { pinned: true }),
      ...(this.weights !== undefined && { weights: chosen.map((path) => this.weightOf(path) || 1) }),
      reason: isSame ? current.reason : this.reasonFor(request, chosen),
    });
  }

  private withShare(paths: readonly PathSnapshot[]): readonly PathSnapshot[] {
    const withShare = paths.filter((path) => this.weightOf(path) > 0);
    return withShare.length > 0 ? withShare : paths;
  }

  private weightOf(path: PathSnapshot): number {
    return this.weights?.get(path.name) ?? 1;
  }

  private reasonFor(request: PlanRequest, chosen: readonly PathSnapshot[]): string {
    return sharedReason(request, chosen, this.isPinned ? 'with a share of the flows' : 'with a share of the packets', {
      whyBetter: (next, previous) =>
        `is better (${milliseconds(sendDelayUs(next))}, ${previous.name} ${milliseconds(sendDelayUs(previous))})`,
      whyNot: (id) => this.usefulness.whyNot(id),
    });
  }
}

function weightsOption(options: RawOptions): ReadonlyMap<string, number> | undefined {
  const { weights } = options;
  if (weights === undefined) return undefined;
  if (typeof weights !== 'object' || weights === null || Array.isArray(weights)) {
    throw new StrategyOptionsError(
      `weights: expected an object such as {"wwan0":3,"wwan1":1}, got ${JSON.stringify(weights)}`,
    );
  }
  const entries = Object.entries(weights);
  for (const [name, weight] of entries) {
    if (typeof weight === 'number' && weight >= 0 && weight <= MAX_WEIGHT) continue;
    throw new StrategyOptionsError(
      `weights.${name}: expected a number from 0 to ${MAX_WEIGHT}, got ${JSON.stringify(weight)}`,
    );
  }
  return new Map(entries as [string, number][]);
}

export const loadBalancing: StrategyFactory = {
  name: 'load-balancing',
  description: 'Spreads flows, or packets, over all paths by what each can carry or by fixed weights.',
  create(options) {
    refuseUnknownOptions(options, ['by', 'weights']);
    return new LoadBalancing(
      choiceOption(options, 'by', ['flow', 'packet'], 'flow') === 'flow',
      weightsOption(options),
    );
  },
};
