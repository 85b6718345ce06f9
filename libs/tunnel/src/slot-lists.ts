/**
 * Short lists of slots in the order in which they were added, each slot with the generation that it had then: what the bundles
 * among sent datagrams carry beside their first packets. A list is known by its last node, as its nodes form a ring;
 * {@link EMPTY} has none. Nodes are used again, so nothing is allocated once the most has been seen.
 */
import { MAX_BUNDLED_SLOTS } from './constants.js';
import type { SendSlots } from './send-slots.js';

export const EMPTY = 0;

const FIRST_CAPACITY = 64;

export class SlotLists {
  private slots = new Int32Array(FIRST_CAPACITY);
  private generations = new Uint32Array(FIRST_CAPACITY);
  /** The next node of the list, behind the last one the first; of free nodes the next free one. */
  private following = new Int32Array(FIRST_CAPACITY);
  private free = EMPTY;
  /** Nodes from here on were never used; node 0 is {@link EMPTY}. */
  private unused = 1;

  /** Whether another slot can be added. */
  get hasRoom(): boolean {
    return this.free !== EMPTY || this.unused < MAX_BUNDLED_SLOTS;
  }

  /** Adds a slot to the list whose last node is `last`. Answers the list's last node from now on. */
  add(last: number, slot: number, generation: number): number {
    const node = this.take();
    this.slots[node] = slot;
    this.generations[node] = generation;
    if (last === EMPTY) this.following[node] = node;
    else {
      this.following[node] = this.following[last];
      this.following[last] = node;
    }
    return node;
  }

  /** The first node of a list that is not empty; the one after `last` is the first again. */
  after(node: number): number {
    return this.following[node];
  }

  slot(node: number): number {
    return this.slots[node];
  }

  /** Whether the slot still holds what it held when it was added. */
  isHeld(node: number, slots: SendSlots): boolean {
    return slots.generation[this.slots[node]] === this.generations[node];
  }

  /** The first node of a list that still holds its slot; {@link EMPTY} when none does. */
  firstHeld(last: number, slots: SendSlots): number {
    return this.held(this.following[last], last, slots);
  }

  /** The next one behind `node`; {@link EMPTY} at the end. */
  nextHeld(node: number, last: number, slots: SendSlots): number {
    return node === last ? EMPTY : this.held(this.following[node], last, slots);
  }

  private held(from: number, last: number, slots: SendSlots): number {
    for (let node = from; ; node = this.following[node]) {
      if (this.isHeld(node, slots)) return node;
      if (node === last) return EMPTY;
    }
  }

  /** Forgets a list that is not empty. */
  drop(last: number): void {
    const first = this.following[last];
    this.following[last] = this.free;
    this.free = first;
  }

  private take(): number {
    const node = this.free;
    if (node !== EMPTY) {
      this.free = this.following[node];
      return node;
    }
    if (this.unused === this.slots.length) this.grow();
    return this.unused++;
  }

  private grow(): void {
    const capacity = this.slots.length * 2;
    const { slots, generations, following } = this;
    this.slots = new Int32Array(capacity);
    this.generations = new Uint32Array(capacity);
    this.following = new Int32Array(capacity);
    this.slots.set(slots);
    this.generations.set(generations);
    this.following.set(following);
  }
}
