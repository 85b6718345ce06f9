import { AckFrame } from '@corridor/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketBatch, SLOT_SHIFT } from './batch.js';
import { Clock, Earliest } from './clock.js';
import { SendSlots } from './send-slots.js';
import { AckOutcome, SentLog } from './sent-log.js';

/** No packet is lost by its number. */
const NEVER = Number.MAX_SAFE_INTEGER;
const nobody = { lose: () => {} };
const clock = new Clock();
const at = (nowUs: number) => {
  clock.nowUs = nowUs;
  return clock;
};

function ack(...ranges: [largest: number, smallest: number][]): AckFrame {
  const frame = new AckFrame();
  frame.rangeCount = ranges.length;
  for (const [i, range] of ranges.entries()) frame.ranges.set(range, 2 * i);
  return frame;
}

/** Sends `count` packets a millisecond apart, each in a slot of its own. */
function sendAll(count: number) {
  const slots = new SendSlots(1024);
  const log = new SentLog();
  const batch = new PacketBatch(count);
  slots.lend(batch, () => {});
  for (let i = 0; i < count; i++) {
    const slot = batch.offset[i] >> SLOT_SHIFT;
    slots.hold(slot, 0, 100, 0, 0, at(i * 1000));
    slots.sequence[slot] = i;
    log.record(at(i * 1000), 140, slot, slots.generation[slot], true);
  }
  return { slots, log, outcome: new AckOutcome() };
}

