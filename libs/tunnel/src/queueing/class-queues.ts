/**
 * The queues of one peer: priorities and minimum shares between classes, fair queueing between the flows of a class
 * (RFC 8290), CoDel (RFC 8289) on each flow, deadlines, and a limit.
 *
 * Packets are slots of `SendSlots` that were held before and stay held. Whatever releases a slot that waits here takes it
 * out first with {@link ClassQueues.remove}.
 */
import { SLOT_HEADROOM, SLOT_SHIFT } from '../batch.js';
import { Clock } from '../clock.js';
import { ClassTable, type QueueClass } from './class-table.js';
import { CODEL_TARGET_US, shouldDrop } from './codel.js';
import { markCongestion } from './ecn.js';
import { LongestFlow } from './longest-flow.js';
import { NO_FLOW, type QueuePool } from './queue-pool.js';
import { RoundRobin } from './round-robin.js';

/** Why a packet was dropped. */
export const DROPPED_CODEL = 0;
export const DROPPED_LIMIT = 1;
export const DROPPED_DEADLINE = 2;

/** Packets of one peer that may wait: of a gateway's slots one peer gets at most a quarter, and more only on request. */
export const MAX_QUEUED_PACKETS = 2_048;

const NO_SLOT = -1;
const NOT_BEGUN = new Clock();

export interface QueueOptions {
  /** Packets that may wait, all classes together; at most half of the engine's slots. */
  readonly maxPackets?: number;
}

/** What a peer needs once it has queued a packet. */
class Queues {
  readonly table: ClassTable;
  readonly robin: RoundRobin;
  readonly longest: LongestFlow;

  constructor(pool: QueuePool, classes: readonly QueueClass[], targetsUs: Float64Array) {
    this.table = new ClassTable(classes, targetsUs);
    this.robin = new RoundRobin(pool, classes.length);
    this.longest = new LongestFlow(pool, this.table, this.robin);
  }
}

export class ClassQueues {
  /** Packets that wait, all classes together. */
  packets = 0;
  /** Packets marked "congestion experienced" in place of a drop. */
  marked = 0;

  private readonly maxPackets: number;
  private queues: Queues | undefined;
  private targetsUs: Float64Array | undefined;
  private clock = NOT_BEGUN;
  /** Classes that are blocked until {@link begin}, one bit each. */
  private blockedClasses = 0;
  /** What {@link next} answered last, while it waits, and its class. */
  private candidate = NO_SLOT;
  private candidateClass = 0;

  /**
   * @param classes rules by class index; the default class is 0
   * @param dropped called for each packet that is dropped, when it has left its queue: releases the slot and counts. It
   * must not call these queues. Reasons: DROPPED_CODEL, DROPPED_LIMIT, DROPPED_DEADLINE
   */
  constructor(
    private readonly pool: QueuePool,
    private classes: readonly QueueClass[],
    private readonly dropped: (slot: number, reason: number) => void,
    options: QueueOptions = {},
  ) {
    const { slots } = pool.slots;
    const { maxPackets } = options;
    this.maxPackets =
      maxPackets === undefined ? Math.min(MAX_QUEUED_PACKETS, slots >> 2) : Math.min(maxPackets, slots >> 1);
  }

  backlogPackets(classIndex: number): number {
    return this.queues === undefined ? 0 : this.queues.table.packets(classIndex);
  }

  backlogBytes(classIndex: number): number {
    return this.queues === undefined ? 0 : this.queues.table.bytes(classIndex);
  }

  /** Class of the packet that {@link next} answered last. */
  get classOfNext(): number {
    return this.candidateClass;
  }

  /**
   * CoDel's target of a class, microseconds: raised where a standing queue has a purpose, such as waiting for the faster
   * of two paths, or where a packet alone takes longer than the 5 ms it is otherwise; the interval follows it. Infinity
   * switches CoDel off. {@link reconfigure} sets it back.
   */
  setTarget(classIndex: number, us: number): void {
    this.targetsUs ??= newTargets(this.classes);
    this.targetsUs[classIndex] = us;
  }

