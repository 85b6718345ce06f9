/**
 * Asks the strategies for plans and turns each into what the hot path executes: for every class, the paths on which
 * each of its packets goes out now.
 *
 * A plan names paths in order of preference; which of them carry traffic follows from their health, and never is the
 * set empty while a path exists: first those that are up; failing that every suspect and gated one, so that nothing
 * is lost should one of them be alive; failing that the path that was heard of last.
 */
import { allowedPaths, type PathSnapshot, type Plan, type Strategy, type StrategyFactory } from '@corridor/strategy';
import { FLAG_ORDERED, HOLD_MS, HOLD_SHIFT, OVERHEAD_BYTES } from '@corridor/wire';
import { type ClassRules, classRules } from './class-rules.js';
import { DOUBT_SLOWER_US, MAX_PATHS, RETRANSMIT_MARGIN_US, SPILL_TIE_US } from './constants.js';
import { Demand } from './demand.js';
import { TCP_FLOW } from './flow-hash.js';
import { fastestOf, type Path } from './path.js';
import type { ClassPolicy, TunnelPolicy } from './policy.js';
import type { ClassStatus } from './status.js';

export const DEFAULT_CLASS = 'default';

/** `Plan.mode`, as the hot path tells it apart. */
export const SINGLE = 0;
export const COPIES = 1;
export const SPILL = 2;
export const BALANCE = 3;
const MODES = { single: SINGLE, copies: COPIES, spill: SPILL, balance: BALANCE } as const;
/** By number. */
export const MODE_NAMES = ['single', 'copies', 'spill', 'balance'] as const;

/**
 * Places in `Execution.numbers`. What became of its packets, counted since the policy: packets that went again, packets
 * given up while they waited, and the bytes of those.
 */
export const FELT_RETRANSMISSIONS = 0;
export const FELT_DROPS = 1;
export const FELT_DROPPED_BYTES = 2;
/** `SPILL`: a later path is taken only when a packet arrives so much earlier over it, microseconds. */
export const PREFER_US = 3;
/** Since when packets of the class wait, microseconds; means nothing while none does. */
export const EMPTY_AT_US = 4;
/** Extra bytes that copies and repair may still cost. */
export const BUDGET_BYTES = 5;

/** While {@link Execution.doubted} is in doubt, packets wait for its room until then. */
export const DOUBTED_UNTIL_US = 6;
/** When the faster paths of a spilling class were not enough for it last; means nothing while packets wait. */
export const SHORT_AT_US = 7;
/** Slower paths that its stream will need are kept in use: looked at again then. */
export const KEPT_AT_US = 8;

/** A receiver waits for what was lost until it has been sent again, and once more in case that is lost too. */
const RETRANSMISSIONS_AWAITED = 2.2;

/** Flows of a class fall into so many parts, each of which has its path when a plan balances whole flows. */
export const BALANCE_PARTS = 64;

/** How packets of a class are spread over its paths. */
export class Balance {
  /** For each part of the flows which of the paths it stays on. */
  readonly parts = new Uint8Array(BALANCE_PARTS);
  /** Packets: weight of each path, and what it has sent divided by that. */
  readonly weights = new Float64Array(MAX_PATHS);
  readonly progress = new Float64Array(MAX_PATHS);
}

/** What the hot path does with packets of one class. */
export class Execution {
  mode: 0 | 1 | 2 | 3 = SINGLE;
  /** Paths in use, best first, `count` of them; the first alone of a plan for one path. */
  readonly paths: (Path | undefined)[] = new Array(MAX_PATHS).fill(undefined);
  count = 0;
  /** Largest inner packet that all of them carry, as far as is known. */
  maxPacket = Number.MAX_SAFE_INTEGER;
  /** See above: few arrays, as each costs every vehicle that is known 200 bytes. */
  readonly numbers = new Float64Array(9);
  /** Extra copies of each packet. */
  copies = 0;
  /** Repair bytes per byte sent, thousandths. */
  repairPermille = 0;
  /** How long receivers may hold packets of this class to restore order: place in `HOLD_MS`, where the header has it. */
  flags = 0;
  /** Paths that the class avoids, and those of them whose data cap is reached, see `Path.bit`. */
  avoided = 0;
  capped = 0;
  /** `BALANCE`: flows stay on their path. */
  pinned = false;
  /** Made with the first plan for `BALANCE`. */
  balance: Balance | undefined;
  /** Far faster than the others and in doubt: its packets are copied, and none goes over the others alone for a while. */
  doubted: Path | undefined;
  /** The paths that its traffic went over at the plan before, see `Path.bit`: the first, or all for copies. */
  carried = 0;
  readonly demand = new Demand();
  plan: Plan | undefined;
  sinceUs = 0;

