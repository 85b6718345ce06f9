/**
 * The queues of one peer: priorities and minimum shares between classes, fair queueing between the flows of a class
 * (DRR++, RFC 8290), CoDel (RFC 8289) on each flow, deadlines, and a limit.
 *
 * Packets are slots of `SendSlots` that were held before and stay held. Whatever releases a slot that waits here takes it
 * out first with {@link ClassQueues.remove}.
 */
import { SLOT_HEADROOM, SLOT_SHIFT } from '../batch.js';
import type { Clock } from '../clock.js';
import { ClassTable, NEW, OLD, PARKED_NEW, PARKED_OLD, type QueueClass } from './class-table.js';
import { shouldDrop } from './codel.js';
import { markCongestion } from './ecn.js';
import { NO_FLOW, type QueuePool } from './queue-pool.js';

/** Why a packet was dropped. */
export const DROPPED_CODEL = 0;
export const DROPPED_LIMIT = 1;
export const DROPPED_DEADLINE = 2;

/** Packets that one peer may have waiting, if the engine's slots are four times as many. */
export const MAX_QUEUED_PACKETS = 2_048;
/** Bytes that a flow sends in its turn: about one packet (RFC 8290 section 4.2). */
export const QUANTUM_BYTES = 1_500;
/** Most that a class may have earned by its share and not used. */
const MAX_CREDIT_BYTES = 6_000;
const FLOWS_PER_CLASS = 4_096;
const CLASS_SHIFT = 12;

export interface QueueOptions {
  /** Packets that may wait, all classes together; at most half of the engine's slots. */
  readonly maxPackets?: number;
}

export class ClassQueues {
  /** Packets that wait, all classes together. */
  packets = 0;
  /** Packets marked "congestion experienced" in place of a drop. */
  marked = 0;

  private readonly maxPackets: number;
  private classes: readonly QueueClass[];
  /** Made with the first packet. */
  private table: ClassTable | undefined;
  private owner = 0;
  private clock: Clock | undefined;
  /** Classes that are blocked until `begin`, and those with parked flow queues: one bit each. */
  private blockedClasses = 0;
  private parkedClasses = 0;
  /** What `next` answered last, while it still waits. */
  private candidate = -1;
  private candidateClass = 0;

  /**
   * @param dropped called for each packet that is dropped, when it has left its queue: releases the slot and counts. It
   * must not call these queues.
   */
  constructor(
    private readonly pool: QueuePool,
    classes: readonly QueueClass[],
    private readonly dropped: (slot: number, reason: number) => void,
    options: QueueOptions = {},
  ) {
    const { slots } = pool.slots;
    this.classes = classes;
    this.maxPackets =
      options.maxPackets === undefined
        ? Math.min(MAX_QUEUED_PACKETS, slots >> 2)
        : Math.min(options.maxPackets, slots >> 1);
  }

  backlogPackets(classIndex: number): number {
    return this.table === undefined ? 0 : this.table.packets[classIndex];
  }

  backlogBytes(classIndex: number): number {
    return this.table === undefined ? 0 : this.table.bytes[classIndex];
  }

  /** Class of the packet that {@link next} answered last. */
  get classOfNext(): number {
    return this.candidateClass;
  }

  /**
   * CoDel's target of a class, microseconds: raised where a standing queue has a purpose, such as waiting for the faster
   * of two paths. The interval follows it. {@link reconfigure} sets it back.
   */
  setTarget(classIndex: number, us: number): void {
    this.ready().setTarget(classIndex, us);
  }

  /**
   * Puts a held slot at the end of its flow's queue. Over the limit, the packet at the head of the longest flow is
   * dropped (RFC 8290 section 4.1), which may be this one: the slot is not the caller's any more.
   */
  enqueue(slot: number, classIndex: number, clock: Clock): void {
    const { pool } = this;
    const table = this.ready();
    const index = classIndex < table.count ? classIndex : 0;
    const key = (index << CLASS_SHIFT) | (pool.slots.flow[slot] & (FLOWS_PER_CLASS - 1));
    let flow = pool.find(this.owner, key);
    if (flow === NO_FLOW || pool.open[flow] === 0) {
      flow = pool.reopen(flow, this.owner, key);
      pool.deficit[flow] = QUANTUM_BYTES;
      table.push(index, NEW, flow);
    }
    pool.enqueuedUs[slot] = clock.nowUs;
    pool.append(flow, slot);
    table.packets[index]++;
    table.bytes[index] += pool.slots.length[slot];
    this.packets++;
    if (this.packets > this.maxPackets) this.dropFromLongest(table);
  }

  /** Begins a dispatch: nothing is blocked any more. The clock is read until the next one begins. */
  begin(clock: Clock): void {
    this.clock = clock;
    this.unblock();
  }

  /**
   * The packet that should go now, -1 when there is none that is not blocked. It stays in its queue until {@link taken};
   * answer {@link blocked} if it cannot go. Asked again without either, it answers the same, unless a better one came.
   */
  next(): number {
    this.candidate = this.packets === 0 || this.table === undefined ? -1 : this.choose(this.table);
    return this.candidate;
  }

