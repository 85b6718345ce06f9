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

/** Shares of all classes together are at most this: what is left goes by priority. */
const MAX_SHARES = 0.9;
/** Most that a class may have earned and not used: four packets, so that a blocked one does not come back as a flood. */
const MAX_CREDIT_BYTES = 6_000;

// Places in `counts`, of each class, and for RANKED of each rank.
const COUNTS = 3;
const PACKETS = 0;
const BYTES = 1;
const RANKED = 2;
// Places in `numbers`, of each class; the last one is of all classes.
const NUMBERS = 3;
const DEADLINE_US = 0;
const SHARE = 1;
/** Bytes that a class may send before its turn, earned by its share. */
const CREDIT = 2;

export class ClassTable {
  readonly count: number;
  /** Classes of the ranks below this are urgent. */
  readonly urgentCount: number;
  /** Classes in which packets wait, one bit each. */
  waitingClasses = 0;
  private readonly urgentClasses: number;
  /** Of each class packets and bytes that wait, and which class goes next. Few arrays: each costs every peer 200 bytes. */
  private readonly counts: Int32Array;
  private readonly numbers: Float64Array;

  /** @param targetsUs CoDel's target of each class, which may change */
  constructor(
    classes: readonly QueueClass[],
    readonly targetsUs: Float64Array,
  ) {
    this.count = classes.length;
    const indices = classes.map((_, index) => index);
    const urgent = indices.filter((index) => classes[index].urgent);
    this.urgentCount = urgent.length;
    this.urgentClasses = urgent.reduce((bits, index) => bits | (1 << index), 0);
    this.counts = new Int32Array(classes.length * COUNTS);
    this.numbers = new Float64Array(classes.length * NUMBERS + 1);
    const shares = sharesOf(classes);
    for (const index of indices) {
      this.numbers[index * NUMBERS + DEADLINE_US] = classes[index].deadlineUs;
      this.numbers[index * NUMBERS + SHARE] = shares[index];
    }
    indices.sort((a, b) => compareClasses(classes, a, b));
    for (let rank = 0; rank < this.count; rank++) this.counts[rank * COUNTS + RANKED] = indices[rank];
  }

  /** The class that goes when those of lower rank have nothing: urgent ones first. */
  classAt(rank: number): number {
    return this.counts[rank * COUNTS + RANKED];
  }

  isUrgent(index: number): boolean {
    return (this.urgentClasses & (1 << index)) !== 0;
  }

  packets(index: number): number {
    return this.counts[index * COUNTS + PACKETS];
  }

  bytes(index: number): number {
    return this.counts[index * COUNTS + BYTES];
  }

  /** More waits in a class, or less. */
  add(index: number, packets: number, bytes: number): void {
    const { counts } = this;
    const at = index * COUNTS;
    counts[at + BYTES] += bytes;
    counts[at + PACKETS] += packets;
    if (counts[at + PACKETS] > 0) this.waitingClasses |= 1 << index;
    else this.waitingClasses &= ~(1 << index);
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
    const { numbers } = this;
    for (let rank = this.urgentCount; rank < this.count; rank++) {
      const index = this.classAt(rank);
      if ((this.waitingClasses & (1 << index)) === 0) continue;
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
