/**
 * Packets in flight, ordered by the time at which they are due: a binary heap in typed arrays, and the slots of the
 * slab in which the packets lie. Equal times leave in the order in which they were put in.
 */

export class Flight {
  readonly capacity: number;
  private readonly times: Float64Array;
  /** Breaks ties; doubles, so that it never wraps. */
  private readonly orders: Float64Array;
  private readonly slots: Int32Array;
  private readonly lengths: Int32Array;
  private readonly targets: Int32Array;
  private size = 0;
  private readonly order = new Float64Array(1);

  constructor(capacity: number) {
    this.capacity = capacity;
    this.times = new Float64Array(capacity);
    this.orders = new Float64Array(capacity);
    this.slots = new Int32Array(capacity);
    this.lengths = new Int32Array(capacity);
    this.targets = new Int32Array(capacity);
  }

  get count(): number {
    return this.size;
  }

  /** Time of the next due packet; Infinity when nothing is in flight. */
  get nextUs(): number {
    return this.size === 0 ? Number.POSITIVE_INFINITY : this.times[0];
  }

  /** Slot, length and target of the next due packet. Only valid while there is one. */
  get nextSlot(): number {
    return this.slots[0];
  }

  get nextLength(): number {
    return this.lengths[0];
  }

  get nextTarget(): number {
    return this.targets[0];
  }

  /** Puts a packet in; false when the flight is full. */
  push(atUs: number, slot: number, length: number, target: number): boolean {
    if (this.size === this.capacity) return false;
    const order = this.order[0]++;
    let hole = this.size++;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (this.times[parent] <= atUs) break;
      this.move(parent, hole);
      hole = parent;
    }
    this.put(hole, atUs, order, slot, length, target);
    return true;
  }

  /** Takes the next due packet out. */
  pop(): void {
    const last = --this.size;
    if (last <= 0) return;
    const atUs = this.times[last];
    const order = this.orders[last];
    let hole = 0;
    for (;;) {
      let child = hole * 2 + 1;
      if (child >= last) break;
      if (child + 1 < last && this.before(child + 1, child)) child++;
      if (atUs < this.times[child] || (atUs === this.times[child] && order < this.orders[child])) break;
      this.move(child, hole);
      hole = child;
    }
    this.put(hole, atUs, order, this.slots[last], this.lengths[last], this.targets[last]);
  }

  private before(a: number, b: number): boolean {
    return this.times[a] < this.times[b] || (this.times[a] === this.times[b] && this.orders[a] < this.orders[b]);
  }

  private move(from: number, to: number): void {
    this.put(to, this.times[from], this.orders[from], this.slots[from], this.lengths[from], this.targets[from]);
  }

  private put(at: number, atUs: number, order: number, slot: number, length: number, target: number): void {
    this.times[at] = atUs;
    this.orders[at] = order;
    this.slots[at] = slot;
    this.lengths[at] = length;
    this.targets[at] = target;
  }
}

/** Free slots of a slab, as a stack. */
export class SlotPool {
  private readonly stack: Int32Array;
  private top: number;

  constructor(slots: number) {
    this.stack = new Int32Array(slots);
    // Low numbers on top, so that a quiet lab touches little memory.
    for (let i = 0; i < slots; i++) this.stack[i] = slots - 1 - i;
    this.top = slots;
  }

  get free(): number {
    return this.top;
  }

  /** A free slot, or -1. */
  take(): number {
    return this.top === 0 ? -1 : this.stack[--this.top];
  }

  give(slot: number): void {
    this.stack[this.top++] = slot;
  }
}
