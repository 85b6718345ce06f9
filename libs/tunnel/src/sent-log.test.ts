import { AckFrame } from '@corridor/wire';
import { describe, expect, it } from 'vitest';
import { PacketBatch, SLOT_SHIFT } from './batch.js';
import { Clock } from './clock.js';
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
});
