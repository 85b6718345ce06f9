/** Drives a {@link Reordering} as an engine does: batches in the receive slab, a service and a drain after each. */
import { SLOT_HEADROOM, SLOT_SHIFT } from '../src/batch.js';
import { Clock, Earliest } from '../src/clock.js';
import { MAX_BATCH } from '../src/constants.js';
import { Reordering, ReorderPool } from '../src/reordering/index.js';

export interface Delivered {
  readonly flow: number;
  readonly sequence: number;
  /** When it was delivered, and which slot of the slab it was delivered from. */
  readonly atUs: number;
  readonly slot: number;
}

export interface Arrival {
  readonly flow: number;
  readonly sequence: number;
  readonly holdUs: number;
}

const PACKET_BYTES = 40;

export class ReorderingBench {
  readonly clock = new Clock();
  readonly pool: ReorderPool;
  readonly reordering: Reordering;
  private readonly slab: Uint8Array;
  private readonly view: DataView;
  private readonly waiting: { offset: number; length: number }[] = [];
  private packets: Delivered[] = [];
  private readonly earliest = new Earliest();

  /** @param share slots that the peer may use; default all */
  constructor({ slots = 1024, share }: { slots?: number; share?: number } = {}) {
    this.slab = new Uint8Array((MAX_BATCH + slots) << SLOT_SHIFT);
    this.view = new DataView(this.slab.buffer);
    this.pool = new ReorderPool(this.slab, MAX_BATCH, slots, share ?? slots);
    this.reordering = new Reordering(this.pool, {
      deliver: (offset, length) => this.waiting.push({ offset, length }),
    });
    this.clock.nowUs = 0;
  }

  get deadlineUs(): number {
    this.earliest.reset();
    this.reordering.noteDeadline(this.earliest);
    return this.earliest.us;
  }

  /** One batch. */
  receive(arrivals: readonly Arrival[]): void {
    for (const [index, { flow, sequence, holdUs }] of arrivals.entries()) {
      const offset = (index << SLOT_SHIFT) + SLOT_HEADROOM;
      // Every byte tells whose it is, so that a packet that is overwritten shows.
      for (let at = 0; at < PACKET_BYTES; at += 8) {
        this.view.setUint32(offset + at, flow);
        this.view.setUint32(offset + at + 4, sequence);
      }
      this.reordering.accept(flow, sequence, offset, PACKET_BYTES, holdUs, this.clock);
    }
    this.settle();
  }

  arrive(flow: number, sequence: number, holdUs: number): void {
    this.receive([{ flow, sequence, holdUs }]);
  }

  arriveTogether(flow: number, sequences: readonly number[], holdUs: number): void {
    this.receive(sequences.map((sequence) => ({ flow, sequence, holdUs })));
  }

  /** Lets time pass; served when a deadline comes, as an engine is. */
  advance(us: number): void {
    const untilUs = this.clock.nowUs + us;
    for (let dueUs = this.deadlineUs; dueUs <= untilUs; dueUs = this.deadlineUs) {
      this.clock.nowUs = Math.max(this.clock.nowUs, dueUs);
      this.settle();
    }
    this.clock.nowUs = untilUs;
  }

  clear(): void {
    this.reordering.clear(this.clock);
    this.drain();
  }

  /** What was delivered since it was asked last. */
  taken(): Delivered[] {
    const { packets } = this;
    this.packets = [];
    return packets;
  }

  private settle(): void {
    this.reordering.service(this.clock);
    this.drain();
  }

  private drain(): void {
    for (const { offset, length } of this.waiting) this.packets.push(this.read(offset, length));
    this.waiting.length = 0;
    this.pool.reset();
  }

  private read(offset: number, length: number): Delivered {
    const flow = this.view.getUint32(offset);
    const sequence = this.view.getUint32(offset + 4);
    for (let at = 0; at < PACKET_BYTES; at += 8) {
      if (length === PACKET_BYTES && this.view.getUint32(offset + at) === flow) {
        if (this.view.getUint32(offset + at + 4) === sequence) continue;
      }
      throw new Error(`the packet at ${offset}, ${length} bytes, is not the one that was handed in`);
    }
    return { flow, sequence, atUs: this.clock.nowUs, slot: offset >> SLOT_SHIFT };
  }
}
