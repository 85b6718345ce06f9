/** Decides what a class spends on copies and repair packets at present, within its redundancy. */
import { RedundancyBudget } from './budget.js';
import { repairRatio } from './repair-ratio.js';
import type { PathSnapshot, PathWarning, Plan, PlanRequest } from './sdk.js';

/** Copies go on for so long after the last warning. */
const AFTERMATH_US = 300_000;
/** A path that carries less than this share of the class's demand is not worth copying everything for. */
const CARRIES = 0.1;
/** Repair ratios are taken from these steps, so that noise in the loss does not make a new plan of each measurement. */
const REPAIR_STEPS = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 4] as const;
/** A lower step has to be enough for this long: loss comes in spells. */
const CALM_US = 3_000_000;
/** Packets that one repair packet can help are those of about so much time. */
const REPAIR_WINDOW_US = 100_000;
const MAX_REPAIR_WINDOW = 64;

const WORDS: Readonly<Record<PathWarning, string>> = {
  silence: 'answers late',
  delay: 'is slowing down',
  loss: 'loses packets in bursts',
  signal: 'has a weak signal',
};

export interface ExtrasDecision {
  readonly plan: Pick<Plan, 'copies' | 'repair'>;
  /** What changed, as a sentence; undefined when nothing did. */
  readonly reason: string | undefined;
}

export class Extras {
  private readonly budget = new RedundancyBudget();
  private copiesUntilUs = Number.NEGATIVE_INFINITY;
  private repair = 0;
  private calmSinceUs = -1;

  /** To be asked at every plan. @param paths those that the class uses, the anchor first */
  decide(request: PlanRequest, paths: readonly PathSnapshot[]): ExtrasDecision {
    const { nowUs, limits, traffic, current } = request;
    this.budget.pass(nowUs, limits.redundancy, spentBy(current), traffic.demandBps > 0);
    if (limits.redundancy === 0) return this.decided(current, 0, 0, '');
    const warned = paths.find((path, index) => path.warnings.length > 0 && (index === 0 || carries(path, request)));
    if (warned !== undefined) this.copiesUntilUs = nowUs + AFTERMATH_US;
    const isPaid = this.budget.affordsCopies && paths.length > 1 && hasRoomForCopies(paths, traffic);
    const copies = isPaid && nowUs < this.copiesUntilUs ? 1 : 0;
    this.followLoss(request, paths);
    const why = warned === undefined ? 'after a warning' : `${warned.name} ${WORDS[warned.warnings[0]]}`;
    return this.decided(current, copies, copies > 0 ? 0 : this.repair, why);
  }

  private decided(current: Plan | undefined, copies: number, repair: number, why: string): ExtrasDecision {
    const plan = { ...(copies > 0 && { copies }), ...(repair > 0 && { repair }) };
    const [copiesBefore, repairBefore] = [current?.copies ?? 0, current?.repair ?? 0];
    let reason: string | undefined;
    if (copies > copiesBefore) reason = `${why}: each packet goes on another path as well`;
    else if (repair > 0 && repair !== repairBefore) reason = `${percent(repair)} repair packets against loss`;
    else if (copies < copiesBefore) reason = 'no copies any more';
    else if (repair < repairBefore) reason = 'no repair packets any more';
    return { plan, reason };
  }

  /** Up at once, down when it has been calm for a while. */
  private followLoss({ nowUs, limits, traffic }: PlanRequest, paths: readonly PathSnapshot[]): void {
    const wanted = Math.min(limits.redundancy, repairFor(paths, traffic));
    const step = wanted <= 0 ? 0 : Math.min(limits.redundancy, REPAIR_STEPS.find((each) => each >= wanted) ?? wanted);
    if (step >= this.repair) {
      this.repair = step;
      this.calmSinceUs = -1;
    } else if (this.calmSinceUs < 0) {
      this.calmSinceUs = nowUs;
    } else if (nowUs - this.calmSinceUs >= CALM_US) {
      this.repair = step;
      this.calmSinceUs = -1;
    }
  }
}

/** Extra bytes per byte under a plan. */
function spentBy(plan: Plan | undefined): number {
  if (plan === undefined) return 0;
  return plan.mode === 'copies' ? plan.paths.length - 1 : (plan.copies ?? 0) + (plan.repair ?? 0);
}

function carries(path: PathSnapshot, { traffic }: PlanRequest): boolean {
  return path.send.deliveredBps > CARRIES * traffic.demandBps;
}

/** Copies of a class that fills its paths would take what they protect. Where a capacity is not known, there is room. */
function hasRoomForCopies(paths: readonly PathSnapshot[], { demandBps }: PlanRequest['traffic']): boolean {
  if (paths.some(({ send }) => send.capacityBps === 0)) return true;
  return paths.reduce((sum, { send }) => sum + send.capacityBps, 0) >= 2 * demandBps;
}

/** Repair ratio for the loss of the paths, each by what it carries. */
function repairFor(paths: readonly PathSnapshot[], traffic: PlanRequest['traffic']): number {
  let carried = 0;
  let lost = 0;
  let bursts = 0;
  for (const { send } of paths) {
    carried += send.deliveredBps;
    lost += send.deliveredBps * send.lossRatio;
    bursts += send.deliveredBps * send.lossRatio * Math.max(1, send.burstPackets);
  }
  const anchor = paths[0].send;
  const lossRatio = carried === 0 ? anchor.lossRatio : lost / carried;
  const burstPackets = lost === 0 ? Math.max(1, anchor.burstPackets) : bursts / lost;
  const packetsPerUs = traffic.packetBytes === 0 ? 0 : traffic.demandBps / 8 / traffic.packetBytes / 1e6;
  const window = Math.max(1, Math.min(MAX_REPAIR_WINDOW, Math.round(packetsPerUs * REPAIR_WINDOW_US)));
  return repairRatio(lossRatio, burstPackets, window);
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}