  /**
   * CoDel drops and marks nothing for `us` microseconds: a queue that a failed path has left behind says nothing about
   * those who send.
   */
  pardon(us: number, clock: Clock): void {
    this.queues?.table.pardon(us, clock);
  }

  /**
   * Puts a held slot at the end of its flow's queue. Over the limit, the packet at the head of the longest flow is
   * dropped (RFC 8290 section 4.1), which may be this one: the slot is not the caller's any more.
   * @param classIndex one that the classes do not have counts as 0
   */
  enqueue(slot: number, classIndex: number, clock: Clock): void {
    const { pool } = this;
    const { table, robin, longest } = this.ready();
    const index = classIndex < table.count ? classIndex : 0;
    const flow = robin.flowFor(index, pool.slots.flow[slot], this.packets);
    pool.enqueuedUs[slot] = clock.nowUs;
    pool.append(flow, slot);
    table.add(index, 1, pool.slots.length[slot]);
    this.packets++;
    if (!table.isUrgent(index)) longest.note(flow);
    if (this.packets > this.maxPackets) this.dropFrom(longest.find());
  }

  /** Begins a dispatch: nothing is blocked any more. The clock is read until the next one begins. */
  begin(clock: Clock): void {
    this.clock = clock;
    this.blockedClasses = 0;
    this.queues?.robin.unpark();
  }

  /**
   * The packet that should go now, -1 when there is none that is not blocked. It stays in its queue until {@link taken};
   * answer {@link blocked} if it cannot go. Asked again without either, it answers the same, unless a better one came.
   */
  next(): number {
    this.candidate = this.packets === 0 || this.queues === undefined ? NO_SLOT : this.choose(this.queues);
    return this.candidate;
  }

  /** The packet that {@link next} answered was sent: it leaves its queue; its slot stays held. */
  taken(): void {
    const { candidate: slot, candidateClass: index, pool, queues } = this;
    if (slot < 0 || queues === undefined) throw new Error('taken() without a packet that next() answered');
    const length = pool.slots.length[slot];
    pool.deficit[pool.flowOf[slot]] -= length;
    queues.table.settle(index, length);
    this.detach(queues, slot, index);
  }

  /**
   * The packet that {@link next} answered cannot go in this dispatch.
   * @param wholeClass no packet of its class can; false: none of its flow
   */
  blocked(wholeClass: boolean): void {
    const { candidate: slot, candidateClass: index, queues } = this;
    if (slot < 0 || queues === undefined) throw new Error('blocked() without a packet that next() answered');
    this.candidate = NO_SLOT;
    if (wholeClass) this.blockedClasses |= 1 << index;
    else queues.robin.park(index, this.pool.flowOf[slot]);
  }

  /** Takes out a slot that somebody else gives up. Answers whether it waited here. */
  remove(slot: number): boolean {
    const { pool, queues } = this;
    const flow = pool.flowOf[slot];
    if (flow === NO_FLOW || queues === undefined || !queues.robin.owns(flow)) return false;
    this.detach(queues, slot, queues.robin.classOf(flow));
    return true;
  }

  /**
   * Other rules, as a policy switch brings them. What waits is kept in its order; a dispatch that runs has to begin anew.
   * @param newIndexOf new class index by old one; a class without one goes to the default class, 0
   */
  reconfigure(classes: readonly QueueClass[], newIndexOf: readonly number[]): void {
    const old = this.queues;
    this.classes = classes;
    this.targetsUs = undefined;
    this.blockedClasses = 0;
    this.candidate = NO_SLOT;
    this.queues = undefined;
    if (old === undefined || this.packets === 0) return;
    old.robin.unpark();
    const { table, robin, longest } = this.ready();
    for (let index = 0; index < old.table.count; index++) {
      const mapped = newIndexOf[index];
      const target = mapped > 0 && mapped < table.count ? mapped : 0;
      table.add(target, old.table.packets(index), old.table.bytes(index));
      old.robin.move(index, robin, target);
    }
    longest.forget();
  }

