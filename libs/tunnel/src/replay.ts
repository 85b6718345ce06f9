/**
 * Held packets of one peer on their way out again. A short tail goes at once. A long one, as after a gateway that was
 * away for a second, would overflow the queue of any link that is just fast enough for the traffic itself: it goes out
 * {@link REPLAY_SPEED} times as fast as it was sent at first, and slower where a queue builds up. No rate is configured anywhere; the pauses between the
 * packets tell it. What came first goes first, the policy's classes before the default one.
 */
import { OVERHEAD_BYTES } from '@corridor/wire';
import type { Earliest } from './clock.js';
import {
  REPLAY_AT_ONCE_PACKETS,
  REPLAY_AT_ONCE_US,
  REPLAY_BURST_PACKETS,
  REPLAY_GAP_MAX_US,
  REPLAY_SLOWDOWN,
  REPLAY_SPEED,
  REPLAY_STALL_US,
  REPLAY_STEP_US,
} from './constants.js';
import type { Core } from './core.js';

const FIRST_CAPACITY = 64;

// Places in `times`.
const DUE = 0;
const LAST = 1;
/** Bytes per microsecond, and bytes that may go out now. */
const RATE = 2;
const CREDIT = 3;

export class Replay {
  /** Slots in the order in which they go out, from `head` to `end`, with the generation that they had. */
  private queue = new Int32Array(FIRST_CAPACITY);
  private generation = new Uint32Array(FIRST_CAPACITY);
  private head = 0;
  private end = 0;
  private readonly times = new Float64Array([Number.POSITIVE_INFINITY, 0, 0, 0]);

  // What `survey` found.
  private packets = 0;
  private bytes = 0;
  private classes = 0;
  private readonly span = new Float64Array(2);

  /**
   * @param owner number of the peer
   * @param send sends a slot's packet by the plan of its class as it is now
   */
  constructor(
    private readonly core: Core,
    private readonly owner: number,
    private readonly send: (slot: number) => void,
    /** Whether a queue has built up on the path that a slot's packet would take. */
    private readonly isQueueing: (slot: number) => boolean,
  ) {}

  /** Packets are waiting for their turn. */
  get isUnderWay(): boolean {
    return this.head < this.end;
  }

  noteDeadline(earliest: Earliest): void {
    if (this.isUnderWay) earliest.note(this.times[DUE]);
  }

  /** Sends what is due. */
  service(nowUs: number): void {
    const { times } = this;
    if (!this.isUnderWay || nowUs < times[DUE]) return;
    // After a stall of this process the replay goes on where it was; it does not catch up in one burst.
    const elapsedUs = Math.min(nowUs, times[DUE] + REPLAY_STALL_US) - times[LAST];
    const rate = this.isQueueing(this.queue[this.head]) ? times[RATE] / REPLAY_SLOWDOWN : times[RATE];
    times[CREDIT] += rate * elapsedUs;
    times[LAST] = nowUs;
    this.sendWhile(0);
    times[DUE] = nowUs + Math.max(REPLAY_STEP_US, -times[CREDIT] / rate);
  }

  /**
   * Starts over with every slot that is marked in `waiting`: those marked since, and those of a replay under way that
   * have not gone out.
   */
  start(): void {
    const { times } = this;
    const { nowUs } = this.core.clock;
    this.survey();
    this.fill();
    const spanUs = this.span[0];
    const atOnce = this.packets <= REPLAY_AT_ONCE_PACKETS || spanUs <= REPLAY_AT_ONCE_US;
    times[CREDIT] = 0;
    this.sendWhile(atOnce ? this.packets : REPLAY_BURST_PACKETS);
    if (!this.isUnderWay) return;
    times[RATE] = (REPLAY_SPEED * this.bytes) / spanUs;
    times[CREDIT] = 0;
    times[LAST] = nowUs;
    times[DUE] = nowUs + REPLAY_STEP_US;
  }

  /** Sends at least `count` packets, and more while there is credit. Those acknowledged or given up meanwhile are gone. */
  private sendWhile(count: number): void {
    const { times } = this;
    const { slots } = this.core;
    for (let sent = 0; this.head < this.end; this.head++) {
      const slot = this.queue[this.head];
      if (slots.generation[slot] !== this.generation[this.head] || slots.waiting[slot] === 0) continue;
      if (sent >= count && times[CREDIT] <= 0) return;
      slots.waiting[slot] = 0;
      times[CREDIT] -= slots.length[slot] + OVERHEAD_BYTES;
      sent++;
      this.send(slot);
    }
  }

  /** How much waits, of which classes, and how long it took to come; pauses between packets count up to a limit. */
  private survey(): void {
    const { slots } = this.core;
    const { span } = this;
    this.packets = 0;
    this.bytes = 0;
    this.classes = 0;
    span[0] = 0;
    for (let slot = slots.oldestHeld(); slot >= 0; slot = slots.nextHeld(slot)) {
      if (slots.waiting[slot] === 0 || slots.owner[slot] !== this.owner) continue;
      const heldSinceUs = slots.heldSinceUs[slot];
      if (this.packets > 0) span[0] += Math.min(heldSinceUs - span[1], REPLAY_GAP_MAX_US);
      span[1] = heldSinceUs;
      this.packets++;
      this.bytes += slots.length[slot] + OVERHEAD_BYTES;
      this.classes |= 1 << (slots.flow[slot] >>> 12);
    }
  }

  private fill(): void {
    this.head = 0;
    this.end = 0;
    this.makeRoom(this.packets);
    for (let index = 1; index < 16; index++) if ((this.classes & (1 << index)) !== 0) this.append(index);
    if ((this.classes & 1) !== 0) this.append(0);
  }

  private append(classIndex: number): void {
    const { slots } = this.core;
    for (let slot = slots.oldestHeld(); slot >= 0; slot = slots.nextHeld(slot)) {
      if (slots.waiting[slot] === 0 || slots.owner[slot] !== this.owner) continue;
      if (slots.flow[slot] >>> 12 !== classIndex) continue;
      this.queue[this.end] = slot;
      this.generation[this.end++] = slots.generation[slot];
    }
  }

  private makeRoom(packets: number): void {
    let capacity = this.queue.length;
    while (capacity < packets) capacity *= 2;
    if (capacity === this.queue.length) return;
    this.queue = new Int32Array(capacity);
    this.generation = new Uint32Array(capacity);
  }
}
