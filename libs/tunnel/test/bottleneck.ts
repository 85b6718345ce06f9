/** Queues in front of a link of constant rate on a virtual clock, with senders that answer to loss and marks as TCP does. */
import { SLOT_HEADROOM, SLOT_SHIFT } from '../src/batch.js';
import { Clock } from '../src/clock.js';
import { ClassQueues, type QueueOptions } from '../src/queueing/class-queues.js';
import type { QueueClass } from '../src/queueing/class-table.js';
import { QueuePool } from '../src/queueing/queue-pool.js';
import { SendSlots } from '../src/send-slots.js';

const CE = 3;
const MS = 1_000;

export const plainClass: QueueClass = { priority: 4, urgent: false, minShare: 0.05, deadlineUs: 3_000_000 };

/** A flow, and what became of its packets. */
export class Source {
  readonly sojournsUs: number[] = [];
  bytes = 0;
  drops = 0;
  marks = 0;

  constructor(
    readonly flow: number,
    readonly classIndex = 0,
    readonly length = 1_500,
    readonly ect = false,
  ) {}

  /** Called once each time something may have changed. */
  offer(_nowUs: number, _send: () => void): void {}
  delivered(_nowUs: number, _marked: boolean): void {}
  dropped(_nowUs: number): void {}
}

/** Sends at a constant rate, whatever happens. */
export class ConstantRate extends Source {
  private nextUs = 0;

  constructor(
    readonly intervalUs: number,
    ...rest: ConstructorParameters<typeof Source>
  ) {
    super(...rest);
  }

  override offer(nowUs: number, send: () => void): void {
    for (; this.nextUs <= nowUs; this.nextUs += this.intervalUs) send();
  }
}

/** Additive increase, multiplicative decrease once a round trip (RFC 5681, RFC 3168), without retransmission. */
export class Tcp extends Source {
  private window = 10;
  private threshold = Number.POSITIVE_INFINITY;
  private inFlight = 0;
  private recoveringUntilUs = 0;
  private readonly acknowledgedAtUs: [us: number, congested: boolean][] = [];

  constructor(
    readonly roundTripUs: number,
    ...rest: ConstructorParameters<typeof Source>
  ) {
    super(...rest);
  }

  override offer(nowUs: number, send: () => void): void {
    while (this.acknowledgedAtUs.length > 0 && this.acknowledgedAtUs[0][0] <= nowUs) {
      const [, congested] = this.acknowledgedAtUs.shift() as [number, boolean];
      this.inFlight--;
      if (congested) this.slowDown(nowUs);
      else this.window += this.window < this.threshold ? 1 : 1 / this.window;
    }
    for (; this.inFlight < this.window; this.inFlight++) send();
  }

  override delivered(nowUs: number, marked: boolean): void {
    this.acknowledgedAtUs.push([nowUs + this.roundTripUs, marked]);
  }

  override dropped(nowUs: number): void {
    this.delivered(nowUs, true);
  }

  private slowDown(nowUs: number): void {
    if (nowUs < this.recoveringUntilUs) return;
    this.window = Math.max(2, this.window / 2);
    this.threshold = this.window;
    this.recoveringUntilUs = nowUs + this.roundTripUs;
  }
}

export class Bottleneck {
  readonly clock = new Clock();
  readonly slots = new SendSlots(8_192);
  readonly queues: ClassQueues;
  private readonly free = Array.from({ length: this.slots.slots }, (_, slot) => slot);
  private readonly sourceOf: (Source | undefined)[] = [];
  private freeAtUs = 0;
  private startedUs = 0;
  sentBytes = 0;

  constructor(
    readonly bytesPerSecond: number,
    readonly sources: readonly Source[],
    classes: readonly QueueClass[] = [plainClass],
    options: QueueOptions = {},
  ) {
    this.clock.nowUs = 0;
    const dropped = (slot: number) => {
      const source = this.release(slot);
      source.drops++;
      source.dropped(this.clock.nowUs);
    };
    this.queues = new ClassQueues(new QueuePool(this.slots), classes, dropped, options);
  }

  /** Lets time pass in steps of 0.1 ms. */
  run(durationUs: number): void {
    const untilUs = this.clock.nowUs + durationUs;
    for (; this.clock.nowUs < untilUs; this.clock.nowUs += MS / 10) {
      for (const source of this.sources) source.offer(this.clock.nowUs, () => this.send(source));
      this.serve();
    }
  }

  /** Nothing goes out until then: the link is down, and what is sent waits. */
  stallUntil(us: number): void {
    this.freeAtUs = us;
  }

  /** Forgets what was measured, for what comes after a start. */
  measureFromNow(): void {
    this.startedUs = this.clock.nowUs;
    this.sentBytes = 0;
    for (const source of this.sources) {
      source.sojournsUs.length = 0;
      source.bytes = 0;
      source.drops = 0;
      source.marks = 0;
    }
  }

  /** Part of the link's capacity that was used since measuring began. */
  get utilisation(): number {
    return this.sentBytes / ((this.bytesPerSecond * (this.clock.nowUs - this.startedUs)) / 1e6);
  }

  private send(source: Source): void {
    const { slots } = this;
    const slot = this.free.pop();
    if (slot === undefined) throw new Error('every slot is held');
    const at = (slot << SLOT_SHIFT) + SLOT_HEADROOM;
    slots.slab[at] = 0x45;
    slots.slab[at + 1] = source.ect ? 2 : 0;
    slots.hold(slot, 1, source.length, (source.classIndex << 12) | source.flow, 0, this.clock);
    this.sourceOf[slot] = source;
    this.queues.enqueue(slot, source.classIndex, this.clock);
  }

  private serve(): void {
    const { nowUs } = this.clock;
    this.queues.begin(this.clock);
    while (this.freeAtUs <= nowUs) {
      const slot = this.queues.next();
      if (slot < 0) return;
      this.queues.taken();
      const sojournUs = nowUs - this.slots.heldSinceUs[slot];
      const marked = this.slots.slab[(slot << SLOT_SHIFT) + SLOT_HEADROOM + 1] === CE;
      const source = this.release(slot);
      source.sojournsUs.push(sojournUs);
      source.bytes += source.length;
      this.sentBytes += source.length;
      if (marked) source.marks++;
      source.delivered(nowUs, marked);
      this.freeAtUs = Math.max(this.freeAtUs, nowUs - MS / 10) + (source.length * 1e6) / this.bytesPerSecond;
    }
  }

  private release(slot: number): Source {
    this.slots.release(slot);
    this.free.push(slot);
    return this.sourceOf[slot] as Source;
  }
}

/** Quantile `q` of numbers, 0 for none. */
export function quantile(numbers: readonly number[], q: number): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0;
}
