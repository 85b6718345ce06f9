/**
 * Whose turn it is among the flows of a class: deficit round robin with new flows ahead (DRR++, RFC 8290 section 4), for
 * every class of one peer.
 */
import { NO_FLOW, type QueuePool } from './queue-pool.js';

/** Bytes that a flow sends in its turn: about one packet (RFC 8290 section 4.2). */
export const QUANTUM_BYTES = 1_500;

const FLOWS_PER_CLASS = 4_096;
const CLASS_SHIFT = 12;
/** Empty flow queues that may wait for their turn to be closed, beyond two for each packet. */
const SPARE_FLOWS = 16;

// The lists of a class: flow queues new in this round, the others, and those of both that are parked.
const NEW = 0;
const OLD = 1;
const PARKED_NEW = 2;
const PARKED_OLD = 3;
export const LISTS = 4;

export class RoundRobin {
  /** First and last flow queue of each list of each class. */
  private readonly ends: Int32Array;
  /** Classes with parked flow queues, one bit each. */
  private parkedClasses = 0;
  /** Flow queues that are open. */
  private open = 0;
  private readonly owner: number;

  constructor(
    private readonly pool: QueuePool,
    private readonly classes: number,
  ) {
    this.owner = pool.newOwner();
    this.ends = new Int32Array(classes * LISTS * 2);
  }

  owns(flow: number): boolean {
    return this.pool.open[flow] === 1 && this.pool.ownerOf(flow) === this.owner;
  }

  classOf(flow: number): number {
    return this.pool.keyOf(flow) >> CLASS_SHIFT;
  }

  /**
   * The flow queue for a packet of class `index`, opened as a new one unless it is open.
   * @param packets how many packets wait in all classes
   */
  flowFor(index: number, flowNumber: number, packets: number): number {
    const { pool } = this;
    const key = keyOf(index, flowNumber);
    const known = pool.find(this.owner, key);
    if (known !== NO_FLOW && pool.open[known] === 1) return known;
    if (this.open > 2 * packets + SPARE_FLOWS) this.closeEmpty();
    const flow = pool.reopen(known, this.owner, key);
    pool.deficit[flow] = QUANTUM_BYTES;
    this.open++;
    this.push(index, NEW, flow);
    return flow;
  }

  /** The flow queue of a class whose turn it is, not empty and not parked; NO_FLOW for none. */
  turn(index: number): number {
    const { pool } = this;
    for (;;) {
      const list = this.firstOf(index, NEW) === NO_FLOW ? OLD : NEW;
      const flow = this.firstOf(index, list);
      if (flow === NO_FLOW) return NO_FLOW;
      if (pool.deficit[flow] <= 0) {
        pool.deficit[flow] += QUANTUM_BYTES;
        this.push(index, OLD, this.shift(index, list));
      } else if (pool.packets[flow] > 0) return flow;
      else this.pass(index, list);
    }
  }

  /** The first flow queue of a list is empty: passing through the old ones, it cannot come back as a new one at once. */
  private pass(index: number, list: number): void {
    const flow = this.shift(index, list);
    if (list === NEW && this.firstOf(index, OLD) !== NO_FLOW) {
      this.pool.forgetQueue(flow);
      this.push(index, OLD, flow);
    } else this.close(flow);
  }

  /** Leaves the flow queue that {@link turn} answered out until {@link unpark}. */
  park(index: number, flow: number): void {
    const isNew = this.firstOf(index, NEW) === flow;
    this.push(index, isNew ? PARKED_NEW : PARKED_OLD, this.shift(index, isNew ? NEW : OLD));
    this.parkedClasses |= 1 << index;
  }

  /** Puts what was parked back in front of its list. */
  unpark(): void {
    if (this.parkedClasses === 0) return;
    for (let index = 0; index < this.classes; index++) {
      if ((this.parkedClasses & (1 << index)) === 0) continue;
      this.prepend(index, PARKED_NEW, NEW);
      this.prepend(index, PARKED_OLD, OLD);
    }
    this.parkedClasses = 0;
  }

  /** First flow queue of a list (0 to LISTS - 1) of a class; the next one is `pool.after`. */
  firstOf(index: number, list: number): number {
    return this.ends[(index * LISTS + list) * 2];
  }

  /** Closes every flow queue of a class in which nothing waits any more. */
  closeClass(index: number): void {
    for (let list = NEW; list < LISTS; list++) {
      while (this.firstOf(index, list) !== NO_FLOW) this.close(this.shift(index, list));
    }
  }

  /** Forgets every packet of a class. */
  empty(index: number): void {
    const { pool } = this;
    for (let list = NEW; list < LISTS; list++) {
      for (let flow = this.firstOf(index, list); flow !== NO_FLOW; flow = pool.after[flow]) {
        while (pool.packets[flow] > 0) pool.detach(pool.head[flow]);
      }
    }
    this.closeClass(index);
  }

  /** Moves all of class `from` to class `index` of `to`, where flows of the same number become one. Nothing is parked. */
  move(from: number, to: RoundRobin, index: number): void {
    const { pool } = this;
    for (let list = NEW; list <= OLD; list++) {
      while (this.firstOf(from, list) !== NO_FLOW) {
        const flow = this.shift(from, list);
        const key = keyOf(index, pool.keyOf(flow));
        const same = pool.find(to.owner, key);
        if (pool.packets[flow] > 0 && same === NO_FLOW) {
          pool.rekey(flow, to.owner, key);
          this.open--;
          to.open++;
          to.push(index, list, flow);
        } else {
          if (pool.packets[flow] > 0) pool.merge(flow, same);
          this.close(flow);
        }
      }
    }
  }

  /** So that flows of one packet each do not leave more behind than what waits. */
  private closeEmpty(): void {
    const { pool } = this;
    for (let at = 0; at < this.ends.length; at += 2) {
      let flow = this.ends[at];
      this.ends[at] = NO_FLOW;
      this.ends[at + 1] = NO_FLOW;
      while (flow !== NO_FLOW) {
        const next = pool.after[flow];
        if (pool.packets[flow] > 0) this.push(0, at >> 1, flow);
        else this.close(flow);
        flow = next;
      }
    }
  }

  private close(flow: number): void {
    this.open--;
    this.pool.close(flow);
  }

  private push(index: number, list: number, flow: number): void {
    const { ends } = this;
    const at = (index * LISTS + list) * 2;
    this.pool.after[flow] = NO_FLOW;
    if (ends[at] === NO_FLOW) ends[at] = flow;
    else this.pool.after[ends[at + 1]] = flow;
    ends[at + 1] = flow;
  }

  private shift(index: number, list: number): number {
    const { ends } = this;
    const at = (index * LISTS + list) * 2;
    const flow = ends[at];
    ends[at] = this.pool.after[flow];
    if (ends[at] === NO_FLOW) ends[at + 1] = NO_FLOW;
    return flow;
  }

  private prepend(index: number, from: number, to: number): void {
    const { ends } = this;
    const source = (index * LISTS + from) * 2;
    const target = (index * LISTS + to) * 2;
    if (ends[source] === NO_FLOW) return;
    if (ends[target] === NO_FLOW) ends[target + 1] = ends[source + 1];
    else this.pool.after[ends[source + 1]] = ends[target];
    ends[target] = ends[source];
    ends[source] = NO_FLOW;
    ends[source + 1] = NO_FLOW;
  }
}

/** Names a flow queue of one owner: its class and the low bits of the flow number. */
function keyOf(index: number, flowNumber: number): number {
  return (index << CLASS_SHIFT) | (flowNumber & (FLOWS_PER_CLASS - 1));
}