  /** The packet that {@link next} answered was sent: it leaves its queue; its slot stays held. */
  taken(): void {
    const { table, candidate: slot, candidateClass: index, pool } = this;
    if (slot < 0 || table === undefined) throw new Error('taken() without a packet that next() answered');
    const length = pool.slots.length[slot];
    pool.deficit[pool.flowOf[slot]] -= length;
    if (table.packets[index] !== this.packets) this.share(table, index, length);
    this.detach(slot, table, index);
  }

  /**
   * The packet that {@link next} answered cannot go in this dispatch.
   * @param wholeClass no packet of its class can; false: none of its flow
   */
  blocked(wholeClass: boolean): void {
    const { table, candidate: slot, candidateClass: index } = this;
    if (slot < 0 || table === undefined) throw new Error('blocked() without a packet that next() answered');
    this.candidate = -1;
    if (wholeClass) {
      this.blockedClasses |= 1 << index;
      return;
    }
    this.parkedClasses |= 1 << index;
    const isNew = table.firstOf(index, NEW) === this.pool.flowOf[slot];
    const list = isNew ? NEW : OLD;
    table.push(index, isNew ? PARKED_NEW : PARKED_OLD, table.shift(index, list));
  }

  /** Takes out a slot that somebody else gives up. Answers whether it waited here. */
  remove(slot: number): boolean {
    const { pool, table } = this;
    const flow = pool.flowOf[slot];
    if (flow === NO_FLOW || table === undefined || !pool.isOwnedBy(flow, this.owner)) return false;
    this.detach(slot, table, pool.keyOf(flow) >> CLASS_SHIFT);
    return true;
  }

  /**
   * Other rules, as a policy switch brings them. What waits is kept in its order; a dispatch that runs has to begin anew.
   * @param newIndexOf new class index by old one; a class without one goes to the default class, 0
   */
  reconfigure(classes: readonly QueueClass[], newIndexOf: readonly number[]): void {
    const { table } = this;
    this.classes = classes;
    this.unblock();
    this.candidate = -1;
    this.table = undefined;
    if (table === undefined) return;
    // Under a new owner the flow queues closed so far are not found again by keys that mean another class now.
    const fresh = this.ready();
    for (let index = 0; index < table.count; index++) {
      const mapped = newIndexOf[index];
      this.move(table, index, fresh, mapped > 0 && mapped < fresh.count ? mapped : 0);
    }
  }

  /** Forgets everything that waits, without a word to `dropped`: the peer is gone and its slots are released. */
  clear(): void {
    const { table } = this;
    if (table === undefined) return;
    this.unblock();
    for (let index = 0; index < table.count; index++) this.emptyClass(table, index);
    this.packets = 0;
    this.candidate = -1;
    this.table = undefined;
  }

  private unblock(): void {
    this.blockedClasses = 0;
    if (this.parkedClasses === 0 || this.table === undefined) return;
    for (let index = 0; index < this.table.count; index++) {
      if ((this.parkedClasses & (1 << index)) !== 0) this.table.unpark(index);
    }
    this.parkedClasses = 0;
  }

  private move(from: ClassTable, index: number, to: ClassTable, target: number): void {
    const { pool } = this;
    for (const list of [NEW, OLD]) {
      while (from.firstOf(index, list) !== NO_FLOW) {
        const flow = from.shift(index, list);
        to.packets[target] += pool.packets[flow];
        to.bytes[target] += pool.bytes[flow];
        const key = (target << CLASS_SHIFT) | (pool.keyOf(flow) & (FLOWS_PER_CLASS - 1));
        const same = pool.find(this.owner, key);
        if (pool.packets[flow] > 0 && same === NO_FLOW) {
          pool.rekey(flow, this.owner, key);
          to.push(target, list, flow);
        } else {
          if (same !== NO_FLOW) pool.merge(flow, same);
          pool.close(flow);
        }
      }
    }
  }

  private emptyClass(table: ClassTable, index: number): void {
    const { pool } = this;
    for (const list of [NEW, OLD]) {
      for (let flow = table.firstOf(index, list); flow !== NO_FLOW; flow = pool.after[flow]) {
        while (pool.head[flow] >= 0) pool.detach(pool.head[flow]);
      }
    }
    table.closeAll(index);
  }

  private ready(): ClassTable {
    if (this.table === undefined) {
      this.table = new ClassTable(this.classes, this.pool);
      this.owner = this.pool.newOwner();
    }
    return this.table;
  }

