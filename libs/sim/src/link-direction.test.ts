import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BLACKOUT_DROPS,
  type DirectionSpec,
  DROP_BLACKOUT,
  DROP_LOSS,
  DROP_NONE,
  DROP_QUEUE,
  DROP_TOO_LONG,
  LinkDirection,
  LOSSES,
  OFFERED_PACKETS,
  QUEUE_DROPS,
  Random,
  TOO_LONG_DROPS,
} from './index.js';

/** Offers `count` packets of `bytes`, one each `intervalUs`, and answers when each arrived, -1 for never. */
function offerEvenly(link: LinkDirection, count: number, intervalUs: number, bytes = 1000): number[] {
  return Array.from({ length: count }, (_, i) => link.offer(i * intervalUs, bytes));
}

function direction(spec: DirectionSpec, seed = 1): LinkDirection {
  return new LinkDirection(spec, new Random(seed));
}

describe('rate', () => {
  it('gives each packet its time on the wire, one after another, then the propagation delay', () => {
    const link = direction({ rateBps: 8e6, delayUs: 20_000 });
    expect([link.offer(0, 1000), link.offer(0, 500), link.offer(10_000, 1000)]).toEqual([21_000, 21_500, 31_000]);
  });

  it('without a limit adds the delay only', () => {
    expect(offerEvenly(direction({ delayUs: 5 }), 3, 10)).toEqual([5, 15, 25]);
  });

  it('carries what it is set to, however the load arrives', () => {
    const link = direction({ rateBps: 20e6, delayUs: 0, queueBytes: 50_000 });
    const arrivals = offerEvenly(link, 20_000, 100, 1250).filter((at) => at >= 0);
    const seconds = arrivals[arrivals.length - 1] / 1e6;
    expect((arrivals.length * 1250 * 8) / seconds / 20e6).toBeCloseTo(1, 2);
  });

  it('follows a profile step by step and waits through steps of nothing', () => {
    const link = direction({ rateProfile: { stepUs: 1_000, bps: [8e6, 0, 0, 16e6] }, delayUs: 0 });
    // 1,000 bytes fill the first step; the next 1,000 wait until 3,000 us and take 500; the last rests over the repeat.
    expect([link.offer(0, 1000), link.offer(0, 1000), link.offer(0, 2000)]).toEqual([1_000, 3_500, 5_000]);
  });

  it('serves a mahimahi trace by its opportunities of 1,500 bytes and repeats it', () => {
    const link = direction({ traceMs: [10, 10, 40], delayUs: 0 });
    const arrivals = Array.from({ length: 6 }, () => link.offer(0, 1500));
    expect(arrivals).toEqual([10_000, 10_000, 40_000, 50_000, 50_000, 80_000]);
  });

  it('shares an opportunity among small packets and spreads big ones over several', () => {
    const link = direction({ traceMs: [10, 20, 30], delayUs: 0 });
    expect([link.offer(0, 700), link.offer(0, 700), link.offer(0, 700), link.offer(0, 1500)]).toEqual([
      10_000, 10_000, 20_000, 30_000,
    ]);
    expect(link.offer(1e9 + 1, 1500)).toBe(1_000_010_000);
  });

  it('keeps what was promised when the rate changes and lets later packets follow', () => {
    const link = direction({ rateBps: 8e6, delayUs: 0 });
    expect(link.offer(0, 1000)).toBe(1_000);
    link.set({ rateBps: 80e6 });
    expect(link.offer(0, 1000)).toBe(1_100);
    link.set({ rateBps: null });
    expect(link.offer(0, 1000)).toBe(1_100);
    link.set({ traceMs: [5] });
    expect(link.offer(0, 1000)).toBe(5_000);
    expect(link.spec).toEqual({ delayUs: 0, traceMs: [5] });
  });
});

describe('queue', () => {
  it('drops at the tail when the bytes that wait reach the bound, and only then', () => {
    const link = direction({ rateBps: 8e6, delayUs: 0, queueBytes: 3_000 });
    expect(offerEvenly(link, 4, 0)).toEqual([1_000, 2_000, 3_000, -1]);
    expect(link.dropReason).toBe(DROP_QUEUE);
    expect(link.offer(1_000, 1000)).toBe(4_000);
    expect(link.dropReason).toBe(DROP_NONE);
    expect(link.counters[QUEUE_DROPS]).toBe(1);
    expect(link.queuedBytes).toBe(3_000);
  });

  it('never holds more than its bound, whatever comes (against a plain list of what waits)', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 1, max: 1_500 })), { maxLength: 600 }),
        (offers) => {
          const link = direction({ rateBps: 4e6, delayUs: 0, queueBytes: 6_000 });
          let nowUs = 0;
          let waiting: { leavesAtUs: number; bytes: number }[] = [];
          for (const [waitUs, bytes] of offers) {
            nowUs += waitUs;
            waiting = waiting.filter((packet) => packet.leavesAtUs > nowUs);
            const queued = waiting.reduce((sum, packet) => sum + packet.bytes, 0);
            const leavesAtUs = link.offer(nowUs, bytes);
            expect(leavesAtUs >= 0).toBe(queued + bytes <= 6_000);
            if (leavesAtUs >= 0) waiting.push({ leavesAtUs, bytes });
          }
        },
      ),
    );
  });
});

