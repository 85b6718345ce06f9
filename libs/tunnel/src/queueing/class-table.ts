/** What one peer's queues know of each class: its rules, what waits in it, and the lists of its flow queues. */
import { NO_FLOW, type QueuePool } from './queue-pool.js';

/** Rules of one class; its place in the list is its index. */
export interface QueueClass {
  /** 1 goes first. Equal ones go by their place in the list, index 0 (the default class) last. */
  readonly priority: number;
  /** Before all others, whatever their shares, and without CoDel: for little traffic that matters most. */
  readonly urgent: boolean;
  /** Part of the bytes sent while it has packets waiting that it gets in any case, 0 to 0.5. */
  readonly minShare: number;
  /** What is older when its turn comes is dropped, microseconds since it was held. */
  readonly deadlineUs: number;
}

export const MAX_CLASSES = 16;

/** CoDel's target and interval without a reason for others (RFC 8289 section 4.4), microseconds. */
export const CODEL_TARGET_US = 5_000;
export const CODEL_INTERVAL_US = 100_000;
/** The interval follows a raised target, which is at most a tenth of it (RFC 8289 section 4.3). */
const INTERVAL_PER_TARGET = 10;
/** Shares of all classes together, so that some capacity is left to go by priority. */
const MAX_SHARES = 0.9;

// The lists of a class: flow queues new in this round, the others, and those of both that are blocked until `begin`.
export const NEW = 0;
export const OLD = 1;
export const PARKED_NEW = 2;
export const PARKED_OLD = 3;
const LISTS = 4;

export class ClassTable {
  /** Class indices in the order in which they go: urgent ones first. */
  readonly order: Uint8Array;
  readonly urgentCount: number;
  readonly urgent: Uint8Array;
  readonly share: Float64Array;
  readonly deadlineUs: Float64Array;
  readonly targetUs: Float64Array;
  readonly intervalUs: Float64Array;

  /** Bytes that a class may send before its turn, earned by its share. */
  readonly credit: Float64Array;
  readonly packets: Int32Array;
  readonly bytes: Int32Array;
  private readonly first: Int32Array;
  private readonly last: Int32Array;

  constructor(
    classes: readonly QueueClass[],
    private readonly pool: QueuePool,
  ) {
    const count = classes.length;
    const ranked = classes.map((_, index) => index).sort((a, b) => compareClasses(classes, a, b));
    this.order = Uint8Array.from(ranked);
    this.urgent = Uint8Array.from(classes, (rules) => (rules.urgent ? 1 : 0));
    this.urgentCount = classes.filter((rules) => rules.urgent).length;
    const shares = classes.reduce((sum, rules) => sum + (rules.urgent ? 0 : rules.minShare), 0);
    const scale = Math.min(1, MAX_SHARES / shares);
    this.share = Float64Array.from(classes, (rules) => (rules.urgent ? 0 : rules.minShare * scale));
    this.deadlineUs = Float64Array.from(classes, (rules) => rules.deadlineUs);
    this.targetUs = new Float64Array(count).fill(CODEL_TARGET_US);
    this.intervalUs = new Float64Array(count).fill(CODEL_INTERVAL_US);
    this.credit = new Float64Array(count);
    this.packets = new Int32Array(count);
    this.bytes = new Int32Array(count);
    this.first = new Int32Array(count * LISTS);
    this.last = new Int32Array(count * LISTS);
  }

  get count(): number {
    return this.order.length;
  }

  setTarget(index: number, us: number): void {
    this.targetUs[index] = us;
    this.intervalUs[index] = Math.max(CODEL_INTERVAL_US, us * INTERVAL_PER_TARGET);
  }

  /** First flow queue of a list of a class. */
  firstOf(index: number, list: number): number {
    return this.first[index * LISTS + list];
  }

  push(index: number, list: number, flow: number): void {
    const at = index * LISTS + list;
    const last = this.last[at];
    this.pool.after[flow] = NO_FLOW;
    if (last === NO_FLOW) this.first[at] = flow;
    else this.pool.after[last] = flow;
    this.last[at] = flow;
  }

  /** Takes the first flow queue out of a list that is not empty. */
  shift(index: number, list: number): number {
    const at = index * LISTS + list;
    const flow = this.first[at];
    const next = this.pool.after[flow];
    this.first[at] = next;
    if (next === NO_FLOW) this.last[at] = NO_FLOW;
    return flow;
  }

  /** Puts what was parked back in front of its list. */
  unpark(index: number): void {
    this.prepend(index, PARKED_NEW, NEW);
    this.prepend(index, PARKED_OLD, OLD);
  }

  private prepend(index: number, from: number, to: number): void {
    const source = index * LISTS + from;
    const target = index * LISTS + to;
    if (this.first[source] === NO_FLOW) return;
    if (this.first[target] === NO_FLOW) this.last[target] = this.last[source];
    else this.pool.after[this.last[source]] = this.first[target];
    this.first[target] = this.first[source];
    this.first[source] = NO_FLOW;
    this.last[source] = NO_FLOW;
  }

  /** Closes every flow queue of a class, all of them empty. */
  closeAll(index: number): void {
    for (let list = NEW; list < LISTS; list++) {
      while (this.firstOf(index, list) !== NO_FLOW) this.pool.close(this.shift(index, list));
    }
    this.credit[index] = 0;
  }
}

function compareClasses(classes: readonly QueueClass[], a: number, b: number): number {
  const urgency = Number(classes[b].urgent) - Number(classes[a].urgent);
  const place = (index: number) => (index === 0 ? MAX_CLASSES : index);
  return urgency || classes[a].priority - classes[b].priority || place(a) - place(b);
}