  constructor(
    readonly name: string,
    /** Number of the class. */
    readonly index: number,
    readonly strategyName: string,
    readonly strategy: Strategy,
    readonly rules: ClassRules,
  ) {}

  someUp(): boolean {
    for (let i = 0; i < this.count; i++) if (this.paths[i]?.state === 'up') return true;
    return false;
  }

  /** Whether one of the paths is neither silent nor down. */
  someAnswers(): boolean {
    for (let i = 0; i < this.count; i++) {
      const state = this.paths[i]?.state;
      if (state === 'up' || state === 'gated') return true;
    }
    return false;
  }
}

/** Traffic of a class moved to other paths. */
export interface Switch {
  readonly trafficClass: string;
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly reason: string;
}

export class Scheduler {
  /** By class index: the default, then the policy's classes in order. */
  executions: Execution[] = [];
  /** What the strategies saw at the last plan. */
  snapshots: readonly PathSnapshot[] = [];
  /** Class indices in the order in which they are served, and the place of each. */
  ranking = new Uint8Array(0);
  readonly rankOf = new Uint8Array(16);
  /** Where acknowledgements and other control datagrams go: the best two paths. */
  best: Path | undefined;
  second: Path | undefined;
  /** Largest inner packet that every path carries that is up, as far as is known. */
  largestEverywhere = LARGEST_PACKET;
  /** Control datagrams go over both: a path is suspect, or the best one loses packets. */
  twice = false;
  /** A class is sent in copies. */
  hasCopies = false;

  constructor(private readonly strategies: readonly StrategyFactory[]) {}

  /** Takes a checked policy: fresh strategies, no plans yet. */
  setPolicy(policy: TunnelPolicy, nowUs: number): void {
    const make = (name: string, index: number, place: number, choice: ClassPolicy) => {
      const factory = this.strategies.find((one) => one.name === choice.strategy);
      if (factory === undefined)
        throw new Error(`strategy ${choice.strategy} is missing though the policy was checked`);
      const strategy = factory.create(choice.options ?? {});
      const execution = new Execution(name, index, choice.strategy, strategy, classRules(choice, place));
      execution.sinceUs = nowUs;
      return execution;
    };
    const before = this.executions;
    this.executions = [
      make(DEFAULT_CLASS, 0, policy.classes.length + 1, policy.default),
      ...policy.classes.map((one, at) => make(one.name, at + 1, at + 1, one)),
    ];
    this.rank();
    // Traffic keeps flowing as before until the first plan of the new strategies, which follows at once.
    for (const execution of this.executions) {
      const old = before.find((one) => one.name === execution.name);
      if (old === undefined) continue;
      for (let i = 0; i < old.count; i++) execution.paths[i] = old.paths[i];
      execution.count = old.count;
      execution.mode = old.mode === BALANCE ? SINGLE : old.mode;
      execution.flags = old.flags;
      execution.sinceUs = old.sinceUs;
    }
  }

