/**
 * Shuttles packets between the two ends of every link, each at the time that its link's model says.
 *
 *     vehicle's device -> up model -> NAT -> gateway's device
 *     gateway's device -> NAT -> down model -> vehicle's device
 *
 * Runs in a thread of its own. Packets stay in the slot into which they were read until they are written; the loop
 * makes no object per packet.
 */
import { DeadlineTimer, nowUs } from '@corridor/packet-io';
import { Random } from '@corridor/sim';
import { PacketBatch, SLOT_BYTES, SLOT_SHIFT } from '@corridor/tunnel';
import { Flight, SlotPool } from './flight.js';
import { type Lane, Link, type LinkPlan, SMALL_BYTES } from './link.js';

/** Packets that may be in flight on all links together (each slot is 2 KB): 64 MB, touched only as far as used. */
const SLOTS = 1 << 15;
const READ_BATCH = 64;
/** Batches read from one device before others get their turn. */
const READ_ROUNDS = 4;
/** Packets due within this are written at once: one wake-up of the thread costs about as much. */
const SLACK_US = 20;

export class Emulator {
  readonly links: Link[] = [];
  /** Times that a device had to wait because every slot was in use; the lab's own limit, so that runs can say so. */
  overruns = 0;
  private readonly slab = new Uint8Array(SLOTS * SLOT_BYTES);
  private readonly pool = new SlotPool(SLOTS);
  private readonly flight = new Flight(SLOTS);
  private readonly reading = new PacketBatch(READ_BATCH);
  private readonly lanes: Lane[] = [];
  private readonly dirty: Lane[] = [];
  private readonly timer = new DeadlineTimer(() => this.deliver());
  private readonly random: Random;

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  /** Makes a link's devices; nothing moves before {@link start}. */
  addLink(plan: LinkPlan): void {
    const random = this.random.fork(`${plan.vehicle}/${plan.spec.name}`);
    const link = new Link(plan, random, nowUs());
    this.links.push(link);
    this.addLane(link.up);
    this.addLane(link.down);
  }

  start(): void {
    for (const lane of this.lanes) lane.from.start();
  }

  link(vehicle: number, name: string): Link {
    const found = this.links.find((link) => link.vehicle === vehicle && link.name === name);
    if (found === undefined) throw new Error(`vehicle ${vehicle} has no link "${name}"`);
    return found;
  }

  close(): void {
    this.timer.close();
    for (const link of this.links) link.close();
  }

  private addLane(lane: Lane): void {
    const index = this.lanes.push(lane) - 1;
    lane.from.onReadable = () => this.read(index);
  }

  private read(index: number): void {
    const lane = this.lanes[index];
    const { reading, pool } = this;
    for (let round = 0; round < READ_ROUNDS; round++) {
      const limit = Math.min(READ_BATCH, pool.free);
      if (limit === 0) {
        this.pause(lane);
        return;
      }
      for (let i = 0; i < limit; i++) reading.offset[i] = pool.take() << SLOT_SHIFT;
      const count = lane.from.read(this.slab, reading, limit);
      const now = nowUs();
      for (let i = limit - 1; i >= count; i--) pool.give(reading.offset[i] >> SLOT_SHIFT);
      for (let i = 0; i < count; i++) this.accept(lane, index, reading.offset[i], reading.length[i], now);
      if (count < limit) break;
    }
    this.deliver();
  }

  /** Every slot is in flight: packets wait at the device, whose own queue drops what is too much. */
  private pause(lane: Lane): void {
    this.overruns++;
    lane.from.stop();
    setTimeout(() => lane.from.start(), 1);
  }

  private accept(lane: Lane, index: number, at: number, length: number, now: number): void {
    const { slab, pool } = this;
    const slot = at >> SLOT_SHIFT;
    const carried = lane.up
      ? lane.link.belongs(slab, at, length, true)
      : lane.link.translateIn(slab, at, length, now) && lane.link.belongs(slab, at, length, false);
    if (!carried) {
      lane.strays++;
      pool.give(slot);
      return;
    }
    if (length < SMALL_BYTES) lane.smallBytes += length;
    const arrivesUs = lane.model.offer(now, length);
    if (arrivesUs < 0) {
      pool.give(slot);
      return;
    }
    this.flight.push(arrivesUs, slot, length, index);
    lane.inFlight++;
    if (lane.model.duplicateAtUs >= 0) this.duplicate(lane, index, at, length);
  }

  private duplicate(lane: Lane, index: number, at: number, length: number): void {
    const slot = this.pool.take();
    if (slot < 0) return;
    this.slab.copyWithin(slot << SLOT_SHIFT, at, at + length);
    this.flight.push(lane.model.duplicateAtUs, slot, length, index);
    lane.inFlight++;
  }

  /** Writes everything that is due and sets the timer for the next. */
  private deliver(): void {
    const { flight } = this;
    const now = nowUs();
    while (flight.nextUs <= now + SLACK_US) {
      const lane = this.lanes[flight.nextTarget];
      const late = now - flight.nextUs;
      const slot = flight.nextSlot;
      const length = flight.nextLength;
      flight.pop();
      lane.inFlight--;
      lane.lateness.add(late);
      this.emit(lane, slot, length, now);
    }
    for (let i = 0; i < this.dirty.length; i++) this.flush(this.dirty[i]);
    this.dirty.length = 0;
    this.timer.arm(flight.nextUs);
  }

  private emit(lane: Lane, slot: number, length: number, now: number): void {
    const { slab, pool } = this;
    const at = slot << SLOT_SHIFT;
    // The address may have changed on the way; the NAT stands behind the radio.
    const wanted = lane.up ? lane.link.translateOut(slab, at, length, now) : lane.link.belongs(slab, at, length, false);
    if (!wanted) {
      lane.strays++;
      pool.give(slot);
      return;
    }
    lane.countCarried(now, length);
    if (lane.captured.length < lane.captureLimit) lane.captured.push(slab.slice(at, at + length));
    const { out } = lane;
    out.offset[out.count] = at;
    out.length[out.count] = length;
    out.count++;
    if (out.count === out.capacity) this.flush(lane);
    else if (!lane.dirty) {
      lane.dirty = true;
      this.dirty.push(lane);
    }
  }

  private flush(lane: Lane): void {
    const { out } = lane;
    lane.dirty = false;
    if (out.count === 0) return;
    lane.to.write(this.slab, out);
    for (let i = 0; i < out.count; i++) this.pool.give(out.offset[i] >> SLOT_SHIFT);
    out.count = 0;
  }
}