  /** Forgets everything that waits, without a word to `dropped`: the peer is gone and its slots are released. */
  clear(): void {
    const { queues } = this;
    if (queues === undefined) return;
    for (let index = 0; index < queues.table.count; index++) queues.robin.empty(index);
    this.packets = 0;
    this.blockedClasses = 0;
    this.candidate = NO_SLOT;
    this.queues = undefined;
  }

  private ready(): Queues {
    if (this.queues === undefined) {
      this.targetsUs ??= newTargets(this.classes);
      this.queues = new Queues(this.pool, this.classes, this.targetsUs);
    }
    return this.queues;
  }

  /** Urgent classes, then those that are owed their share, then by priority. */
  private choose(queues: Queues): number {
    const { table } = queues;
    const { count, urgentCount } = table;
    const classes = table.waitingClasses & ~this.blockedClasses;
    if (classes === 0) return NO_SLOT;
    const isOnlyOne = (classes & (classes - 1)) === 0;
    if (isOnlyOne) return this.headOf(queues, 31 - Math.clz32(classes), false);
    const urgent = this.firstOf(queues, classes, 0, urgentCount, false);
    if (urgent >= 0) return urgent;
    const owed = this.firstOf(queues, classes, urgentCount, count, true);
    return owed >= 0 ? owed : this.firstOf(queues, classes, urgentCount, count, false);
  }

  private firstOf(queues: Queues, classes: number, fromRank: number, toRank: number, onCredit: boolean): number {
    const { table } = queues;
    for (let rank = fromRank; rank < toRank; rank++) {
      const index = table.classAt(rank);
      if ((classes & (1 << index)) === 0 || (onCredit && !table.hasEarned(index, 1))) continue;
      const slot = this.headOf(queues, index, onCredit);
      if (slot >= 0) return slot;
    }
    return NO_SLOT;
  }

  /**
   * The packet of a class whose turn it is, after dropping those that must be; -1 for none.
   * @param onCredit only if the class has earned it
   */
  private headOf(queues: Queues, index: number, onCredit: boolean): number {
    const { pool } = this;
    const { table, robin } = queues;
    while (table.packets(index) > 0) {
      const flow = robin.turn(index);
      if (flow === NO_FLOW) return NO_SLOT;
      const slot = pool.head[flow];
      if (onCredit && !table.hasEarned(index, pool.slots.length[slot])) return NO_SLOT;
      const reason = this.reasonToDrop(table, index, flow, slot);
      if (reason < 0) {
        this.candidateClass = index;
        return slot;
      }
      this.detach(queues, slot, index);
      this.dropped(slot, reason);
    }
    return NO_SLOT;
  }

  /** Why the head of a flow queue must not go, -1 if it may. CoDel looks at it once, and is content with a mark. */
  private reasonToDrop(table: ClassTable, index: number, flow: number, slot: number): number {
    const { pool, clock } = this;
    const { slots } = pool;
    if (table.isLate(index, slots.heldSinceUs, slot, clock)) return DROPPED_DEADLINE;
    if (pool.judged[flow] === 1 || table.isUrgent(index)) return -1;
    pool.judged[flow] = 1;
    if (!shouldDrop(pool, flow, table, index, clock)) return -1;
    if (!markCongestion(slots.slab, (slot << SLOT_SHIFT) + SLOT_HEADROOM)) return DROPPED_CODEL;
    this.marked++;
    return -1;
  }

  private dropFrom(flow: number): void {
    const { pool, queues } = this;
    if (flow === NO_FLOW || queues === undefined) return;
    const slot = pool.head[flow];
    this.detach(queues, slot, queues.robin.classOf(flow));
    this.dropped(slot, DROPPED_LIMIT);
  }

  private detach({ table, robin }: Queues, slot: number, index: number): void {
    table.add(index, -1, -this.pool.slots.length[slot]);
    this.packets--;
    this.pool.detach(slot);
    if (slot === this.candidate) this.candidate = NO_SLOT;
    if (table.packets(index) > 0) return;
    table.forgetCredit(index);
    robin.closeClass(index);
  }
}

function newTargets(classes: readonly QueueClass[]): Float64Array {
  return new Float64Array(classes.length).fill(CODEL_TARGET_US);
}
