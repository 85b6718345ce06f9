/** What one peer's queues know of each class: its rules, how much waits in it, and what it has earned. */
import type { Clock } from '../clock.js';

/** Rules of one class; its place in the list is its index, the default class is 0. */
export interface QueueClass {
  /** 1 goes first. Equal ones go by their place in the list, the default class last. */
  readonly priority: number;
  /** Before all others, whatever their shares, and without CoDel: for little traffic that matters most. */
  readonly urgent: boolean;
  /** Part of the bytes sent while it has packets waiting that it gets in any case, 0 to 0.5. */
  readonly minShare: number;
  /** What is older when its turn comes is dropped, microseconds since it was held. */
  readonly deadlineUs: number;
}

const MAX_CLASSES = 16;

/** CoDel's target and interval without a reason for others (RFC 8289 section 4.4), microseconds. */
export const CODEL_TARGET_US = 5_000;
export const CODEL_INTERVAL_US = 100_000;
/** The interval follows a raised target, which is at most a tenth of it (RFC 8289 section 4.3). */
const INTERVALS_PER_TARGET = 10;
/** Shares of all classes together are at most this: what is left goes by priority. */
const MAX_SHARES = 0.9;
/** Most that a class may have earned and not used: four packets, so that a blocked one does not come back as a flood. */
const MAX_CREDIT_BYTES = 6_000;

// Places in `numbers`, of each class; the last one is of all classes.
const NUMBERS = 5;
const DEADLINE_US = 0;
export const TARGET_US = 1;
export const INTERVAL_US = 2;
const SHARE = 3;
/** Bytes that a class may send before its turn, earned by its share. */
const CREDIT = 4;

export class ClassTable {
  /** Class indices in the order in which they go: urgent ones first. */
  readonly order: Uint8Array;
  readonly urgentCount: number;
  /** One bit each. */
  private readonly urgentClasses: number;
  /** Packets and bytes that wait in each class. Few arrays, as each one costs every peer 200 bytes. */
  private readonly waiting: Int32Array;
  private readonly numbers: Float64Array;

  constructor(classes: readonly QueueClass[]) {
    const indices = classes.map((_, index) => index);
    const urgent = indices.filter((index) => classes[index].urgent);
    this.urgentCount = urgent.length;
    this.urgentClasses = urgent.reduce((bits, index) => bits | (1 << index), 0);
    this.waiting = new Int32Array(classes.length * 2);
    this.numbers = new Float64Array(classes.length * NUMBERS + 1);
    const shares = sharesOf(classes);
    for (const index of indices) {
      this.numbers[index * NUMBERS + DEADLINE_US] = classes[index].deadlineUs;
      this.numbers[index * NUMBERS + SHARE] = shares[index];
      this.setTarget(index, CODEL_TARGET_US);
    }
    this.order = Uint8Array.from(indices.sort((a, b) => compareClasses(classes, a, b)));
  }

  get count(): number {
    return this.order.length;
  }

  isUrgent(index: number): boolean {
    return (this.urgentClasses & (1 << index)) !== 0;
  }

  packets(index: number): number {
    return this.waiting[index * 2];
  }

  bytes(index: number): number {
    return this.waiting[index * 2 + 1];
  }

  /** More waits in a class, or less. */
  add(index: number, packets: number, bytes: number): void {
    this.waiting[index * 2] += packets;
    this.waiting[index * 2 + 1] += bytes;
  }

  setTarget(index: number, us: number): void {
    this.numbers[index * NUMBERS + TARGET_US] = us;
    this.numbers[index * NUMBERS + INTERVAL_US] = Math.max(CODEL_INTERVAL_US, us * INTERVALS_PER_TARGET);
  }

  /** TARGET_US or INTERVAL_US of a class. */
  codel(index: number, which: number): number {
    return this.numbers[index * NUMBERS + which];
  }

  /** CoDel leaves every class alone until `us` from now. */
  pardon(us: number, clock: Clock): void {
    this.numbers[this.numbers.length - 1] = clock.nowUs + us;
  }

  isPardoned(clock: Clock): boolean {
    return clock.nowUs < this.numbers[this.numbers.length - 1];
  }

  /** Whether a packet of the class that has been held since `heldSinceUs[slot]` is past its deadline. */
  isLate(index: number, heldSinceUs: Float64Array, slot: number, clock: Clock): boolean {
    return clock.nowUs - heldSinceUs[slot] > this.numbers[index * NUMBERS + DEADLINE_US];
  }

  /** Whether the class has earned so many bytes. */
  hasEarned(index: number, bytes: number): boolean {
    return this.numbers[index * NUMBERS + CREDIT] >= bytes;
  }

  /** Class `sender` sends `length` bytes: each class that waits earns its share of them, the sender pays. */
  settle(sender: number, length: number): void {
    const { numbers, order } = this;
    for (let rank = this.urgentCount; rank < order.length; rank++) {
      const index = order[rank];
      if (this.packets(index) === 0) continue;
      const at = index * NUMBERS;
      const earned = numbers[at + CREDIT] + numbers[at + SHARE] * length - (index === sender ? length : 0);
      numbers[at + CREDIT] = Math.max(0, Math.min(MAX_CREDIT_BYTES, earned));
    }
  }

  /** Nothing waits in the class: what it did not use is gone. */
  forgetCredit(index: number): void {
    this.numbers[index * NUMBERS + CREDIT] = 0;
  }
}

/** Urgent classes need none; if the others' add up to too much, all get less. */
function sharesOf(classes: readonly QueueClass[]): number[] {
  const shares = classes.map((rules) => (rules.urgent ? 0 : rules.minShare));
  const sum = shares.reduce((total, share) => total + share, 0);
  return sum > MAX_SHARES ? shares.map((share) => (share * MAX_SHARES) / sum) : shares;
}

function compareClasses(classes: readonly QueueClass[], a: number, b: number): number {
  const urgency = Number(classes[b].urgent) - Number(classes[a].urgent);
  const place = (index: number) => (index === 0 ? MAX_CLASSES : index);
  return urgency || classes[a].priority - classes[b].priority || place(a) - place(b);
}
