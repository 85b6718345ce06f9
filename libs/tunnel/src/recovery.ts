/**
 * Packets of one peer that go out again, lost ones and those of a path in doubt: for each class a ring of slots in the
 * order in which they came. A slot may be released meanwhile, as its packet arrived after all: what is in the ring is
 * recognised by the slot's generation, and by {@link SendSlots.waiting}.
 */
import type { SendSlots } from './send-slots.js';

/** Why a packet waits, in {@link SendSlots.waiting}: it is lost, or its path is in doubt. */
export const WAITS_LOST = 1;
export const WAITS_DOUBTFUL = 2;

const CLASSES = 16;
const FIRST_CAPACITY = 64;

class Ring {
  slot = new Int32Array(FIRST_CAPACITY);
  generation = new Uint32Array(FIRST_CAPACITY);
  head = 0;
  count = 0;
}

export class Recovery {
  private readonly rings: (Ring | undefined)[] = new Array(CLASSES).fill(undefined);
  /** Entries of all rings, also of slots that were released meanwhile. */
  private entries = 0;
  /** Classes with entries, one bit each. */
  private classes = 0;

  constructor(private readonly slots: SendSlots) {}

  /** Something may be waiting. */
  get isWaiting(): boolean {
    return this.entries > 0;
  }

  /** Whether class `index` may have packets waiting. */
  mayHave(index: number): boolean {
    return (this.classes & (1 << index)) !== 0;
  }

  /** @param reason WAITS_LOST or WAITS_DOUBTFUL */
  push(slot: number, classIndex: number, reason: number): void {
    let ring = this.rings[classIndex];
    if (ring === undefined) {
      ring = new Ring();
      this.rings[classIndex] = ring;
    }
    if (ring.count === ring.slot.length) grow(ring);
    const at = (ring.head + ring.count) & (ring.slot.length - 1);
    ring.slot[at] = slot;
    ring.generation[at] = this.slots.generation[slot];
    ring.count++;
    this.slots.waiting[slot] = reason;
    this.entries++;
    this.classes |= 1 << classIndex;
  }

  /** The slot of the class that is next; -1 for none. */
  next(classIndex: number): number {
    const ring = this.rings[classIndex];
    if (ring === undefined) return -1;
    const { slots } = this;
    while (ring.count > 0) {
      const slot = ring.slot[ring.head];
      if (slots.generation[slot] === ring.generation[ring.head] && slots.waiting[slot] !== 0) return slot;
      this.drop(ring, classIndex);
    }
    return -1;
  }

  /** The slot that {@link next} answered is taken care of. */
  taken(classIndex: number): void {
    const ring = this.rings[classIndex] as Ring;
    this.slots.waiting[ring.slot[ring.head]] = 0;
    this.drop(ring, classIndex);
  }

  /** Other classes: what waits goes behind what waits in the class of its new index, the default one's for none. */
  reconfigure(newIndexOf: readonly number[]): void {
    const before = [...this.rings];
    this.rings.fill(undefined);
    this.entries = 0;
    this.classes = 0;
    for (const [index, ring] of before.entries()) {
      for (let i = 0; ring !== undefined && i < ring.count; i++) {
        const at = (ring.head + i) & (ring.slot.length - 1);
        const slot = ring.slot[at];
        const { generation, waiting } = this.slots;
        if (generation[slot] === ring.generation[at] && waiting[slot] !== 0)
          this.push(slot, newIndexOf[index] ?? 0, waiting[slot]);
      }
    }
  }

  private drop(ring: Ring, classIndex: number): void {
    ring.head = (ring.head + 1) & (ring.slot.length - 1);
    ring.count--;
    this.entries--;
    if (ring.count === 0) this.classes &= ~(1 << classIndex);
  }
}

function grow(ring: Ring): void {
  const size = ring.slot.length;
  const slot = new Int32Array(size * 2);
  const generation = new Uint32Array(size * 2);
  for (let i = 0; i < ring.count; i++) {
    const from = (ring.head + i) & (size - 1);
    slot[i] = ring.slot[from];
    generation[i] = ring.generation[from];
  }
  ring.slot = slot;
  ring.generation = generation;
  ring.head = 0;
}
