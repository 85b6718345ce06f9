/** What one peer's queues know of each class: its rules, how much waits in it, and what it has earned. */

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

export class ClassTable {
  /** Class indices in the order in which they go: urgent ones first. */
  readonly order: Uint8Array;
  readonly urgentCount: number;
  readonly urgent: Uint8Array;
  readonly deadlineUs: Float64Array;
  readonly targetUs: Float64Array;
  readonly intervalUs: Float64Array;
  readonly packets: Int32Array;
  readonly bytes: Int32Array;
  /** Bytes that a class may send before its turn, earned by its share. */
  readonly credit: Float64Array;
  /** CoDel leaves every class alone until then. */
  readonly pardonedUntilUs = new Float64Array(1);
  private readonly share: Float64Array;

  constructor(classes: readonly QueueClass[]) {
    const count = classes.length;
    const indices = classes.map((_, index) => index);
    this.order = Uint8Array.from(indices.sort((a, b) => compareClasses(classes, a, b)));
    this.urgent = Uint8Array.from(classes, (rules) => (rules.urgent ? 1 : 0));
    this.urgentCount = classes.filter((rules) => rules.urgent).length;
    this.deadlineUs = Float64Array.from(classes, (rules) => rules.deadlineUs);
    this.targetUs = new Float64Array(count).fill(CODEL_TARGET_US);
    this.intervalUs = new Float64Array(count).fill(CODEL_INTERVAL_US);
    this.packets = new Int32Array(count);
    this.bytes = new Int32Array(count);
    this.credit = new Float64Array(count);
    this.share = sharesOf(classes);
  }

  get count(): number {
    return this.order.length;
  }

  setTarget(index: number, us: number): void {
    this.targetUs[index] = us;
    this.intervalUs[index] = Math.max(CODEL_INTERVAL_US, us * INTERVALS_PER_TARGET);
  }

  /** Class `sender` sends `length` bytes: each class that waits earns its share of them, the sender pays. */
  settle(sender: number, length: number): void {
    const { credit, packets, share, order } = this;
    for (let rank = this.urgentCount; rank < order.length; rank++) {
      const index = order[rank];
      if (packets[index] === 0) continue;
      const earned = credit[index] + share[index] * length - (index === sender ? length : 0);
      credit[index] = Math.max(0, Math.min(MAX_CREDIT_BYTES, earned));
    }
  }
}

/** Urgent classes need none; if the others' add up to too much, all get less. */
function sharesOf(classes: readonly QueueClass[]): Float64Array {
  const shares = Float64Array.from(classes, (rules) => (rules.urgent ? 0 : rules.minShare));
  const sum = shares.reduce((total, share) => total + share, 0);
  return sum > MAX_SHARES ? shares.map((share) => (share * MAX_SHARES) / sum) : shares;
}

function compareClasses(classes: readonly QueueClass[], a: number, b: number): number {
  const urgency = Number(classes[b].urgent) - Number(classes[a].urgent);
  const place = (index: number) => (index === 0 ? MAX_CLASSES : index);
  return urgency || classes[a].priority - classes[b].priority || place(a) - place(b);
}
