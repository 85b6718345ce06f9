import { Extras } from './extras.js';
import { refuseUnknownOptions } from './options.js';
import { keepSame, samePaths } from './plans.js';
import { copiesReason, milliseconds, sharedReason } from './reasons.js';
import type { PathSnapshot, Plan, PlanRequest, Strategy, StrategyFactory } from './sdk.js';
import {
  byCost,
  byKeys,
  byStanding,
  LOSS_WEIGHT_US,
  type RankedPath,
  SteadyRanking,
  sendDelayUs,
  UNKNOWN_COST_US,
} from './steady-ranking.js';
import { Usefulness } from './usefulness.js';

/** Longer than the delay spike of a radio handover (30 to 150 ms), which must not move the anchor. */
const SETTLE_US = 500_000;
const MARGIN_US = 5_000;
/** A radio handover, or an acknowledgement that was late after all: no reason to stay away from a path. */
const FORGIVEN_US = 150_000;

/** What the anchor's cost counts beside delay and loss, microseconds. */
const PRIORITY_STEP_US = 10_000;
/** Priorities beyond this count like it: they shall decide between usable paths, not make one unusable. */
const LOWEST_PRIORITY = 10;
const METERED_US = 10_000;
const WARNING_US = 20_000;
/** Two mean deviations: what a receiver has to wait for. */
const JITTER_WEIGHT = 2;
/** A path that carries half of the demand costs so much more than one that carries all; up to four times this. */
const SHORT_US = 20_000;
const MOST_SHORT = 4;
/** From this share of its capacity a path counts as filled: then so much of its queue is our own and says nothing. */
const FILLED = 0.7;
const OWN_QUEUE_US = 25_000;

/** A class that sends less counts as tiny, and as not tiny again from twice of it, bits per second. */
const TINY_BPS = 256_000;
/** Copies go on a path of which they take at most this share, until they take that of it. */
const ROOM = { join: 0.35, leave: 0.5 };

/**
 * Adaptive, the default: what the class may cost and what the paths are like decide, without any setting.
 *
 * - Vital or tiny classes that may pay for a copy are copied on as many paths as their redundancy allows, best first.
 * - All else goes over every useful path, each packet where it arrives earliest. The first path, the anchor, is the one
 *   with the least delay, jitter and loss that carries the demand, and changes only for a clearly better one.
 * - Copies while early warnings are in force, and repair packets by measured loss, within the class's redundancy.
 */
class Adaptive implements Strategy {
  private readonly ranking = new SteadyRanking({
    settleUs: SETTLE_US,
    marginUs: MARGIN_US,
    forgivenUs: FORGIVEN_US,
    cost: anchorCostUs,
  });
  private readonly usefulness = new Usefulness();
  private readonly extras = new Extras();
  private isTiny = true;

  plan(request: PlanRequest): Plan {
    const { current } = request;
    const anchor = current?.paths.slice(0, 1) ?? [];
    const order = this.ranking.rank(request, anchor).sort(byKeys(byStanding, byCost));
    const up = order.filter(({ path }) => path.state === 'up');
    const useful = up.length > 0 ? this.usefulness.select(up, request) : leastBad(order);
    // Asked in every case: it keeps account of what was spent.
    const extras = this.extras.decide(request, useful);
    const copied = this.isProtected(request) ? this.copied(request, order, useful) : [];
    return keepSame(
      current,
      copied.length > 1 ? copiesPlan(request, copied) : this.shared(request, order, useful, extras),
    );
  }

  private isProtected({ limits, traffic }: PlanRequest): boolean {
    this.isTiny = traffic.demandBps < (this.isTiny ? 2 * TINY_BPS : TINY_BPS);
    return limits.redundancy >= 1 && (limits.urgent || this.isTiny);
  }

  /** Where copies go: useful paths that have room, then those that may be alive. */
  private copied(request: PlanRequest, order: readonly RankedPath[], useful: readonly PathSnapshot[]): PathSnapshot[] {
    const before = request.current?.mode === 'copies' ? request.current.paths : [];
    const withRoom = useful.filter(({ id, send }, index) => {
      const share = before.includes(id) ? ROOM.leave : ROOM.join;
      return index === 0 || send.capacityBps === 0 || request.traffic.demandBps <= share * send.capacityBps;
    });
    const doubtful = order.map(({ path }) => path).filter(({ state }) => state === 'suspect' || state === 'gated');
    const all = [...withRoom, ...doubtful.filter((path) => !withRoom.includes(path))];
    return all.slice(0, 1 + Math.floor(request.limits.redundancy));
  }

