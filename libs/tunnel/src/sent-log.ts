/**
 * Every packet sent in one packet number space, from the oldest whose fate is open to the newest: a ring indexed by
 * packet number. It turns acknowledgements into released slots, round-trip samples and losses, and knows the tail:
 * what was sent after the newest acknowledged packet, whose silence makes a path suspect.
 */
import type { AckFrame } from '@corridor/wire';
import type { Clock, Earliest } from './clock.js';
import { MAX_SENT_LOG, MTU_FLOOR } from './constants.js';
import type { SendSlots } from './send-slots.js';
import { EMPTY, SlotLists } from './slot-lists.js';

const FIRST_CAPACITY = 64;

/** Bits of an entry's state. */
const ASKS = 1;
const ACKED = 2;
/** Padded to try a size: asks for an acknowledgement, but its silence and its loss mean nothing but the size. */
const PADDED = 4;
/** Taken for lost. An acknowledgement that comes after all shows that the network reorders. */
const LOST = 8;
/** Under way when the path fell silent for good: no longer in flight, whatever comes of it. */
const WRITTEN_OFF = 16;

// Places in `numbers`.
const BASE = 0;
const NEXT = 1;
const LARGEST_ACKED = 2;
const TAIL = 3;
const TAIL_SENT = 4;
const KNOWN_FROM = 5;
const OVERTAKEN_SENT = 6;
const LOST_FROM = 7;
const IN_FLIGHT = 8;
const LAST_LOST = 9;
const OPEN = 10;

const NO_SLOT = -1;
/** How far below the base an acknowledgement of a packet taken for lost is still looked for. */
const LATE_PACKETS = 256;
/** Above every size of a datagram. */
const NO_SIZE = 0x10000;

/** Who takes care of a packet that is taken for lost. */
export interface LossHandler {
  /** The slot still holds it. */
  lose(slot: number): void;
}

/** What one acknowledgement brought; reused, valid until the next one. */
export class AckOutcome {
  /** Size of the largest packet number acknowledged, if this is its first acknowledgement. */
  largestSize = 0;
  /** Packets acknowledged for the first time, and those of them that had asked for an acknowledgement. */
  packets = 0;
  asking = 0;
  bytes = 0;
  askingBytes = 0;
  /** Packets now taken for lost, those that had asked for an acknowledgement, and the bytes of these. */
  lost = 0;
  lostAsking = 0;
  lostBytes = 0;
  /** Runs of packets in a row among those lost. */
  lostRuns = 0;
  /** Packets acknowledged that had been taken for lost. */
  late = 0;
  /** Largest padded probe acknowledged for the first time, and largest of all packets; 0 for none. */
  paddedBytes = 0;
  largestBytes = 0;
  /** Of those lost now: how many were larger than every path carries, and the smallest of these. */
  largeLost = 0;
  leastLargeLost = NO_SIZE;
  private readonly times = new Float64Array(3);

  /** When the largest acknowledged packet was sent, if this is its first acknowledgement; -1 otherwise. */
  get largestSentAtUs(): number {
    return this.times[0];
  }
  set largestSentAtUs(value: number) {
    this.times[0] = value;
  }
  /** When the newest packet was sent that asked for an acknowledgement and now got its first; -1 for none. */
  get newestAskingSentAtUs(): number {
    return this.times[1];
  }
  set newestAskingSentAtUs(value: number) {
    this.times[1] = value;
  }

  /** Likewise the oldest of them; Infinity for none. */
  get oldestAskingSentAtUs(): number {
    return this.times[2];
  }
  set oldestAskingSentAtUs(value: number) {
    this.times[2] = value;
  }

  clear(): void {
    this.packets = 0;
    this.asking = 0;
    this.bytes = 0;
    this.askingBytes = 0;
    this.lost = 0;
    this.lostAsking = 0;
    this.lostBytes = 0;
    this.lostRuns = 0;
    this.late = 0;
    this.paddedBytes = 0;
    this.largestBytes = 0;
    this.largeLost = 0;
    this.leastLargeLost = NO_SIZE;
    this.times[0] = -1;
    this.times[1] = -1;
    this.times[2] = Number.POSITIVE_INFINITY;
  }
}