  /** Asks every strategy and answers which classes moved. `paths` in path-id order, without those that are gone. */
  plan(paths: readonly Path[], nowUs: number): Switch[] {
    this.rankForControl(paths);
    this.largestEverywhere = largestOf(paths);
    if (paths.length === 0) {
      this.snapshots = [];
      for (const execution of this.executions) {
        execution.count = 0;
        if (execution.sinceUs === 0) execution.sinceUs = nowUs;
      }
      return [];
    }
    const fastest = { send: fastestOf(paths, 'send'), receive: fastestOf(paths, 'receive') };
    const snapshots = paths.map((path) => path.snapshot(nowUs, fastest));
    this.snapshots = snapshots;
    const switches: Switch[] = [];
    for (const execution of this.executions) {
      const moved = planClass(execution, paths, snapshots, nowUs);
      if (moved !== undefined) switches.push(moved);
    }
    return switches;
  }

  status(): ClassStatus[] {
    return this.executions.map((execution) => ({
      name: execution.name,
      strategy: execution.strategyName,
      mode: execution.plan?.mode ?? 'single',
      paths: namesOf(execution),
      reason: execution.plan?.reason ?? '',
      sinceUs: execution.sinceUs,
    }));
  }

  /** Rules of the classes, by index: what their queues go by. */
  get rules(): ClassRules[] {
    return this.executions.map((execution) => execution.rules);
  }

  /** Flags that packets of this flow have in every transmission. */
  flagsOf(classIndex: number, flow: number): number {
    const { order } = this.executions[classIndex].rules;
    return order === 'flow' || (order === 'auto' && (flow & TCP_FLOW) !== 0) ? FLAG_ORDERED : 0;
  }

  /** Urgent classes first, then by priority, the default class last among equals. */
  private rank(): void {
    const place = (execution: Execution) => (execution.index === 0 ? this.executions.length : execution.index);
    const order = [...this.executions].sort(
      (a, b) =>
        Number(b.rules.urgent) - Number(a.rules.urgent) || a.rules.priority - b.rules.priority || place(a) - place(b),
    );
    this.ranking = Uint8Array.from(order, (execution) => execution.index);
    for (const [rank, execution] of order.entries()) this.rankOf[execution.index] = rank;
  }

  private rankForControl(paths: readonly Path[]): void {
    this.best = undefined;
    this.second = undefined;
    this.twice = false;
    this.hasCopies = this.executions.some((execution) => execution.plan?.mode === 'copies');
    for (const path of paths) {
      if (!path.usable) continue;
      if (path.state === 'suspect') this.twice = true;
      if (this.best === undefined || betterForControl(path, this.best)) {
        this.second = this.best;
        this.best = path;
      } else if (this.second === undefined || betterForControl(path, this.second)) this.second = path;
    }
    if (this.best !== undefined && this.best.evidence > LITTLE_LOSS_EVIDENCE) this.twice = true;
  }
}

/** See `Path.evidence`: from 2 % of loss on, acknowledgements go over two paths. */
const LITTLE_LOSS_EVIDENCE = 2;

/** Above what an IP packet can be. */
const LARGEST_PACKET = 0xffff;

function largestOf(paths: readonly Path[]): number {
  let least = LARGEST_PACKET;
  for (const { state, usable, maxDatagram } of paths) {
    if (state === 'up' && usable && maxDatagram > 0) least = Math.min(least, maxDatagram - OVERHEAD_BYTES);
  }
  return least;
}

const RANK = { up: 0, suspect: 1, gated: 2, down: 3 } as const;

/** Whether `a` is the better path for what must arrive soon: by state, then by round trip and what losses cost. */
export function betterForControl(a: Path, b: Path): boolean {
  if (RANK[a.state] !== RANK[b.state]) return RANK[a.state] < RANK[b.state];
  return a.controlCostUs < b.controlCostUs;
}

function planClass(
  execution: Execution,
  paths: readonly Path[],
  snapshots: readonly PathSnapshot[],
  nowUs: number,
): Switch | undefined {
  const from = namesOf(execution);
  const wasCopies = execution.mode === COPIES;
  const plan = askStrategy(execution, snapshots, nowUs);
  execution.plan = plan;
  compile(execution, plan, paths);
  noteAvoided(execution, paths);
  const to = namesOf(execution);
  if (from.join() !== to.join()) execution.balance?.progress.fill(0);
  const isSame = sameSet(from, to) && (execution.mode === COPIES) === wasCopies;
  if (isSame && (execution.mode === COPIES || from[0] === to[0])) return undefined;
  execution.sinceUs = nowUs;
  return { trafficClass: execution.name, from, to, reason: plan.reason };
}

