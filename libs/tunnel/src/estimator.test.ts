import { describe, expect, it } from 'vitest';
import { Clock } from './clock.js';
import { INITIAL_RTT_US, MIN_DELAY_WINDOW_US, RATE_WINDOW_US } from './constants.js';
import { DirectionEstimate, RoundTrip } from './estimator.js';

const MS = 1_000;

const clock = new Clock();
const at = (ms: number) => {
  clock.nowUs = ms * MS;
  return clock;
};

describe('the round trip', () => {
  it.each<[string, [rttMs: number, ackDelayMs: number][], { smoothed: number; variation: number; min: number }]>([
    ['takes the first sample whole', [[40, 0]], { smoothed: 40, variation: 20, min: 40 }],
    [
      'smooths by an eighth, its deviation by a quarter',
      [
        [40, 0],
        [48, 0],
      ],
      { smoothed: 41, variation: 17, min: 40 },
    ],
    [
      'takes the acknowledgement delay off',
      [
        [40, 0],
        [48, 8],
      ],
      { smoothed: 40, variation: 15, min: 40 },
    ],
    [
      'but never goes below the smallest by that',
      [
        [40, 0],
        [42, 8],
      ],
      { smoothed: 40.25, variation: 15.5, min: 40 },
    ],
  ])('%s', (_name, samples, expected) => {
    const rtt = new RoundTrip();
    for (const [i, [rttMs, ackDelayMs]] of samples.entries()) rtt.sample(rttMs * MS, ackDelayMs * MS, at(i * 20));
    expect(rtt.smoothedUs).toBeCloseTo(expected.smoothed * MS);
    expect(rtt.variationUs).toBeCloseTo(expected.variation * MS);
    expect(rtt.minUs).toBe(expected.min * MS);
  });

  it('assumes something until it is measured, and says so with 0', () => {
    const rtt = new RoundTrip();
    expect([rtt.smoothedUs, rtt.minUs, rtt.expectedUs]).toEqual([0, 0, INITIAL_RTT_US]);
  });

  it('forgets a smallest value of long ago', () => {
    const rtt = new RoundTrip();
    rtt.sample(10 * MS, 0, at(0));
    for (let t = MS; t < 2.5 * MIN_DELAY_WINDOW_US; t += 100 * MS) rtt.sample(50 * MS, 0, at(t / MS));
    expect(rtt.minUs).toBe(50 * MS);
  });
});

describe('a direction', () => {
  it('measures rate and loss over the recent window, and counts for ever', () => {
    const direction = new DirectionEstimate();
    for (let ms = 0; ms < 4000; ms += 10) direction.count(1, 1250, ms % 100 === 0 ? 1 : 0, at(ms));
    expect(direction.rateBps(4_000 * MS)).toBeGreaterThan(0.93e6);
    expect(direction.rateBps(4_000 * MS)).toBeLessThan(1.05e6);
    expect(direction.lossRatio(4_000 * MS)).toBeCloseTo(1 / 11, 2);
    expect([direction.packets, direction.bytes, direction.lost]).toEqual([400, 500_000, 40]);
    expect(direction.rateBps(4_000 * MS + RATE_WINDOW_US)).toBe(0);
    expect(direction.lossRatio(4_000 * MS + RATE_WINDOW_US)).toBe(0);
  });

  it('takes a loss back when the packet was only late', () => {
    const direction = new DirectionEstimate();
    direction.count(1, 100, 1, at(0));
    direction.count(1, 100, -1, at(1));
    expect(direction.lossRatio(2 * MS)).toBe(0);
    expect(direction.lost).toBe(0);
  });

  it('measures delay above the smallest whatever the two clocks say, also when stamps wrap', () => {
    const direction = new DirectionEstimate();
    const sender = 0xffff_f000;
    const receiver = 0x1234_5678;
    for (let i = 0; i < 200; i++) {
      const delay = i < 100 ? 20 * MS : 35 * MS;
      const sent = i * 10 * MS;
      direction.transit((sender + sent) | 0, (receiver + sent + delay) | 0, at(i * 10));
    }
    expect(direction.delayVariationUs).toBeGreaterThan(14.9 * MS);
    expect(direction.delayVariationUs).toBeLessThanOrEqual(15 * MS);
    expect(direction.jitterUs).toBeLessThan(1 * MS);
  });

  it('forgets a queue that stood before a pause, but not the delay on average', () => {
    const direction = new DirectionEstimate();
    const send = (ms: number, delay: number) => direction.transit(ms * MS, (ms + delay) * MS, at(ms));
    send(0, 20);
    for (let ms = 10; ms <= 500; ms += 10) send(ms, 80);
    expect(direction.queueUs).toBeGreaterThan(59 * MS);
    send(1_000, 21);
    expect(direction.queueUs).toBe(1 * MS);
    expect(direction.delayVariationUs).toBeGreaterThan(50 * MS);
  });

  it('measures jitter as RFC 3550 does', () => {
    const direction = new DirectionEstimate();
    let expected = 0;
    for (let i = 0; i < 50; i++) {
      const delay = (i % 2) * 8 * MS;
      direction.transit(i * 10 * MS, i * 10 * MS + delay, at(i * 10));
      if (i > 0) expected += (8 * MS - expected) / 16;
    }
    expect(direction.jitterUs).toBeCloseTo(expected);
  });
});