describe('loss', () => {
  it('loses the given share at random', () => {
    const link = direction({ delayUs: 0, lossRatio: 0.02 });
    const lost = offerEvenly(link, 200_000, 1).filter((at) => at < 0).length;
    expect(lost / 200_000).toBeCloseTo(0.02, 2);
    expect(link.counters[LOSSES]).toBe(lost);
    while (link.offer(0, 1) >= 0);
    expect(link.dropReason).toBe(DROP_LOSS);
  });

  it('loses in bursts of the given mean length and frequency', () => {
    const link = direction({ delayUs: 0, burst: { enterRatio: 0.01, leaveRatio: 0.1, lossRatio: 1 } });
    const lost = offerEvenly(link, 400_000, 1).map((at) => at < 0);
    const bursts = lost.filter((isLost, i) => isLost && !lost[i - 1]).length;
    const losses = lost.filter(Boolean).length;
    expect(losses / bursts).toBeGreaterThan(9);
    expect(losses / bursts).toBeLessThan(11);
    // Share of time in the burst state: enter / (enter + leave).
    expect(losses / 400_000).toBeCloseTo(0.01 / 0.11, 2);
  });

  it('drops everything in a blackout and nothing after it', () => {
    const link = direction({ delayUs: 10 });
    link.blackout = true;
    expect(offerEvenly(link, 3, 1)).toEqual([-1, -1, -1]);
    expect(link.dropReason).toBe(DROP_BLACKOUT);
    link.blackout = false;
    expect(link.offer(5, 1)).toBe(15);
    expect([link.counters[OFFERED_PACKETS], link.counters[BLACKOUT_DROPS]]).toEqual([4, 3]);
  });
});

describe('mtuBytes', () => {
  it('swallows what is longer, counted with the headers that offers leave out, and costs no rate for it', () => {
    const link = new LinkDirection({ rateBps: 8e6, delayUs: 10, mtuBytes: 1_300 }, new Random(1), 0, 28);
    expect([link.offer(0, 1_273), link.dropReason]).toEqual([-1, DROP_TOO_LONG]);
    expect([link.offer(0, 1_272), link.dropReason]).toEqual([1_282, DROP_NONE]);
    expect(link.counters[TOO_LONG_DROPS]).toBe(1);
    link.set({ mtuBytes: null });
    expect(link.offer(10_000, 1_500)).toBe(11_510);
  });

  it('is at least one', () => {
    expect(() => direction({ delayUs: 0, mtuBytes: 0 })).toThrow('mtuBytes: a number of at least 1 was expected');
  });
});

describe('order', () => {
  it('is kept under jitter and changing delay', () => {
    const link = direction({ rateBps: 50e6, delayUs: 20_000, jitterUs: 15_000 });
    let last = 0;
    for (let i = 0; i < 20_000; i++) {
      if (i % 1_000 === 0) link.set({ delayUs: i % 2_000 === 0 ? 60_000 : 5_000 });
      const at = link.offer(i * 200, 1000);
      expect(at).toBeGreaterThanOrEqual(last);
      last = at;
    }
  });

  it('is broken for the given share only', () => {
    const link = direction({ delayUs: 20_000, reorderRatio: 0.05 });
    const arrivals = offerEvenly(link, 50_000, 500);
    const overtaken = arrivals.filter((at, i) => i + 1 < arrivals.length && at > arrivals[i + 1]).length;
    // Each is held back for at least two packet intervals, so that its successor overtakes it unless it is held back too.
    expect(overtaken / 50_000).toBeGreaterThan(0.04);
    expect(overtaken / 50_000).toBeLessThan(0.055);
  });
});

it('duplicates the given share, the second soon after the first', () => {
  const link = direction({ delayUs: 100, duplicateRatio: 0.1 });
  let duplicates = 0;
  for (let i = 0; i < 50_000; i++) {
    const at = link.offer(i, 100);
    if (link.duplicateAtUs < 0) continue;
    duplicates++;
    expect(link.duplicateAtUs).toBeGreaterThanOrEqual(at);
    expect(link.duplicateAtUs).toBeLessThan(at + 1_000);
  }
  expect(duplicates / 50_000).toBeCloseTo(0.1, 2);
});

it('repeats itself for the same seed and not for another', () => {
  const spec: DirectionSpec = {
    rateBps: 9e6,
    delayUs: 20_000,
    jitterUs: 8_000,
    lossRatio: 0.05,
    burst: { enterRatio: 0.01, leaveRatio: 0.2, lossRatio: 0.8 },
    reorderRatio: 0.02,
    duplicateRatio: 0.02,
  };
  const run = (seed: number) => offerEvenly(direction(spec, seed), 5_000, 700);
  expect(run(5)).toEqual(run(5));
  expect(run(5)).not.toEqual(run(6));
});

it.each<[string, unknown, RegExp]>([
  ['negative delay', { delayUs: -1 }, /delayUs/],
  ['no rate', { delayUs: 0, rateBps: 0 }, /rateBps/],
  ['two rates', { delayUs: 0, rateBps: 1, traceMs: [1] }, /at most one/],
  ['a ratio above 1', { delayUs: 0, lossRatio: 1.1 }, /lossRatio/],
  [
    'a burst that is no ratio',
    { delayUs: 0, burst: { enterRatio: 2, leaveRatio: 1, lossRatio: 1 } },
    /burst.enterRatio/,
  ],
  ['an empty trace', { delayUs: 0, traceMs: [] }, /traceMs/],
  ['a trace that goes back', { delayUs: 0, traceMs: [5, 3] }, /ascending/],
  ['a profile of nothing', { delayUs: 0, rateProfile: { stepUs: 1, bps: [0] } }, /rateProfile/],
  ['a queue for nothing', { delayUs: 0, queueBytes: 0 }, /queueBytes/],
  ['not a number', { delayUs: Number.NaN }, /delayUs/],
])('refuses %s', (_, spec, message) => {
  expect(() => direction(spec as DirectionSpec)).toThrow(message);
  const link = direction({ delayUs: 0 });
  expect(() => link.set(spec as DirectionSpec)).toThrow(message);
  expect(link.spec).toEqual({ delayUs: 0 });
});