function noteAvoided(execution: Execution, paths: readonly Path[]): void {
  const { avoid } = execution.rules;
  execution.avoided = 0;
  execution.capped = 0;
  for (const { bit, metered, roaming, capReached } of paths) {
    if (capReached && avoid.includes('capped')) execution.capped |= bit;
    if ((metered && avoid.includes('metered')) || (roaming && avoid.includes('roaming'))) execution.avoided |= bit;
  }
  execution.avoided |= execution.capped;
}

/** Strategies must not throw; should a foreign one do so, its class is carried on by the operator's order. */
function askStrategy(execution: Execution, snapshots: readonly PathSnapshot[], nowUs: number): Plan {
  const { rules } = execution;
  const paths = allowedPaths(snapshots, rules.avoid);
  const traffic = execution.demand.snapshot(nowUs);
  const { name: trafficClass, plan: current } = execution;
  try {
    return execution.strategy.plan({ nowUs, trafficClass, paths, current, traffic, limits: rules.limits });
  } catch (error) {
    const order = [...paths].sort((a, b) => a.priority - b.priority).map((path) => path.id);
    return { mode: 'single', paths: order, reason: `strategy ${execution.strategyName} failed: ${String(error)}` };
  }
}

function compile(execution: Execution, plan: Plan, paths: readonly Path[]): void {
  execution.count = 0;
  execution.doubted = undefined;
  execution.mode = MODES[plan.mode];
  execution.copies = plan.copies ?? 0;
  execution.numbers[PREFER_US] = plan.preferUs ?? SPILL_TIE_US;
  execution.repairPermille = Math.round(1000 * Math.min(plan.repair ?? 0, execution.rules.redundancy));
  const onlyFirst = plan.mode === 'single' && execution.copies === 0 && execution.repairPermille === 0;
  if (execution.mode === BALANCE && execution.balance === undefined) execution.balance = new Balance();
  const weights = execution.balance?.weights;
  for (const [place, id] of plan.paths.entries()) {
    const path = paths.find((one) => one.id === id);
    // A copy on a doubtful path costs no more than it did before, may be the one that arrives, and proves the path.
    const fit = path?.usable && (path.state === 'up' || (plan.mode === 'copies' && path.state !== 'down'));
    if (!fit) continue;
    if (weights !== undefined) weights[execution.count] = plan.weights?.[place] ?? Math.max(1, path.congestion.rateBps);
    execution.paths[execution.count++] = path;
    if (onlyFirst) break;
  }
  if (!execution.someUp()) fallBack(execution, plan, paths);
  else if (execution.mode === SPILL || execution.mode === SINGLE) keepDoubtful(execution, paths);
  if (execution.mode === BALANCE && execution.balance !== undefined) balance(execution, execution.balance);
  execution.pinned = plan.pinned === true;
  execution.maxPacket = Number.MAX_SAFE_INTEGER;
  for (let i = 0; i < execution.count; i++) {
    const largest = execution.paths[i]?.maxDatagram ?? 0;
    if (largest > 0) execution.maxPacket = Math.min(execution.maxPacket, largest - OVERHEAD_BYTES);
  }
  execution.flags = holdCode(execution) << HOLD_SHIFT;
}

/**
 * The path that carried the class is in doubt, and the next is far slower: until the doubt is settled everything goes
 * over both. Most doubts are false, and each packet that went over the slow path alone would hold up all that follow it.
 */
function keepDoubtful(execution: Execution, paths: readonly Path[]): void {
  const first = execution.paths[0] as Path;
  for (const path of paths) {
    const wasUsed = (execution.carried & path.bit) !== 0;
    if (!wasUsed || path.state !== 'suspect' || !path.usable) continue;
    const slowerUs = first.sendDelayUs - path.sendDelayUs;
    if (slowerUs < DOUBT_SLOWER_US) continue;
    execution.mode = COPIES;
    execution.count = 2;
    execution.paths[1] = path;
    execution.doubted = path;
    execution.numbers[DOUBTED_UNTIL_US] = path.sinceUs + slowerUs;
    return;
  }
}

