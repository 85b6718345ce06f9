/**
 * The send slab's slots: lent to the host to be filled, then held with their packet until it is acknowledged, so that
 * it can be sent again on another path or in a new session.
 *
 * Two intrusive lists run through the slots: free ones (last released first, for warm caches) and held ones (oldest
 * first). A slot's generation changes whenever it is released, so that a stale reference is recognised.
 */
import { type PacketBatch, SLOT_BYTES, SLOT_HEADROOM, SLOT_SHIFT } from './batch.js';
import type { Clock } from './clock.js';
import { EngineMisuseError } from './engine.js';

const NOBODY = -1;

export class SendSlots {
  readonly slab: Uint8Array;
  /** Changes with every release. */
  readonly generation: Uint32Array;
  /** Peer (by its number in the engine) that the held packet belongs to, -1 for a free slot. */
  readonly owner: Int32Array;
  readonly length: Int32Array;
  readonly flow: Int32Array;
  readonly sequence: Uint32Array;
  readonly heldSinceUs: Float64Array;
  /** When it was last sent, and which paths carry it that were not given up (one bit each, see `Path.bit`). */
  readonly sentUs: Float64Array;
  readonly carriers: Int32Array;
  /** The suspect path whose silence has it wait to be sent again, see `Path.bit`; 0 for none. */
  readonly doubted: Int32Array;
  /** Not 0: it is to be sent again and waits for its turn, see `Recovery` for the reasons. */
  readonly waiting: Uint8Array;
  /** 1: it was sent at least once and has its sequence. Until then it waits in its class's queue. */
  readonly sent: Uint8Array;
  /** Flags of its inner header, without those of a single transmission. */
  readonly flags: Uint8Array;
  freeCount: number;
  /** Free slots at the end of their list that were not lent. */
  private spare = 0;

  private readonly next: Int32Array;
  private readonly previous: Int32Array;
  /** List heads, kept behind the slots in `next` and `previous`. */
  private readonly free: number;
  private readonly held: number;

  /** @param slots number of slots. */
  constructor(readonly slots: number) {
    this.slab = new Uint8Array(slots * SLOT_BYTES);
    this.generation = new Uint32Array(slots);
    this.owner = new Int32Array(slots).fill(NOBODY);
    this.length = new Int32Array(slots);
    this.flow = new Int32Array(slots);
    this.sequence = new Uint32Array(slots);
    this.heldSinceUs = new Float64Array(slots);
    this.sentUs = new Float64Array(slots);
    this.carriers = new Int32Array(slots);
    this.doubted = new Int32Array(slots);
    this.waiting = new Uint8Array(slots);
    this.sent = new Uint8Array(slots);
    this.flags = new Uint8Array(slots);
    this.next = new Int32Array(slots + 2);
    this.previous = new Int32Array(slots + 2);
    this.free = slots;
    this.held = slots + 1;
    this.next[this.held] = this.held;
    this.previous[this.held] = this.held;
    this.next[this.free] = this.free;
    this.previous[this.free] = this.free;
    for (let slot = slots - 1; slot >= 0; slot--) this.link(slot, this.free);
    this.freeCount = slots;
  }

  /**
   * Offers free packet positions in `batch.offset`; at least one, giving up the oldest held packets if need be.
   * @param givenUp called with each slot before its packet is given up
   */
  lend(batch: PacketBatch, givenUp: (slot: number) => void): number {
    // A quarter of a batch of room keeps reads large even when everything is held through a long silence.
    const wanted = Math.min(batch.capacity, this.slots);
    const enough = Math.max(1, wanted >> 2);
    while (this.freeCount < enough) this.giveUpOldest(givenUp);
    const count = Math.min(wanted, this.freeCount);
    this.spare = this.freeCount - count;
    let slot = this.next[this.free];
    for (let i = 0; i < count; i++) {
      batch.offset[i] = (slot << SLOT_SHIFT) + SLOT_HEADROOM;
      slot = this.next[slot];
    }
    return count;
  }

  /** Whether `offset` is a packet position of a slot that is free, thus may have been lent. */
  isLent(offset: number): boolean {
    const slot = offset >> SLOT_SHIFT;
    return (
      slot >= 0 && slot < this.slots && this.owner[slot] === NOBODY && (offset & (SLOT_BYTES - 1)) === SLOT_HEADROOM
    );
  }

  /** A free slot that was not lent, for a packet that the engine itself makes, to be held at once; -1 for none. */
  takeSpare(): number {
    if (this.spare === 0) return -1;
    this.spare--;
    return this.previous[this.free];
  }

  /** Takes a lent or spare slot for a packet of peer `owner`. */
  hold(slot: number, owner: number, length: number, flow: number, flags: number, clock: Clock): void {
    this.owner[slot] = owner;
    this.length[slot] = length;
    this.flow[slot] = flow;
    this.flags[slot] = flags;
    this.heldSinceUs[slot] = clock.nowUs;
    this.carriers[slot] = 0;
    this.waiting[slot] = 0;
    this.sent[slot] = 0;
    this.unlink(slot);
    this.link(slot, this.held);
    this.freeCount--;
  }

  /** Frees a held slot: its packet was acknowledged or is given up. */
  release(slot: number): void {
    this.owner[slot] = NOBODY;
    this.generation[slot]++;
    this.unlink(slot);
    this.link(slot, this.next[this.free]);
    this.freeCount++;
  }

  /** Frees everything that belongs to a peer. */
  releaseAllOf(owner: number): void {
    for (let slot = this.oldestHeld(); slot >= 0; ) {
      const after = this.nextHeld(slot);
      if (this.owner[slot] === owner) this.release(slot);
      slot = after;
    }
  }

  /** The slot held for the longest time, -1 for none; follow with {@link nextHeld}. */
  oldestHeld(): number {
    return this.heldOrNone(this.next[this.held]);
  }

  nextHeld(slot: number): number {
    return this.heldOrNone(this.next[slot]);
  }

  private heldOrNone(slot: number): number {
    return slot === this.held ? -1 : slot;
  }

  private giveUpOldest(givenUp: (slot: number) => void): void {
    const slot = this.oldestHeld();
    if (slot < 0)
      throw new EngineMisuseError('ERR_BAD_BATCH', 'no slot is free and none is held: the send slab is corrupt');
    givenUp(slot);
    this.release(slot);
  }

  /** Puts `slot` in front of `before` in that one's list. */
  private link(slot: number, before: number): void {
    const after = this.previous[before];
    this.next[after] = slot;
    this.previous[slot] = after;
    this.next[slot] = before;
    this.previous[before] = slot;
  }

  private unlink(slot: number): void {
    const next = this.next[slot];
    const previous = this.previous[slot];
    this.next[previous] = next;
    this.previous[next] = previous;
  }
}
