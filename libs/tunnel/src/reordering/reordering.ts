/**
 * Restores the order of a peer's flows, bounded in time. Packets of one flow overtake each other when they travel over
 * several paths, or when one is lost and sent again; TCP takes more than a few overtakings for losses and slows down.
 *
 * A packet that is next in its flow is delivered at once. One that is ahead waits for those before it, in a pool behind
 * the receive slab, at most as long as its header allows and as {@link Experience} says that waiting pays. Then the hole
 * is given up: the packets behind it go on, and what comes of it later is delivered when it comes. Nothing is dropped
 * and nothing delivered twice. A flow without holes costs two compares a packet and no copy.
 *
 * Driving it: {@link accept} for every packet, {@link service} after every batch and when the time noted by
 * {@link noteDeadline} has come, `ReorderPool.reset` after every drain, {@link clear} before it is forgotten.
 */
import type { Clock, Earliest } from '../clock.js';
import type { OrderStatus } from '../status.js';
import { Experience } from './experience.js';
import { FlowTable } from './flow-table.js';
import { IDLE_US, MAX_HOLD_US, MAX_STEP } from './limits.js';
import { insert, removeFirst } from './order.js';
import { type Keeper, NONE, type ReorderPool } from './pool.js';
import { Skips } from './skips.js';

/** Where packets go. */
export interface PacketSink {
  /** @param offset position of the packet in the receive slab */
  deliver(offset: number, length: number): void;
}

const CLASS_SHIFT = 12;
/** Of one hole that was given up so many packets count as never filled: one outage is no experience. */
const UNFILLED_OF_HOLE = 2;

export class Reordering implements Keeper {
  /** Packets that wait now. */
  kept = 0;
  /** Longest that a packet ever waited, microseconds. */
  waitedMaxUs = 0;
  /** Holes that were given up because time ran out or the pool was short of slots. */
  timeouts = 0;
  /** Missing packets that came while they were waited for, and after they were given up. */
  filled = 0;
  late = 0;

  private table: FlowTable | undefined;
  private skips: Skips | undefined;
  private readonly experiences: (Experience | undefined)[] = [];
  private lastFlow = NONE;
  private lastRecord = NONE;

  /** @param sink takes the packets, in order */
  constructor(
    private readonly pool: ReorderPool,
    private readonly sink: PacketSink,
  ) {}

  /** Flows that are remembered. */
  get flows(): number {
    return this.table?.size ?? 0;
  }

  /** For people. */
  status(): OrderStatus {
    return {
      flows: this.flows,
      waiting: this.kept,
      filled: this.filled,
      givenUp: this.timeouts,
      late: this.late,
      longestWaitUs: this.waitedMaxUs,
    };
  }

  /**
   * How long packets of this flow may wait as the newest one said, microseconds; -1 when the flow is not put in order
   * here. What comes without a header, as it was repaired, has to come here with this hold: otherwise it would be a hole.
   */
  holdUsOf(flow: number): number {
    const record = this.table === undefined ? NONE : this.table.find(flow);
    return this.table === undefined || record === NONE ? -1 : this.table.holdUs[record];
  }

  /** How long a hole in a flow of traffic class `index` is waited for now at most, microseconds. */
  waitUs(index: number): number {
    return this.experiences[index]?.waitUs ?? MAX_HOLD_US;
  }

  /**
   * Takes a packet that was not delivered before.
   * @param flow number of the flow, 16 bits, class above
   * @param sequence u32 serial
   * @param offset position in the receive slab; valid until the next drain
   * @param holdUs how long it may wait for those before it; 0 for not at all
   */
  accept(flow: number, sequence: number, offset: number, length: number, holdUs: number, clock: Clock): void {
    const table = this.table ?? this.begin();
    const record = flow === this.lastFlow ? this.lastRecord : this.find(table, flow, sequence, clock);
    if (record === NONE) {
      this.sink.deliver(offset, length);
      return;
    }
    table.holdUs[record] = holdUs;
    const ahead = (sequence - table.expected[record]) | 0;
    if (ahead === 0) {
      table.heardUs[record] = clock.nowUs;
      table.expected[record] = sequence + 1;
      this.sink.deliver(offset, length);
      if (table.kept[record] !== 0) this.fill(table, record, clock);
    } else if (ahead < 0) this.acceptLate(table, record, sequence, offset, length, clock);
    else this.acceptAhead(table, record, sequence, offset, length, holdUs, clock);
  }

