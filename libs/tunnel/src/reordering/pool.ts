/**
 * Where packets wait for those before them: one pool of slots for all peers of an engine. It lies in the receive slab
 * behind the slots of the batch, so that a sink gets packets of both kinds from one buffer.
 *
 * A kept packet is in three lists at a time: its flow's by sequence, its flow's by arrival, and all flows' by arrival.
 */
import { SLOT_HEADROOM, SLOT_SHIFT } from '../batch.js';
import type { Clock } from '../clock.js';

/** No slot. */
export const NONE = -1;

/** Whose packets lie in the pool. */
export interface Keeper {
  /** Lets the packets of one flow go, up to the next hole: the pool is short of slots. */
  giveWay(flow: number, clock: Clock): void;
}

export class ReorderPool {
  /** Slots that hold a packet which still waits. */
  kept = 0;
  /** Packets that one peer may keep at a time. */
  readonly share: number;

  /**
   * Of each slot: flow sequence (i32, serial), bytes, since when it waits, and until when it may at most. In a flow
   * nothing may wait longer than what came after it.
   */
  readonly sequence: Int32Array;
  readonly length: Int32Array;
  readonly sinceUs: Float64Array;
  readonly untilUs: Float64Array;
  /** Whose packet it is; the flow is a number of the keeper's. */
  readonly keeper: (Keeper | undefined)[];
  readonly flow: Int32Array;
  /** Neighbours in the flow by sequence, and by arrival. */
  readonly before: Int32Array;
  readonly after: Int32Array;
  readonly older: Int32Array;
  readonly newer: Int32Array;

  /** Neighbours of all by arrival; the entry behind the last slot is the list's head. */
  private readonly elder: Int32Array;
  private readonly younger: Int32Array;
  private readonly free: Int32Array;
  private freeCount: number;
  /** Slots that were delivered from since the last drain; they lie in `free` behind those that are free. */
  private readonly delivered: Int32Array;
  private deliveredCount = 0;
  /** More waiting packets than this, and the oldest flows give way: leaves air for what one batch brings. */
  private readonly comfortable: number;

  /**
   * @param slab the receive slab; the pool's part begins with slot `firstSlot` and is `slots` long
   * @param share packets that one peer may keep at a time
   */
  constructor(
    readonly slab: Uint8Array,
    private readonly firstSlot: number,
    readonly slots: number,
    share = slots,
  ) {
    if (slab.length < (firstSlot + slots) << SLOT_SHIFT) {
      throw new RangeError(`slab: expected ${(firstSlot + slots) << SLOT_SHIFT} bytes or more, got ${slab.length}`);
    }
    this.share = Math.min(share, slots);
    this.comfortable = slots - (slots >> 3);
    this.sequence = new Int32Array(slots);
    this.length = new Int32Array(slots);
    this.sinceUs = new Float64Array(slots);
    this.untilUs = new Float64Array(slots);
    this.keeper = new Array<Keeper | undefined>(slots).fill(undefined);
    this.flow = new Int32Array(slots);
    this.before = new Int32Array(slots);
    this.after = new Int32Array(slots);
    this.older = new Int32Array(slots);
    this.newer = new Int32Array(slots);
    this.elder = new Int32Array(slots + 1).fill(slots);
    this.younger = new Int32Array(slots + 1).fill(slots);
    this.delivered = new Int32Array(slots);
    // Taken from the end: the first slots are used again and again, the others' memory is never touched.
    this.free = Int32Array.from({ length: slots }, (_, i) => slots - 1 - i);
    this.freeCount = slots;
  }

  /** Copies a packet out of the receive slab. Answers its slot, or {@link NONE} when none is free. */
  keep(keeper: Keeper, flow: number, offset: number, length: number): number {
    if (this.freeCount === 0) return NONE;
    const slot = this.free[--this.freeCount];
    const to = this.offsetOf(slot);
    this.slab.copyWithin(to, offset, offset + length);
    this.length[slot] = length;
    this.keeper[slot] = keeper;
    this.flow[slot] = flow;
    this.kept++;
    const { elder, younger, slots } = this;
    const youngest = elder[slots];
    elder[slot] = youngest;
    younger[slot] = slots;
    younger[youngest] = slot;
    elder[slots] = slot;
    return slot;
  }

  /** The packet in `slot` was delivered: its slot is free after the drain. */
  release(slot: number): void {
    const { elder, younger } = this;
    younger[elder[slot]] = younger[slot];
    elder[younger[slot]] = elder[slot];
    this.keeper[slot] = undefined;
    this.delivered[this.deliveredCount++] = slot;
    this.kept--;
  }

  /** When many packets wait, those that wait longest stop waiting, whosever they are. */
  relieve(clock: Clock): void {
    while (this.kept > this.comfortable) {
      const oldest = this.younger[this.slots];
      this.keeper[oldest]?.giveWay(this.flow[oldest], clock);
    }
  }

  /** What was delivered has been drained. */
  reset(): void {
    while (this.deliveredCount > 0) this.free[this.freeCount++] = this.delivered[--this.deliveredCount];
  }

  /** Position in the slab of the packet in `slot`. */
  offsetOf(slot: number): number {
    return ((this.firstSlot + slot) << SLOT_SHIFT) + SLOT_HEADROOM;
  }
}