/**
 * How long a receiver shall wait for what is missing: until a packet of the slowest path has come, or one that was lost
 * has been sent again over the fastest.
 */
function holdCode(execution: Execution): number {
  let slowestUs = 0;
  let fastestUs = Number.POSITIVE_INFINITY;
  let retransmitUs = 0;
  for (let i = 0; i < execution.count; i++) {
    const { sendDelayUs, feedback } = execution.paths[i] as Path;
    if (sendDelayUs > slowestUs && sendDelayUs < Number.POSITIVE_INFINITY) slowestUs = sendDelayUs;
    if (sendDelayUs < fastestUs) fastestUs = sendDelayUs;
    retransmitUs = Math.max(retransmitUs, feedback.expectedUs + 4 * feedback.variationUs + RETRANSMIT_MARGIN_US);
  }
  const spreadUs = Math.max(0, slowestUs - Math.min(slowestUs, fastestUs));
  const wantedMs = Math.max(spreadUs + RETRANSMIT_MARGIN_US, RETRANSMISSIONS_AWAITED * retransmitUs) / 1_000;
  const code = HOLD_MS.findIndex((ms) => ms >= wantedMs);
  return code < 0 ? HOLD_MS.length - 1 : code;
}

/**
 * Gives every part of the flows to one of the paths, in proportion to their weights, so that few parts move when a path
 * comes or goes (weighted rendezvous hashing).
 */
function balance(execution: Execution, { parts, weights }: Balance): void {
  for (let part = 0; part < BALANCE_PARTS; part++) {
    let best = 0;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < execution.count; i++) {
      const score = -weights[i] / Math.log(drawOf(part, execution.paths[i]?.id ?? 0));
      if (score <= bestScore) continue;
      bestScore = score;
      best = i;
    }
    parts[part] = best;
  }
}

/** A number between 0 and 1 that part and path always draw together. */
function drawOf(part: number, id: number): number {
  let hash = Math.imul(part * 257 + id + 1, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (((hash ^ (hash >>> 16)) >>> 0) + 1) / (2 ** 32 + 2);
}

/** None of the plan's paths is up: see the head of this file. */
function fallBack(execution: Execution, plan: Plan, paths: readonly Path[]): void {
  if (plan.mode !== 'copies') execution.count = 0;
  let lastHeard: Path | undefined;
  let up: Path | undefined;
  for (const path of paths) {
    if (!path.usable) continue;
    if (path.state === 'up' && up === undefined) up = path;
    if (lastHeard === undefined || path.heardUs > lastHeard.heardUs) lastHeard = path;
  }
  if (up !== undefined) {
    if (execution.mode === BALANCE) execution.mode = SINGLE;
    execution.paths[execution.count++] = up;
    return;
  }
  execution.count = 0;
  execution.mode = COPIES;
  for (const doubtful of orderedBy(plan, paths)) {
    const alive = doubtful.usable && (doubtful.state === 'suspect' || doubtful.state === 'gated');
    if (alive) execution.paths[execution.count++] = doubtful;
  }
  if (execution.count === 0 && lastHeard !== undefined) execution.paths[execution.count++] = lastHeard;
}

function orderedBy(plan: Plan, paths: readonly Path[]): Path[] {
  const place = (path: Path) => {
    const at = plan.paths.indexOf(path.id);
    return at < 0 ? MAX_PATHS : at;
  };
  return [...paths].sort((a, b) => place(a) - place(b) || a.id - b.id);
}

/** Names of the paths in use, best first. */
export function namesOf(execution: Execution): string[] {
  const names: string[] = [];
  for (let i = 0; i < execution.count; i++) names.push(execution.paths[i]?.name ?? '');
  return names;
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name) => b.includes(name));
}