export class SentLog {
  private mask = FIRST_CAPACITY - 1;
  private sentAtUs = new Float64Array(FIRST_CAPACITY);
  private slot = new Int32Array(FIRST_CAPACITY);
  private generation = new Uint32Array(FIRST_CAPACITY);
  private size = new Uint16Array(FIRST_CAPACITY);
  private state = new Uint8Array(FIRST_CAPACITY);
  private readonly numbers = new Float64Array([
    0,
    0,
    -1,
    -1,
    Number.POSITIVE_INFINITY,
    0,
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    0,
    -2,
    -2,
  ]);
  /** Of bundles the slots beside the first: last nodes of lists. Made with the first bundle. */
  private more = new Int32Array(FIRST_CAPACITY);
  private lists: SlotLists | undefined;

  /** Number of the next packet. */
  get next(): number {
    return this.numbers[NEXT];
  }
  get largestAcked(): number {
    return this.numbers[LARGEST_ACKED];
  }
  /** Oldest packet of the tail: it asks for an acknowledgement and nothing from it on was acknowledged. -1: no tail. */
  get tail(): number {
    return this.numbers[TAIL];
  }
  /** When {@link tail} was sent; Infinity without a tail. */
  get tailSentAtUs(): number {
    return this.numbers[TAIL_SENT];
  }

  /** When the oldest packet was sent that others have overtaken and that is not lost yet; Infinity without one. */
  get overtakenSentUs(): number {
    return this.numbers[OVERTAKEN_SENT];
  }
  /**
   * When the oldest packet was sent that was overtaken and is not lost yet, or is the oldest of the tail: none that still may
   * be answered is older. Infinity without one.
   */
  get oldestOpenUs(): number {
    return Math.min(this.numbers[OVERTAKEN_SENT], this.numbers[TAIL_SENT]);
  }
  /** Bytes that asked for an acknowledgement and are neither acknowledged nor taken for lost. */
  get inFlightBytes(): number {
    return this.numbers[IN_FLIGHT];
  }

  /** Notes when the `count`th packet of the tail was sent that asks for an acknowledgement, if it is as long as that. */
  noteTail(count: number, earliest: Earliest): void {
    const { numbers } = this;
    if (numbers[TAIL] < 0) return;
    let left = count;
    for (let packetNumber = numbers[TAIL]; packetNumber < numbers[NEXT]; packetNumber++) {
      const at = packetNumber & this.mask;
      if ((this.state[at] & ASKS) === 0 || --left > 0) continue;
      earliest.note(this.sentAtUs[at]);
      return;
    }
  }

  /** When a packet was sent, -1 when that is no longer known; acknowledged ones are remembered for a while. */
  sentUs(packetNumber: number): number {
    const { numbers } = this;
    if (packetNumber >= numbers[NEXT] || packetNumber < numbers[KNOWN_FROM]) return -1;
    if (numbers[NEXT] - packetNumber > this.mask) return -1;
    return this.sentAtUs[packetNumber & this.mask];
  }

  /** Notes the packet `next` as sent and moves on. `slot` is -1 for control datagrams. */
  record(clock: Clock, bytes: number, slot: number, generation: number, asks: boolean): void {
    const { numbers } = this;
    const packetNumber = numbers[NEXT];
    if (packetNumber - numbers[BASE] > this.mask) this.makeRoom();
    const at = packetNumber & this.mask;
    if (this.more[at] !== EMPTY) this.forgetMore(at);
    this.sentAtUs[at] = clock.nowUs;
    this.slot[at] = slot;
    this.generation[at] = generation;
    this.size[at] = bytes;
    this.state[at] = asks ? ASKS : 0;
    if (asks) {
      numbers[IN_FLIGHT] += bytes;
      if (numbers[TAIL] < 0) this.setTail(packetNumber);
    }
    numbers[NEXT] = packetNumber + 1;
  }