  /** Urgent classes, then those that are owed their share, then by priority. */
  private choose(table: ClassTable): number {
    const { order, urgentCount, credit, packets } = table;
    for (let rank = 0; rank < urgentCount; rank++) {
      const slot = this.headOf(table, order[rank], false);
      if (slot >= 0) return slot;
    }
    for (let rank = urgentCount; rank < order.length; rank++) {
      if (packets[order[rank]] === 0 || credit[order[rank]] <= 0) continue;
      const slot = this.headOf(table, order[rank], true);
      if (slot >= 0) return slot;
    }
    for (let rank = urgentCount; rank < order.length; rank++) {
      const slot = this.headOf(table, order[rank], false);
      if (slot >= 0) return slot;
    }
    return -1;
  }

  /**
   * The packet of a class whose turn it is, after dropping those that must be; -1 for none.
   * @param onCredit only if the class has earned it
   */
  private headOf(table: ClassTable, index: number, onCredit: boolean): number {
    const { pool } = this;
    if ((this.blockedClasses & (1 << index)) !== 0) return -1;
    while (table.packets[index] > 0) {
      const flow = this.turn(table, index);
      if (flow === NO_FLOW) return -1;
      const slot = pool.head[flow];
      if (onCredit && table.credit[index] < pool.slots.length[slot]) return -1;
      if (this.isFit(table, index, flow, slot)) {
        this.candidateClass = index;
        return slot;
      }
    }
    return -1;
  }

  /** The flow queue of a class whose turn it is: `dequeue` of RFC 8290 section 4.2. None of what is parked. */
  private turn(table: ClassTable, index: number): number {
    const { pool } = this;
    for (;;) {
      const list = table.firstOf(index, NEW) === NO_FLOW ? OLD : NEW;
      const flow = table.firstOf(index, list);
      if (flow === NO_FLOW) return NO_FLOW;
      if (pool.deficit[flow] <= 0) {
        pool.deficit[flow] += QUANTUM_BYTES;
        table.push(index, OLD, table.shift(index, list));
      } else if (pool.packets[flow] > 0) return flow;
      else {
        table.shift(index, list);
        // Passing through the old ones keeps a flow from coming back as a new one with every packet.
        if (list === NEW && table.firstOf(index, OLD) !== NO_FLOW) {
          pool.dropping[flow] = 0;
          pool.firstAboveUs[flow] = 0;
          table.push(index, OLD, flow);
        } else pool.close(flow);
      }
    }
  }

  /** Whether the head of a flow queue may go; if not, it has been dropped. CoDel looks at it once. */
  private isFit(table: ClassTable, index: number, flow: number, slot: number): boolean {
    const { pool } = this;
    const { slots } = pool;
    const clock = this.clock as Clock;
    if (clock.nowUs - slots.heldSinceUs[slot] > table.deadlineUs[index]) {
      this.drop(slot, table, index, DROPPED_DEADLINE);
      return false;
    }
    if (pool.judged[flow] === 1 || table.urgent[index] === 1) return true;
    pool.judged[flow] = 1;
    if (!shouldDrop(pool, flow, table, index, clock)) return true;
    if (markCongestion(slots.slab, (slot << SLOT_SHIFT) + SLOT_HEADROOM)) {
      this.marked++;
      return true;
    }
    this.drop(slot, table, index, DROPPED_CODEL);
    return false;
  }

  private dropFromLongest(table: ClassTable): void {
    const { pool } = this;
    let longest = NO_FLOW;
    // Urgent ones, ranked first, only when nothing else waits.
    for (let rank = table.count - 1; rank >= 0; rank--) {
      if (longest !== NO_FLOW && rank < table.urgentCount) break;
      for (let list = NEW; list <= PARKED_OLD; list++) {
        for (let flow = table.firstOf(table.order[rank], list); flow !== NO_FLOW; flow = pool.after[flow]) {
          if (pool.bytes[flow] > 0 && (longest === NO_FLOW || pool.bytes[flow] > pool.bytes[longest])) longest = flow;
        }
      }
    }
    if (longest !== NO_FLOW) {
      this.drop(pool.head[longest], table, pool.keyOf(longest) >> CLASS_SHIFT, DROPPED_LIMIT);
    }
  }

  private drop(slot: number, table: ClassTable, index: number, reason: number): void {
    this.detach(slot, table, index);
    this.dropped(slot, reason);
  }

  private detach(slot: number, table: ClassTable, index: number): void {
    table.bytes[index] -= this.pool.slots.length[slot];
    this.pool.detach(slot);
    if (slot === this.candidate) this.candidate = -1;
    this.packets--;
    if (--table.packets[index] === 0) {
      table.closeAll(index);
      this.parkedClasses &= ~(1 << index);
    }
  }

  /** Every class that waits earns its share of the bytes sent; the one that sent them pays. */
  private share(table: ClassTable, sender: number, length: number): void {
    const { credit, packets, share, order } = table;
    for (let rank = table.urgentCount; rank < order.length; rank++) {
      const index = order[rank];
      if (packets[index] === 0) continue;
      const earned = credit[index] + share[index] * length - (index === sender ? length : 0);
      credit[index] = Math.max(0, Math.min(MAX_CREDIT_BYTES, earned));
    }
  }
}
