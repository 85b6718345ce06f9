/** What the receiving end remembers of the flows of one peer whose order it restores. */
import type { Clock } from '../clock.js';
import { IDLE_US, MAX_FLOWS } from './limits.js';
import { NONE } from './pool.js';

const FIRST_RECORDS = 8;
/** Places that a flow remembers for what comes next between the packets it keeps: one for each path. */
export const HINTS = 4;

export class FlowTable {
  /** Next sequence to deliver, i32 serial. */
  expected = new Int32Array(FIRST_RECORDS);
  /** How long the last packet that said so may wait, microseconds. */
  holdUs = new Int32Array(FIRST_RECORDS);
  /** When its last packet came. */
  heardUs = new Float64Array(FIRST_RECORDS);
  /** Packets kept, the first and last of them by sequence, and the oldest and newest by arrival. */
  kept = new Int32Array(FIRST_RECORDS);
  first = new Int32Array(FIRST_RECORDS);
  last = new Int32Array(FIRST_RECORDS);
  oldest = new Int32Array(FIRST_RECORDS);
  newest = new Int32Array(FIRST_RECORDS);
  /** {@link HINTS} slots each, which need not hold a packet of this flow any more, and which is replaced next. */
  hints = new Int32Array(FIRST_RECORDS * HINTS);
  nextHint = new Int32Array(FIRST_RECORDS);
  /** The flow's number on the wire. */
  number = new Int32Array(FIRST_RECORDS);

  /** Records of the flows that keep packets, in no order, and where in it each one stands. */
  waiting = new Int32Array(FIRST_RECORDS);
  waitingCount = 0;
  private place = new Int32Array(FIRST_RECORDS);

  private readonly records = new Map<number, number>();
  private used = 0;
  private readonly unused: number[] = [];
  private hand = 0;

  get size(): number {
    return this.records.size;
  }

  /** The flow's record, or {@link NONE}. */
  find(flow: number): number {
    return this.records.get(flow) ?? NONE;
  }

  /** A record for a flow that has none; what comes next is `sequence`. {@link NONE} when there are too many flows. */
  add(flow: number, sequence: number, clock: Clock): number {
    const record = this.take(clock);
    if (record === NONE) return NONE;
    this.records.set(flow, record);
    this.number[record] = flow;
    this.expected[record] = sequence;
    this.heardUs[record] = clock.nowUs;
    this.kept[record] = 0;
    this.first[record] = NONE;
    this.last[record] = NONE;
    this.oldest[record] = NONE;
    this.newest[record] = NONE;
    return record;
  }

  /** The flow has its first packet to keep. */
  beginWaiting(record: number): void {
    this.place[record] = this.waitingCount;
    this.waiting[this.waitingCount++] = record;
  }

  /** The flow keeps nothing any more. The last one takes its place in `waiting`. */
  endWaiting(record: number): void {
    const moved = this.waiting[--this.waitingCount];
    this.waiting[this.place[record]] = moved;
    this.place[moved] = this.place[record];
  }

  private take(clock: Clock): number {
    const { unused } = this;
    if (unused.length === 0 && this.used === this.expected.length) this.makeRoom(clock);
    if (unused.length > 0) return unused.pop() as number;
    return this.used < this.expected.length ? this.used++ : NONE;
  }

  /** Forgets silent flows; when they are few, the table doubles, and at its limit some other flow is forgotten. */
  private makeRoom(clock: Clock): void {
    for (let record = 0; record < this.used; record++) {
      if (this.kept[record] === 0 && clock.nowUs - this.heardUs[record] > IDLE_US) this.forget(record);
    }
    if (this.unused.length >= this.used >> 2) return;
    if (this.used < MAX_FLOWS) this.grow();
    else if (this.unused.length === 0) this.forgetAny();
  }

  /** Any flow that keeps nothing: it comes back with its next packet. */
  private forgetAny(): void {
    for (let tries = 0; tries < this.used; tries++) {
      this.hand = this.hand + 1 < this.used ? this.hand + 1 : 0;
      if (this.kept[this.hand] !== 0) continue;
      this.forget(this.hand);
      return;
    }
  }

  private forget(record: number): void {
    if (this.records.get(this.number[record]) !== record) return;
    this.records.delete(this.number[record]);
    this.unused.push(record);
  }

  private grow(): void {
    const records = this.expected.length * 2;
    this.expected = widened(this.expected, records);
    this.holdUs = widened(this.holdUs, records);
    this.kept = widened(this.kept, records);
    this.first = widened(this.first, records);
    this.last = widened(this.last, records);
    this.oldest = widened(this.oldest, records);
    this.newest = widened(this.newest, records);
    this.hints = widened(this.hints, records * HINTS);
    this.nextHint = widened(this.nextHint, records);
    this.number = widened(this.number, records);
    this.waiting = widened(this.waiting, records);
    this.place = widened(this.place, records);
    const heardUs = new Float64Array(records);
    heardUs.set(this.heardUs);
    this.heardUs = heardUs;
  }
}

function widened(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(length);
  wider.set(array);
  return wider;
}