  /** The datagram recorded next may take in more packets, until another one is recorded. */
  openNext(): void {
    this.numbers[OPEN] = this.numbers[NEXT];
  }

  /** Whether the datagram recorded last may take in more. */
  get isOpen(): boolean {
    return this.numbers[OPEN] === this.numbers[NEXT] - 1;
  }

  /** Whether there is room to note another packet in a bundle. */
  get mayExtend(): boolean {
    return this.lists === undefined || this.lists.hasRoom;
  }

  /** The open datagram, which asks for an acknowledgement, takes in another packet and is `bytes` longer. */
  extend(bytes: number, slot: number, generation: number): void {
    const at = this.numbers[OPEN] & this.mask;
    if (this.lists === undefined) this.lists = new SlotLists();
    this.more[at] = this.lists.add(this.more[at], slot, generation);
    this.size[at] += bytes;
    this.numbers[IN_FLIGHT] += bytes;
  }

  /** Likewise a datagram that was padded to try a size. */
  recordPadded(clock: Clock, bytes: number): void {
    const packetNumber = this.numbers[NEXT];
    this.record(clock, bytes, NO_SLOT, 0, false);
    this.state[packetNumber & this.mask] = PADDED;
  }

  /**
   * Applies an acknowledgement. Slots of packets that arrived are released.
   * @param lossBeforeUs packets overtaken by acknowledged ones count as lost when they were sent before this...
   * @param threshold ...or when a packet numbered so much higher was acknowledged (RFC 9002 section 6.1)
   * @returns false when it acknowledges what was never sent: then nothing is changed
   */
  acknowledge(
    frame: AckFrame,
    slots: SendSlots,
    lossBeforeUs: number,
    threshold: number,
    outcome: AckOutcome,
    handler: LossHandler,
  ): boolean {
    const { numbers } = this;
    outcome.clear();
    const largest = frame.ranges[0];
    if (largest >= numbers[NEXT]) return false;
    const base = numbers[BASE];
    // Below the base only those are of interest that were taken for lost, as long as nothing newer has their place.
    const known = Math.max(numbers[KNOWN_FROM], numbers[NEXT] - this.mask - 1, base - LATE_PACKETS);
    const floor = Math.min(base, Math.max(numbers[LOST_FROM], known));
    for (let i = 0; i < frame.rangeCount; i++) {
      const last = frame.ranges[2 * i];
      if (last < floor) break;
      const first = Math.max(frame.ranges[2 * i + 1], floor);
      for (let packetNumber = last; packetNumber >= first; packetNumber--) this.settle(packetNumber, slots, outcome);
    }
    if (floor > numbers[LOST_FROM]) numbers[LOST_FROM] = floor;
    if (largest >= base && largest > numbers[LARGEST_ACKED]) {
      outcome.largestSentAtUs = this.sentAtUs[largest & this.mask];
      outcome.largestSize = this.size[largest & this.mask];
      numbers[LARGEST_ACKED] = largest;
      if (largest >= numbers[TAIL]) this.findTail(largest + 1);
    }
    this.advance(slots, lossBeforeUs, threshold, outcome, handler);
    return true;
  }

  /** Time has passed: overtaken packets sent before `lossBeforeUs` are lost now. */
  expire(slots: SendSlots, lossBeforeUs: number, outcome: AckOutcome, handler: LossHandler): void {
    outcome.clear();
    this.advance(slots, lossBeforeUs, Number.MAX_SAFE_INTEGER, outcome, handler);
  }

  /**
   * Calls `visit(slot)` for every packet that is still unacknowledged, oldest first, and whose slot still holds it.
   * Packets that `visit` sends in this very space come after those visited.
   */
  forEachHeld(slots: SendSlots, visit: (slot: number) => void): void {
    const end = this.numbers[NEXT];
    for (let packetNumber = this.numbers[BASE]; packetNumber < end; packetNumber++) {
      const at = packetNumber & this.mask;
      const slot = this.slot[at];
      if ((this.state[at] & ACKED) !== 0 || slot === NO_SLOT) continue;
      if (slots.generation[slot] === this.generation[at]) visit(slot);
      if (this.more[at] !== EMPTY) this.visitMore(at, slots, visit);
    }
  }