  private shared(
    request: PlanRequest,
    order: readonly RankedPath[],
    useful: readonly PathSnapshot[],
    extras: ReturnType<Extras['decide']>,
  ): Plan {
    const { limits, current } = request;
    const mode = !limits.aggregate ? 'single' : limits.flowPinned ? 'balance' : 'spill';
    // On one path at a time the others are the order of retreat.
    const chosen = mode === 'single' ? order.map(({ path }) => path) : useful;
    const paths = chosen.map((path) => path.id);
    const how = { single: 'in reserve', balance: 'with a share of the flows', spill: 'for what it cannot carry' }[mode];
    const isSame =
      current?.mode === mode &&
      (mode === 'single' ? current.paths[0] === paths[0] : samePaths([...current.paths].sort(), [...paths].sort())) &&
      current.paths[0] === paths[0];
    const plan = { mode, paths, ...(mode === 'balance' && { pinned: true }), ...extras.plan } as const;
    if (isSame && extras.reason === undefined) return { ...plan, reason: current.reason };
    const ranked = (path: PathSnapshot) => order.find((one) => one.path === path) as RankedPath;
    const judgement = {
      whyBetter: (next: PathSnapshot, previous: PathSnapshot) => whyBetter(ranked(next), ranked(previous), request),
      whyNot: (id: number) => this.usefulness.whyNot(id),
    };
    const where = isSame ? `${chosen[0].name} goes first` : sharedReason(request, chosen, how, judgement);
    return { ...plan, reason: extras.reason === undefined ? where : `${extras.reason}; ${where}` };
  }
}

function copiesPlan(request: PlanRequest, copied: readonly PathSnapshot[]): Plan {
  const { current } = request;
  const paths = copied.map((path) => path.id);
  const isSame = current?.mode === 'copies' && samePaths(current.paths, paths);
  return { mode: 'copies', paths, reason: isSame ? current.reason : copiesReason(request, copied) };
}

/** None is up: those that may be alive, and where all are down the first. */
function leastBad(order: readonly RankedPath[]): PathSnapshot[] {
  const alive = order.filter(({ path }) => path.state !== 'down');
  return (alive.length > 0 ? alive : order.slice(0, 1)).map(({ path }) => path);
}

/** A part of what it costs to have a path as the anchor of a class, and how it is said of a path that lost for it. */
interface CostPart {
  readonly us: number;
  readonly says: string;
}

/** What it costs to have a path as the anchor of a class, part by part; delay and own queue first. */
function anchorCosts(path: PathSnapshot, { traffic }: PlanRequest): CostPart[] {
  const { send } = path;
  const isFilled = send.capacityBps > 0 && send.deliveredBps >= FILLED * send.capacityBps;
  const ownQueueUs = isFilled ? Math.min(send.queueUs, OWN_QUEUE_US) : 0;
  const missing = send.capacityBps === 0 ? 0 : traffic.demandBps / send.capacityBps - 1;
  const grave = path.warnings.filter((warning) => warning !== 'silence');
  return [
    { us: sendDelayUs(path) - ownQueueUs, says: `has ${figures(path)}` },
    { us: JITTER_WEIGHT * send.jitterUs, says: `jitters by ${milliseconds(send.jitterUs)}` },
    { us: LOSS_WEIGHT_US * send.lossRatio, says: `loses ${(send.lossRatio * 100).toFixed(1)} %` },
    {
      us: SHORT_US * Math.max(0, Math.min(MOST_SHORT, missing)),
      says: `carries ${megabits(send.capacityBps)} of ${megabits(traffic.demandBps)}`,
    },
    { us: WARNING_US * grave.length, says: `warns of ${grave.join(' and ')}` },
    { us: PRIORITY_STEP_US * (Math.min(path.priority, LOWEST_PRIORITY) - 1), says: `has priority ${path.priority}` },
    { us: path.metered ? METERED_US : 0, says: 'is metered' },
  ];
}

/** Microseconds. */
function anchorCostUs(path: PathSnapshot, request: PlanRequest): number {
  if (path.rttUs === 0) return UNKNOWN_COST_US;
  return anchorCosts(path, request).reduce((sum, { us }) => sum + us, 0);
}

/**
 * Why `next` is before `previous` although that is up: what makes the most of the difference at this moment. Both are judged by
 * what they were for a while, so that there may be no such part any more.
 */
function whyBetter(next: RankedPath, previous: RankedPath, request: PlanRequest): string {
  const { name } = previous.path;
  if (next.standing < previous.standing) return `is steadier (${figures(next.path)}), ${name} is only just back`;
  const theirs = anchorCosts(next.path, request);
  const worst = anchorCosts(previous.path, request)
    .map(({ us, says }, index) => ({ overUs: us - theirs[index].us, says }))
    .reduce((most, part) => (part.overUs > most.overUs ? part : most));
  const says = worst.overUs > 0 ? worst.says : 'was worse for a while';
  return `is clearly better (${figures(next.path)}), ${name} ${says}`;
}

function figures({ send, ...path }: PathSnapshot): string {
  const loss = send.lossRatio > 0.001 ? `, ${(send.lossRatio * 100).toFixed(1)} % loss` : '';
  const capacity = send.capacityBps > 0 ? `, ${megabits(send.capacityBps)}` : '';
  return `${milliseconds(sendDelayUs({ send, ...path }))}${loss}${capacity}`;
}

function megabits(bps: number): string {
  return `${(bps / 1e6).toPrecision(2)} Mbit/s`;
}

export const adaptive: StrategyFactory = {
  name: 'adaptive',
  description: 'Uses all paths as the class needs it: copies what is vital, bundles the rest, repairs within a budget.',
  create(options) {
    refuseUnknownOptions(options, []);
    return new Adaptive();
  },
};