  /** Gives up the holes whose time has run out. */
  service(clock: Clock): void {
    const { table } = this;
    if (table === undefined) return;
    // Backwards, as a flow that keeps nothing any more gives its place to the last one.
    for (let i = table.waitingCount - 1; i >= 0; i--) this.expire(table, table.waiting[i], clock);
  }

  noteDeadline(earliest: Earliest): void {
    const { table, pool } = this;
    if (table === undefined) return;
    for (let i = 0; i < table.waitingCount; i++) {
      const oldest = table.oldest[table.waiting[i]];
      earliest.note(pool.untilUs[oldest]);
      earliest.note(pool.sinceUs[oldest] + this.waitUs(table.number[table.waiting[i]] >>> CLASS_SHIFT));
    }
  }

  /** Lets everything go, in order, and forgets every flow: the peer starts its sequences afresh, or is gone. */
  clear(clock: Clock): void {
    const { table } = this;
    if (table === undefined) return;
    while (table.waitingCount > 0) this.passHole(table, table.waiting[0], clock);
    this.table = undefined;
    this.skips = undefined;
    this.lastFlow = NONE;
  }

  giveWay(record: number, clock: Clock): void {
    if (this.table === undefined) return;
    this.timeouts++;
    this.passHole(this.table, record, clock);
  }

  private begin(): FlowTable {
    this.table = new FlowTable();
    return this.table;
  }

  private find(table: FlowTable, flow: number, sequence: number, clock: Clock): number {
    let record = table.find(flow);
    if (record === NONE) record = table.add(flow, sequence, clock);
    if (record === NONE) return NONE;
    this.lastFlow = flow;
    this.lastRecord = record;
    return record;
  }

  // --- packets that are not next ------------------------------------------------------------------------------------

  /** Its hole was given up, or it was overtaken by the first packet of its flow that came. */
  private acceptLate(
    table: FlowTable,
    record: number,
    sequence: number,
    offset: number,
    length: number,
    clock: Clock,
  ): void {
    table.heardUs[record] = clock.nowUs;
    this.late++;
    if (((table.expected[record] - sequence) | 0) > MAX_STEP) this.startOver(table, record, sequence, clock);
    else this.learnLate(table.number[record], sequence, clock);
    this.sink.deliver(offset, length);
  }

  private acceptAhead(
    table: FlowTable,
    record: number,
    sequence: number,
    offset: number,
    length: number,
    holdUs: number,
    clock: Clock,
  ): void {
    const silent = table.kept[record] === 0 && clock.nowUs - table.heardUs[record] > IDLE_US;
    table.heardUs[record] = clock.nowUs;
    if (silent || ((sequence - table.expected[record]) | 0) > MAX_STEP) {
      this.startOver(table, record, sequence, clock);
      this.sink.deliver(offset, length);
      return;
    }
    if (this.kept >= this.pool.share) this.giveWayToOldest(table, clock);
    // What gave way may have been this flow, and the packet next in it now, or late.
    const ahead = (sequence - table.expected[record]) | 0;
    const slot = holdUs > 0 && ahead > 0 ? this.pool.keep(this, record, offset, length) : NONE;
    if (slot === NONE) {
      this.passThrough(table, record, sequence, offset, length, clock);
      return;
    }
    this.pool.sequence[slot] = sequence;
    this.pool.sinceUs[slot] = clock.nowUs;
    this.pool.untilUs[slot] = clock.nowUs + holdUs;
    this.keep(table, record, slot, clock);
    this.pool.relieve(clock);
  }

  private keep(table: FlowTable, record: number, slot: number, clock: Clock): void {
    const { pool } = this;
    this.kept++;
    if (table.kept[record] === 0) table.beginWaiting(record);
    const oldest = table.oldest[record];
    if (oldest !== NONE && ((pool.sequence[oldest] - pool.sequence[slot]) | 0) > 0) {
      this.learnFilled(table, record, oldest, clock);
    }
    insert(table, pool, record, slot);
  }

  /** The flow's next packet came while others waited for it: those behind it go on, up to the next hole. */
  private fill(table: FlowTable, record: number, clock: Clock): void {
    this.learnFilled(table, record, table.oldest[record], clock);
    this.deliverRun(table, record, clock);
  }

  // --- giving up holes -----------------------------------------------------------------------------------------------

  private expire(table: FlowTable, record: number, clock: Clock): void {
    while (table.kept[record] > 0 && this.isDue(table, record, clock)) {
      this.timeouts++;
      this.learnUnfilled(table, record, clock);
      this.passHole(table, record, clock);
    }
  }