  // The packets of a bundle beside the first, as far as their slots still hold them. No callbacks: acknowledgements come often.

  private visitMore(at: number, slots: SendSlots, visit: (slot: number) => void): void {
    const lists = this.lists as SlotLists;
    const last = this.more[at];
    for (let one = lists.firstHeld(last, slots); one !== EMPTY; one = lists.nextHeld(one, last, slots))
      visit(lists.slot(one));
  }

  private releaseMore(at: number, slots: SendSlots): void {
    const lists = this.lists as SlotLists;
    const last = this.more[at];
    for (let one = lists.firstHeld(last, slots); one !== EMPTY; one = lists.nextHeld(one, last, slots))
      slots.release(lists.slot(one));
  }

  private loseMore(at: number, slots: SendSlots, handler: LossHandler): void {
    const lists = this.lists as SlotLists;
    const last = this.more[at];
    for (let one = lists.firstHeld(last, slots); one !== EMPTY; one = lists.nextHeld(one, last, slots))
      handler.lose(lists.slot(one));
  }

  private forgetMore(at: number): void {
    (this.lists as SlotLists).drop(this.more[at]);
    this.more[at] = EMPTY;
  }

  /** The path is down: nothing is in flight any more. */
  writeOff(): void {
    const { numbers } = this;
    for (let packetNumber = numbers[BASE]; packetNumber < numbers[NEXT]; packetNumber++) {
      this.state[packetNumber & this.mask] |= WRITTEN_OFF;
    }
    numbers[IN_FLIGHT] = 0;
    numbers[OPEN] = -2;
  }

  /** All of it went out again elsewhere: what arrived all the same is still released, nothing is found lost any more. */
  close(): void {
    const { numbers } = this;
    this.writeOff();
    numbers[LOST_FROM] = Math.min(numbers[LOST_FROM], numbers[BASE]);
    numbers[BASE] = numbers[NEXT];
    numbers[OVERTAKEN_SENT] = Number.POSITIVE_INFINITY;
    this.closeTail();
  }

  /** The tail is taken care of elsewhere: its silence says nothing any more. */
  closeTail(): void {
    this.setTail(-1);
  }

  private settle(packetNumber: number, slots: SendSlots, outcome: AckOutcome): void {
    const at = packetNumber & this.mask;
    const state = this.state[at];
    if ((state & ACKED) !== 0) return;
    this.state[at] = state | ACKED;
    outcome.packets++;
    const size = this.size[at];
    outcome.bytes += size;
    if (size > outcome.largestBytes) outcome.largestBytes = size;
    if ((state & PADDED) !== 0 && size > outcome.paddedBytes) outcome.paddedBytes = size;
    if ((state & (ASKS | PADDED)) !== 0) {
      outcome.asking++;
      if (this.sentAtUs[at] > outcome.newestAskingSentAtUs) outcome.newestAskingSentAtUs = this.sentAtUs[at];
      if (this.sentAtUs[at] < outcome.oldestAskingSentAtUs) outcome.oldestAskingSentAtUs = this.sentAtUs[at];
    }
    if ((state & LOST) !== 0) outcome.late++;
    else if ((state & (ASKS | WRITTEN_OFF)) === ASKS) {
      outcome.askingBytes += size;
      this.numbers[IN_FLIGHT] -= size;
    }
    const slot = this.slot[at];
    if (slot !== NO_SLOT && slots.generation[slot] === this.generation[at]) slots.release(slot);
    if (this.more[at] === EMPTY) return;
    this.releaseMore(at, slots);
    this.forgetMore(at);
  }