describe('the log of what was sent', () => {
  it('says that it no longer knows when a packet was sent, also when the log has grown meanwhile', () => {
    const { slots, log, outcome } = sendAll(64);
    log.acknowledge(ack([63, 0]), slots, 0, NEVER, outcome, nobody);
    expect(log.sentUs(63)).toBe(63_000);
    const record = () => log.record(at(log.next * 1000), 140, -1, 0, true);
    while (log.next < 64 + 64) record();
    expect(log.sentUs(65)).toBe(65_000);
    // Its place was taken by packet 127.
    expect(log.sentUs(63)).toBe(-1);
    record();
    // The log is twice as large now, and still does not know.
    expect(log.sentUs(63)).toBe(-1);
    expect([log.sentUs(64), log.sentUs(128), log.sentUs(129)]).toEqual([64_000, 128_000, -1]);
  });

  it('that is closed still releases what arrived, and finds nothing lost or silent any more', () => {
    const { slots, log, outcome } = sendAll(10);
    log.acknowledge(ack([1, 0]), slots, 0, NEVER, outcome, nobody);
    log.close();
    expect([log.tail, log.oldestOpenUs, log.inFlightBytes]).toEqual([-1, Number.POSITIVE_INFINITY, 0]);
    const lost: number[] = [];
    const handler = { lose: (slot: number) => void lost.push(slot) };
    expect(log.acknowledge(ack([9, 5]), slots, 1_000_000, 3, outcome, handler)).toBe(true);
    expect([outcome.packets, outcome.lost, outcome.largestSentAtUs, log.inFlightBytes]).toEqual([5, 0, -1, 0]);
    const held: number[] = [];
    for (let slot = slots.oldestHeld(); slot >= 0; slot = slots.nextHeld(slot)) held.push(slots.sequence[slot]);
    expect([held, lost]).toEqual([[2, 3, 4], []]);
  });

  it('releases the slots of what arrived, once', () => {
    const { slots, log, outcome } = sendAll(10);
    expect(log.acknowledge(ack([4, 0]), slots, 0, NEVER, outcome, nobody)).toBe(true);
    expect([outcome.packets, outcome.bytes, outcome.asking, outcome.lost]).toEqual([5, 700, 5, 0]);
    expect([outcome.largestSentAtUs, outcome.newestAskingSentAtUs, outcome.oldestAskingSentAtUs]).toEqual([
      4000, 4000, 0,
    ]);
    expect(slots.freeCount).toBe(1024 - 5);
    log.acknowledge(ack([4, 0]), slots, 0, NEVER, outcome, nobody);
    expect([outcome.packets, outcome.largestSentAtUs]).toEqual([0, -1]);
    expect(slots.freeCount).toBe(1024 - 5);
  });

  it('releases, loses and visits every packet of a bundle, and knows it as one datagram of its size', () => {
    const { slots, log, outcome } = sendAll(4);
    const extend = (slot: number) => log.extend(108, slot, slots.generation[slot]);
    const batch = new PacketBatch(6);
    slots.lend(batch, () => {});
    const [a, b, c, d, e, f] = Array.from(batch.offset, (offset) => offset >> SLOT_SHIFT);
    for (const slot of [a, b, c, d, e, f]) slots.hold(slot, 0, 100, 0, 0, at(4000));
    log.openNext();
    expect(log.isOpen).toBe(false);
    log.record(at(4000), 140, a, slots.generation[a], true);
    expect(log.isOpen).toBe(true);
    extend(b);
    extend(c);
    log.record(at(4500), 140, -1, 0, true);
    expect(log.isOpen).toBe(false);
    log.openNext();
    log.record(at(5000), 140, d, slots.generation[d], true);
    extend(e);
    extend(f);
    expect(log.inFlightBytes).toBe(5 * 140 + 2 * 356);
    const visited: number[] = [];
    log.forEachHeld(slots, (slot) => visited.push(slot));
    expect(visited.slice(4)).toEqual([a, b, c, d, e, f]);
    slots.release(e);
    const lost: number[] = [];
    log.record(at(6000), 140, -1, 0, true);
    log.acknowledge(ack([7, 7], [5, 0]), slots, 5500, NEVER, outcome, { lose: (slot) => lost.push(slot) });
    expect([outcome.packets, outcome.bytes, outcome.lost, outcome.lostBytes]).toEqual([7, 6 * 140 + 356, 1, 356]);
    expect([a, b, c, d, e, f].map((slot) => slots.owner[slot])).toEqual([-1, -1, -1, 0, -1, 0]);
    expect(lost).toEqual([d, f]);
    // It arrives after all.
    log.acknowledge(ack([7, 6]), slots, 0, NEVER, outcome, nobody);
    expect([outcome.late, slots.freeCount, log.inFlightBytes]).toEqual([1, 1024, 0]);
  });

  it('takes nothing into a datagram that was written off', () => {
    const { log } = sendAll(2);
    log.openNext();
    log.record(at(3000), 140, -1, 0, true);
    expect(log.isOpen).toBe(true);
    log.writeOff();
    expect([log.isOpen, log.inFlightBytes]).toEqual([false, 0]);
  });

  it('keeps the packets of bundles while it grows, and lets go of those that are gone', () => {
    const { slots, log, outcome } = sendAll(0);
    const batch = new PacketBatch(900);
    slots.lend(batch, () => {});
    for (let i = 0; i < 900; i += 3) {
      const [first, second, third] = [0, 1, 2].map((more) => batch.offset[i + more] >> SLOT_SHIFT);
      for (const slot of [first, second, third]) slots.hold(slot, 0, 100, 0, 0, at(i));
      log.openNext();
      log.record(at(i), 140, first, slots.generation[first], true);
      log.extend(108, second, slots.generation[second]);
      log.extend(108, third, slots.generation[third]);
    }
    let visited = 0;
    log.forEachHeld(slots, () => visited++);
    expect(visited).toBe(900);
    log.acknowledge(ack([299, 150], [99, 0]), slots, 0, NEVER, outcome, nobody);
    expect(slots.freeCount).toBe(1024 - 150);
    const lost: number[] = [];
    log.expire(slots, 1000, outcome, { lose: (slot) => lost.push(slot) });
    expect(new Set(lost).size).toBe(150);
    // Their places are taken by others, long after.
    for (let i = 0; i < 2000; i++) log.record(at(1000 + i), 140, -1, 0, true);
    log.acknowledge(ack([2299, 0]), slots, 0, NEVER, outcome, nobody);
    expect([slots.freeCount, log.inFlightBytes]).toEqual([1024 - 150, 0]);
  });

  it('refuses to be told of what was never sent', () => {
    const { slots, log, outcome } = sendAll(10);
    expect(log.acknowledge(ack([10, 0]), slots, 0, NEVER, outcome, nobody)).toBe(false);
    expect(slots.freeCount).toBe(1024 - 10);
  });

  it('takes what was overtaken for lost only when it is old enough', () => {
    const { slots, log, outcome } = sendAll(10);
    log.acknowledge(ack([5, 4], [2, 0]), slots, 2500, NEVER, outcome, nobody);
    expect(outcome.lost).toBe(0);
    log.acknowledge(ack([6, 4], [2, 0]), slots, 3000, NEVER, outcome, nobody);
    expect(outcome.lost).toBe(1);
    log.acknowledge(ack([7, 4], [2, 0]), slots, 9000, NEVER, outcome, nobody);
    expect(outcome.lost).toBe(0);
  });

  it('knows its tail: the oldest that asks, after all that arrived', () => {
    const { slots, log, outcome } = sendAll(10);
    expect(log.tail).toBe(0);
    log.acknowledge(ack([5, 5]), slots, 0, NEVER, outcome, nobody);
    expect([log.tail, log.tailSentAtUs]).toEqual([6, 6000]);
    log.record(at(10_000), 60, -1, 0, false);
    log.acknowledge(ack([9, 5]), slots, 0, NEVER, outcome, nobody);
    expect([log.tail, log.tailSentAtUs]).toEqual([-1, Number.POSITIVE_INFINITY]);
    log.record(at(11_000), 60, -1, 0, true);
    expect(log.tail).toBe(11);
  });

  it('visits what is unacknowledged and still held, oldest first', () => {
    const { slots, log, outcome } = sendAll(10);
    log.acknowledge(ack([4, 3]), slots, 0, NEVER, outcome, nobody);
    slots.release(slots.oldestHeld());
    const replayed: number[] = [];
    log.forEachHeld(slots, (slot) => replayed.push(slots.sequence[slot]));
    expect(replayed).toEqual([1, 2, 5, 6, 7, 8, 9]);
  });

  it('survives growing and wrapping', () => {
    const { slots, log, outcome } = sendAll(900);
    log.acknowledge(ack([899, 0]), slots, 0, NEVER, outcome, nobody);
    expect(outcome.packets).toBe(900);
    for (let i = 900; i < 5000; i++) {
      log.record(at(i * 1000), 60, -1, 0, true);
      if (i % 50 === 49) expect(log.acknowledge(ack([i, i - 49]), slots, 0, NEVER, outcome, nobody)).toBe(true);
    }
    expect([log.next, log.largestAcked, log.tail]).toEqual([5000, 4999, -1]);
    expect(slots.freeCount).toBe(1024);
  });

  it('notes when the packet was sent whose silence tells, as many from the end as it takes', () => {
    const { slots, log, outcome } = sendAll(3);
    const noted = (count: number) => {
      const earliest = new Earliest();
      earliest.reset();
      log.noteTail(count, earliest);
      return earliest.us;
    };
    expect([noted(1), noted(3), noted(4)]).toEqual([0, 2_000, Number.POSITIVE_INFINITY]);
    log.acknowledge(ack([0, 0]), slots, 0, NEVER, outcome, nobody);
    // Acknowledgements ask for none: their silence says nothing.
    log.record(at(3_000), 60, -1, 0, false);
    log.record(at(4_000), 60, -1, 0, true);
    expect([noted(1), noted(2), noted(3)]).toEqual([1_000, 2_000, 4_000]);
    log.closeTail();
    expect(noted(1)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('losses', () => {
  /** Sequences of what was lost, as the handler was told. */
  function witness(slots: SendSlots) {
    const lost: number[] = [];
    return { lost, lose: (slot: number) => void lost.push(slots.sequence[slot]) };
  }

  it('are told by a packet numbered three higher, without waiting', () => {
    const { slots, log, outcome } = sendAll(10);
    const seen = witness(slots);
    log.acknowledge(ack([3, 2]), slots, -1, 3, outcome, seen);
    expect([seen.lost, outcome.lost, log.overtakenSentUs]).toEqual([[0], 1, 1_000]);
    log.acknowledge(ack([4, 2]), slots, -1, 3, outcome, seen);
    expect([seen.lost, outcome.lost, log.overtakenSentUs]).toEqual([[0, 1], 1, Number.POSITIVE_INFINITY]);
    expect([outcome.lostAsking, outcome.lostBytes, log.inFlightBytes]).toEqual([1, 140, 5 * 140]);
  });

  it('are told by time where no packet tells them', () => {
    const { slots, log, outcome } = sendAll(3);
    const seen = witness(slots);
    log.acknowledge(ack([1, 1]), slots, -1, 3, outcome, seen);
    log.expire(slots, -1, outcome, seen);
    expect(seen.lost).toEqual([]);
    log.expire(slots, 0, outcome, seen);
    expect([seen.lost, outcome.lost]).toEqual([[0], 1]);
    // What nothing has overtaken is not lost, however old.
    log.expire(slots, 1e9, outcome, seen);
    expect([seen.lost, outcome.lost]).toEqual([[0], 0]);
  });

  it('in a row are one run, also when they are told one by one', () => {
    const { slots, log, outcome } = sendAll(12);
    const runs: number[] = [];
    for (const largest of [4, 5, 9]) {
      log.acknowledge(ack([largest, largest]), slots, -1, 3, outcome, nobody);
      runs.push(outcome.lostRuns);
    }
    // 0 and 1; then 2, which goes on with them; then 3, which does too, and 6.
    expect(runs).toEqual([1, 0, 1]);
  });

  it('that come after all are counted as late, and their slots released', () => {
    const { slots, log, outcome } = sendAll(10);
    log.acknowledge(ack([9, 5]), slots, -1, 3, outcome, nobody);
    expect([outcome.packets, outcome.lost, log.inFlightBytes]).toEqual([5, 5, 0]);
    expect(slots.freeCount).toBe(1024 - 5);
    log.acknowledge(ack([9, 5], [3, 2]), slots, -1, 3, outcome, nobody);
    expect([outcome.packets, outcome.late, outcome.askingBytes, log.inFlightBytes]).toEqual([2, 2, 0, 0]);
    expect(slots.freeCount).toBe(1024 - 3);
    log.acknowledge(ack([9, 5], [3, 2]), slots, -1, 3, outcome, nobody);
    expect([outcome.packets, outcome.late]).toEqual([0, 0]);
  });

  it('below what is still known touch nothing newer that has their place', () => {
    const { slots, log, outcome } = sendAll(64);
    log.acknowledge(ack([63, 1]), slots, -1, 3, outcome, nobody);
    expect(outcome.lost).toBe(1);
    // 64 more fill every place of the log.
    while (log.next < 128) log.record(at(log.next * 1000), 60, -1, 0, true);
    log.acknowledge(ack([63, 0]), slots, -1, 3, outcome, nobody);
    expect([outcome.packets, outcome.late, log.inFlightBytes]).toEqual([0, 0, 64 * 60]);
    log.acknowledge(ack([127, 64]), slots, -1, 3, outcome, nobody);
    expect([outcome.packets, log.inFlightBytes]).toEqual([64, 0]);
  });

  it('of a path that was written off are told, but are not in flight any more', () => {
    const { slots, log, outcome } = sendAll(6);
    const seen = witness(slots);
    log.writeOff();
    expect(log.inFlightBytes).toBe(0);
    log.record(at(6_000), 100, -1, 0, true);
    log.acknowledge(ack([6, 6], [2, 2]), slots, -1, 3, outcome, seen);
    expect(seen.lost).toEqual([0, 1, 3]);
    expect([outcome.packets, outcome.asking, outcome.askingBytes]).toEqual([2, 2, 100]);
    expect([outcome.lost, outcome.lostAsking, outcome.lostBytes, log.inFlightBytes]).toEqual([3, 0, 0, 0]);
  });

  it('of padded probes are none', () => {
    const { slots, log, outcome } = sendAll(1);
    for (let i = 1; i <= 5; i += 2) {
      log.recordPadded(at(i * 1000), 1444);
      log.record(at(i * 1000), 60, -1, 0, true);
    }
    // Packets 1, 3 and 5 are padded.
    log.acknowledge(ack([2, 2], [0, 0]), slots, -1, 3, outcome, nobody);
    log.acknowledge(ack([2, 0]), slots, -1, 3, outcome, nobody);
    expect([outcome.packets, outcome.paddedBytes, outcome.askingBytes]).toEqual([1, 1444, 0]);
    log.acknowledge(ack([6, 6], [4, 4]), slots, 1e9, 1, outcome, nobody);
    expect([outcome.lost, outcome.largeLost, outcome.paddedBytes, log.inFlightBytes]).toEqual([0, 0, 0, 0]);
  });
});

/** What each packet is known to be, by packet number, kept without any cleverness. */
class NaiveLog {
  readonly fates: ('open' | 'acked' | 'lost' | 'late')[] = [];

  get inFlight(): number {
    return this.fates.filter((fate) => fate === 'open').length;
  }

  acknowledge(ranges: readonly (readonly [number, number])[], threshold: number): void {
    const largest = Math.max(ranges[0][0], this.fates.lastIndexOf('acked'), this.fates.lastIndexOf('late'));
    for (const [last, first] of ranges) {
      for (let i = first; i <= last; i++) {
        if (this.fates[i] === 'open') this.fates[i] = 'acked';
        else if (this.fates[i] === 'lost') this.fates[i] = 'late';
      }
    }
    for (let i = 0; i + threshold <= largest; i++) if (this.fates[i] === 'open') this.fates[i] = 'lost';
  }
}

describe('any history of sending and acknowledging', () => {
  const rangeArbitrary = fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 6 }));
  const step = fc.oneof(
    fc.record({ send: fc.integer({ min: 1, max: 70 }) }),
    fc.record({ ranges: fc.array(rangeArbitrary, { minLength: 1, maxLength: 5 }) }),
  );

  it('leaves each packet with the fate that a naive log gives it, and its slot free only if it arrived', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const slots = new SendSlots(4096);
        const log = new SentLog();
        const model = new NaiveLog();
        const slotOf: number[] = [];
        const lost: number[] = [];
        const handler = { lose: (slot: number) => void lost.push(slots.sequence[slot]) };
        const outcome = new AckOutcome();
        const batch = new PacketBatch(1);
        let late = 0;
        for (const one of steps) {
          if ('send' in one) {
            for (let i = 0; i < one.send; i++) {
              slots.lend(batch, () => {});
              const slot = batch.offset[0] >> SLOT_SHIFT;
              slots.hold(slot, 0, 100, 0, 0, at(log.next));
              slots.sequence[slot] = log.next;
              slotOf.push(slot);
              log.record(at(log.next), 140, slot, slots.generation[slot], true);
              model.fates.push('open');
            }
            continue;
          }
          if (log.next === 0) continue;
          // Going down from the newest or a little below, as a receiver's ranges do.
          const ranges: [number, number][] = [];
          let top = log.next - 1;
          for (const [gap, length] of one.ranges) {
            const last = top - gap;
            if (last < 0) break;
            ranges.push([last, Math.max(0, last - length)]);
            top = last - length - 2;
          }
          if (ranges.length === 0) continue;
          log.acknowledge(ack(...ranges), slots, -1, 3, outcome, handler);
          model.acknowledge(ranges, 3);
          late += outcome.late;
        }
        const fated = (fate: string) => model.fates.flatMap((one, i) => (one === fate ? [i] : []));
        expect(log.inFlightBytes).toBe(140 * model.inFlight);
        expect(lost.sort((a, b) => a - b)).toEqual([...fated('lost'), ...fated('late')].sort((a, b) => a - b));
        const held = new Set(slotOf.filter((slot, i) => slots.owner[slot] === 0 && slots.sequence[slot] === i));
        for (const i of fated('acked')) expect(held.has(slotOf[i]) && slots.sequence[slotOf[i]] === i).toBe(false);
        for (const fate of ['open', 'lost']) for (const i of fated(fate)) expect(held.has(slotOf[i])).toBe(true);
        // What comes very late is no longer recognised, and then its slot stays held.
        expect(late).toBeLessThanOrEqual(fated('late').length);
        expect(slots.freeCount).toBe(4096 - slotOf.length + fated('acked').length + late);
      }),
      { numRuns: 200 },
    );
  });
});