  /** Whether what came first has waited as long as it may, or as long as experience says. */
  private isDue(table: FlowTable, record: number, clock: Clock): boolean {
    const { sinceUs, untilUs } = this.pool;
    const oldest = table.oldest[record];
    const waitUs = this.waitUs(table.number[record] >>> CLASS_SHIFT);
    return clock.nowUs >= untilUs[oldest] || clock.nowUs >= sinceUs[oldest] + waitUs;
  }

  /** The flow waits no longer for its first hole. */
  private passHole(table: FlowTable, record: number, clock: Clock): void {
    table.expected[record] = this.pool.sequence[table.first[record]];
    this.deliverRun(table, record, clock);
  }

  /** Delivers a packet for which there is no slot: what waits before it goes first, what follows it goes on. */
  private passThrough(
    table: FlowTable,
    record: number,
    sequence: number,
    offset: number,
    length: number,
    clock: Clock,
  ): void {
    const { pool } = this;
    while (table.kept[record] > 0 && ((sequence - pool.sequence[table.first[record]]) | 0) > 0) {
      this.passHole(table, record, clock);
    }
    if (((sequence - table.expected[record]) | 0) >= 0) table.expected[record] = sequence + 1;
    this.sink.deliver(offset, length);
    this.deliverRun(table, record, clock);
  }

  /** The sequence made a leap: its sender began anew, or this end slept. */
  private startOver(table: FlowTable, record: number, sequence: number, clock: Clock): void {
    while (table.kept[record] > 0) this.passHole(table, record, clock);
    table.expected[record] = sequence + 1;
    this.skips?.forget(table.number[record]);
  }

  /** This peer keeps all that it may: of its flows the one that waits longest gives up its first hole. */
  private giveWayToOldest(table: FlowTable, clock: Clock): void {
    const { pool } = this;
    let longest = table.waiting[0];
    for (let i = 1; i < table.waitingCount; i++) {
      const record = table.waiting[i];
      if (pool.sinceUs[table.oldest[record]] < pool.sinceUs[table.oldest[longest]]) longest = record;
    }
    this.giveWay(longest, clock);
  }

  /** Delivers what is in order now. */
  private deliverRun(table: FlowTable, record: number, clock: Clock): void {
    const { pool } = this;
    let slot = table.first[record];
    while (slot !== NONE && pool.sequence[slot] === table.expected[record]) {
      table.expected[record]++;
      const waitedUs = (clock.nowUs - pool.sinceUs[slot]) | 0;
      if (waitedUs > this.waitedMaxUs) this.waitedMaxUs = waitedUs;
      this.sink.deliver(pool.offsetOf(slot), pool.length[slot]);
      removeFirst(table, pool, record, slot);
      pool.release(slot);
      this.kept--;
      slot = table.first[record];
    }
  }

  // --- learning -----------------------------------------------------------------------------------------------------

  private experience(flow: number, clock: Clock): Experience {
    const index = flow >>> CLASS_SHIFT;
    let experience = this.experiences[index];
    if (experience === undefined) {
      experience = new Experience(clock);
      this.experiences[index] = experience;
    }
    return experience;
  }

  /** A missing packet came; `oldest` waited for it. */
  private learnFilled(table: FlowTable, record: number, oldest: number, clock: Clock): void {
    this.filled++;
    this.experience(table.number[record], clock).filled((clock.nowUs - this.pool.sinceUs[oldest]) | 0, clock);
  }

  /** The flow's first hole is about to be given up. */
  private learnUnfilled(table: FlowTable, record: number, clock: Clock): void {
    const { pool } = this;
    const from = table.expected[record];
    const packets = (pool.sequence[table.first[record]] - from) | 0;
    const counted = Math.min(packets, UNFILLED_OF_HOLE);
    this.experience(table.number[record], clock).unfilled(counted, clock);
    this.skips ??= new Skips();
    this.skips.add(table.number[record], from, packets, counted, pool.sinceUs, table.oldest[record]);
  }

  private learnLate(flow: number, sequence: number, clock: Clock): void {
    const { skips } = this;
    const hole = skips === undefined ? NONE : skips.find(flow, sequence);
    if (skips === undefined || hole === NONE) return;
    const latenessUs = skips.latenessUs(hole, clock);
    // No packet may be held for so long, so it is as good as lost.
    if (latenessUs > MAX_HOLD_US) return;
    this.experience(flow, clock).filledLate(latenessUs, skips.takeBack(hole), clock);
  }
}