  /** Moves the base over everything whose fate is known, declaring overtaken old packets lost. */
  private advance(
    slots: SendSlots,
    lossBeforeUs: number,
    threshold: number,
    outcome: AckOutcome,
    handler: LossHandler,
  ): void {
    const { numbers } = this;
    const end = numbers[LARGEST_ACKED];
    let base = numbers[BASE];
    numbers[OVERTAKEN_SENT] = Number.POSITIVE_INFINITY;
    for (; base <= end; base++) {
      const at = base & this.mask;
      if ((this.state[at] & ACKED) !== 0) continue;
      if (this.sentAtUs[at] > lossBeforeUs && end - base < threshold) {
        numbers[OVERTAKEN_SENT] = this.sentAtUs[at];
        break;
      }
      if ((this.state[at] & PADDED) === 0) this.lose(base, slots, outcome, handler);
    }
    numbers[BASE] = base;
  }

  private lose(packetNumber: number, slots: SendSlots, outcome: AckOutcome, handler: LossHandler): void {
    const { numbers } = this;
    const at = packetNumber & this.mask;
    const size = this.size[at];
    outcome.lost++;
    if (packetNumber !== numbers[LAST_LOST] + 1) outcome.lostRuns++;
    numbers[LAST_LOST] = packetNumber;
    if (packetNumber < numbers[LOST_FROM]) numbers[LOST_FROM] = packetNumber;
    if (size > MTU_FLOOR) {
      outcome.largeLost++;
      if (size < outcome.leastLargeLost) outcome.leastLargeLost = size;
    }
    if ((this.state[at] & (ASKS | WRITTEN_OFF)) === ASKS) {
      outcome.lostAsking++;
      outcome.lostBytes += size;
      numbers[IN_FLIGHT] -= size;
    }
    this.state[at] |= LOST;
    const slot = this.slot[at];
    if (slot !== NO_SLOT && slots.generation[slot] === this.generation[at]) handler.lose(slot);
    if (this.more[at] !== EMPTY) this.loseMore(at, slots, handler);
  }

  private findTail(from: number): void {
    const end = this.numbers[NEXT];
    for (let packetNumber = from; packetNumber < end; packetNumber++) {
      if ((this.state[packetNumber & this.mask] & ASKS) !== 0) {
        this.setTail(packetNumber);
        return;
      }
    }
    this.setTail(-1);
  }

  private setTail(packetNumber: number): void {
    const { numbers } = this;
    numbers[TAIL] = packetNumber;
    numbers[TAIL_SENT] = packetNumber < 0 ? Number.POSITIVE_INFINITY : this.sentAtUs[packetNumber & this.mask];
  }

  /** Doubles the ring, or forgets the oldest packet when it is as large as it may get. */
  private makeRoom(): void {
    const { numbers } = this;
    if (this.mask + 1 >= MAX_SENT_LOG) {
      const oldest = numbers[BASE]++;
      const at = oldest & this.mask;
      if ((this.state[at] & (ASKS | ACKED | WRITTEN_OFF)) === ASKS) numbers[IN_FLIGHT] -= this.size[at];
      if (numbers[TAIL] === oldest) this.findTail(oldest + 1);
      return;
    }
    const mask = this.mask * 2 + 1;
    const old = {
      mask: this.mask,
      sentAtUs: this.sentAtUs,
      slot: this.slot,
      generation: this.generation,
      size: this.size,
      state: this.state,
      more: this.more,
    };
    this.sentAtUs = new Float64Array(mask + 1);
    this.slot = new Int32Array(mask + 1);
    this.generation = new Uint32Array(mask + 1);
    this.size = new Uint16Array(mask + 1);
    this.state = new Uint8Array(mask + 1);
    this.more = new Int32Array(mask + 1);
    for (let packetNumber = numbers[BASE]; packetNumber < numbers[NEXT]; packetNumber++) {
      const from = packetNumber & old.mask;
      const to = packetNumber & mask;
      this.sentAtUs[to] = old.sentAtUs[from];
      this.slot[to] = old.slot[from];
      this.generation[to] = old.generation[from];
      this.size[to] = old.size[from];
      this.state[to] = old.state[from];
      this.more[to] = old.more[from];
    }
    this.mask = mask;
    // The larger ring has room for packets before these, but the smaller one had forgotten them.
    numbers[KNOWN_FROM] = numbers[BASE];
  }
}
