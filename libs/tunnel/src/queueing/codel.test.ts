import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Clock } from '../clock.js';
import { SendSlots } from '../send-slots.js';
import { ClassQueues } from './class-queues.js';
import { QueuePool } from './queue-pool.js';

const TARGET_US = 5_000;
const INTERVAL_US = 100_000;
const PACKET = 1_500;

/** RFC 8289 section 5, for one queue of packets of one size, as it stands there. */
class Rfc8289 {
  readonly drops: number[] = [];
  private readonly queue: { id: number; us: number }[] = [];
  private firstAboveUs = 0;
  private dropNextUs = 0;
  private count = 0;
  private lastCount = 0;
  private dropping = false;

  enqueue(id: number, us: number): void {
    this.queue.push({ id, us });
  }

  get length(): number {
    return this.queue.length;
  }

  dequeue(nowUs: number): number {
    let { id, okToDrop } = this.doDequeue(nowUs);
    if (this.dropping) {
      if (!okToDrop) this.dropping = false;
      while (nowUs >= this.dropNextUs && this.dropping) {
        this.drops.push(id);
        this.count++;
        ({ id, okToDrop } = this.doDequeue(nowUs));
        if (!okToDrop) this.dropping = false;
        else this.dropNextUs = this.controlLaw(this.dropNextUs);
      }
    } else if (okToDrop) {
      this.drops.push(id);
      ({ id } = this.doDequeue(nowUs));
      this.dropping = true;
      const delta = this.count - this.lastCount;
      this.count = 1;
      if (delta > 1 && nowUs - this.dropNextUs < 16 * INTERVAL_US) this.count = delta;
      this.dropNextUs = this.controlLaw(nowUs);
      this.lastCount = this.count;
    }
    return id;
  }

  private controlLaw(us: number): number {
    return us + INTERVAL_US / Math.sqrt(this.count);
  }

  private doDequeue(nowUs: number): { id: number; okToDrop: boolean } {
    const packet = this.queue.shift();
    if (packet === undefined) {
      this.firstAboveUs = 0;
      return { id: -1, okToDrop: false };
    }
    let okToDrop = false;
    if (nowUs - packet.us < TARGET_US || this.queue.length * PACKET <= PACKET) this.firstAboveUs = 0;
    else if (this.firstAboveUs === 0) this.firstAboveUs = nowUs + INTERVAL_US;
    else okToDrop = nowUs >= this.firstAboveUs;
    return { id: packet.id, okToDrop };
  }
}

it('drops the packets that the pseudocode of RFC 8289 drops, and sends the same', () => {
  let dropped = 0;
  const phase = fc.record({
    pauseUs: fc.constantFrom(0, 0, 500_000, 3_000_000),
    packets: fc.integer({ min: 1, max: 300 }),
    arrivalUs: fc.integer({ min: 500, max: 3_000 }),
    serviceUs: fc.integer({ min: 500, max: 3_000 }),
  });
  fc.assert(
    fc.property(fc.array(phase, { minLength: 1, maxLength: 6 }), (phases) => {
      const slots = new SendSlots(2_048);
      const clock = new Clock();
      clock.nowUs = 1;
      const rfc = new Rfc8289();
      const drops: number[] = [];
      const rules = { priority: 1, urgent: false, minShare: 0, deadlineUs: 1e9 };
      const queues = new ClassQueues(
        new QueuePool(slots),
        [rules],
        (slot) => {
          drops.push(slot);
          slots.release(slot);
        },
        { maxPackets: 1_024 },
      );
      let arrivesUs = 1;
      let servedUs = 1;
      for (const { pauseUs, packets, arrivalUs, serviceUs } of phases) {
        arrivesUs += pauseUs;
        for (let i = 0; i < packets; i++) {
          arrivesUs += arrivalUs;
          for (; servedUs < arrivesUs; servedUs += serviceUs) {
            clock.nowUs = servedUs;
            queues.begin(clock);
            const slot = queues.next();
            const isEmpty = rfc.length === 0;
            const expected = rfc.dequeue(servedUs);
            if (slot !== expected && !isEmpty) expect.fail(`${slot} goes instead of ${expected}`);
            if (slot < 0) continue;
            queues.taken();
            slots.release(slot);
          }
          clock.nowUs = arrivesUs;
          const slot = slots.owner.indexOf(-1);
          slots.hold(slot, 1, PACKET, 0, 0, clock);
          queues.enqueue(slot, 0, clock);
          rfc.enqueue(slot, arrivesUs);
        }
      }
      if (drops.join() !== rfc.drops.join()) expect(drops).toEqual(rfc.drops);
      dropped += drops.length;
    }),
    { numRuns: 400, seed: 8_289, endOnFailure: true },
  );
  expect(dropped).toBeGreaterThan(2_000);
});
