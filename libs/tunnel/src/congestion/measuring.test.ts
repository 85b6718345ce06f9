import { describe, expect, it } from 'vitest';
import { Clock } from '../clock.js';
import { AckReport } from './ack-report.js';
import { DeliveredRate } from './delivered-rate.js';
import { Losses } from './losses.js';
import { QueueDelay } from './queue-delay.js';

function reportOf(change: Partial<AckReport>): AckReport {
  return Object.assign(new AckReport(), change);
}

describe('the delivered rate', () => {
  const at = (arrivedStamp: number, receivedBytes: number, space = 1) =>
    reportOf({ arrivedStamp: arrivedStamp | 0, receivedBytes, space });

  it('is measured on the clock of the receiver, over its wrap', () => {
    const rate = new DeliveredRate();
    const from = 0x7fff_fff0;
    for (let i = 0; i < 10; i++) rate.note(at(from + i * 5_000, i * 10_000));
    rate.spanUs = 20_000;
    expect(rate.measure(1, false)).toBe(true);
    expect(rate.bytesPerUs).toBe(2);
  });

  it('takes no notice of acknowledgements that overtook each other', () => {
    const rate = new DeliveredRate();
    for (const i of [0, 1, 3, 2, 4, 5]) rate.note(at(i * 5_000, i * 5_000));
    rate.spanUs = 25_000;
    expect(rate.measure(1, false)).toBe(true);
    expect(rate.bytesPerUs).toBe(1);
  });

  it('needs its span and its bytes, and begins anew with other keys', () => {
    const rate = new DeliveredRate();
    for (let i = 0; i < 4; i++) rate.note(at(i * 5_000, i * 100));
    rate.spanUs = 20_000;
    expect(rate.measure(1, false)).toBe(false);
    rate.spanUs = 10_000;
    expect(rate.measure(1_000, false)).toBe(false);
    expect(rate.measure(200, false)).toBe(true);
    rate.note(at(20_000, 400, 2));
    expect(rate.measure(1, false)).toBe(false);
  });

  it('looks no further back than to the empty queue when asked for the rate of the link', () => {
    const rate = new DeliveredRate();
    for (let i = 0; i < 10; i++) {
      if (i === 6) rate.mark();
      rate.note(at(i * 5_000, i < 6 ? i * 1_000 : 5_000 + (i - 5) * 5_000));
    }
    rate.spanUs = 15_000;
    expect(rate.measure(1, true)).toBe(true);
    expect(rate.bytesPerUs).toBe(1);
    rate.spanUs = 30_000;
    expect(rate.measure(1, true)).toBe(false);
  });
});

describe('the delivered rate behind a pause of the link', () => {
  it('is that of what came since, and no rate at all until enough has come', () => {
    const rate = new DeliveredRate();
    rate.longestUs = 20_000;
    rate.spanUs = 25_000;
    const note = (atUs: number, receivedBytes: number) =>
      rate.note(reportOf({ arrivedStamp: atUs, receivedBytes, space: 1 }));
    for (let i = 0; i < 10; i++) note(i * 5_000, i * 5_000);
    note(145_000, 45_000);
    expect(rate.measure(1, true)).toBe(false);
    for (let i = 1; i <= 6; i++) note(145_000 + i * 5_000, 45_000 + i * 10_000);
    expect(rate.measure(1, true)).toBe(true);
    expect(rate.bytesPerUs).toBe(2);
    rate.spanUs = 100_000;
    expect(rate.measure(1, true)).toBe(false);
    expect(rate.measure(1, false)).toBe(true);
    expect(rate.bytesPerUs).toBeLessThan(1);
  });
});

describe('the queueing delay', () => {
  /** Samples 5 ms apart: transit times, microseconds, from a clock that is far away. */
  function after(transits: readonly number[], bytes = 1400): { delay: QueueDelay; clock: Clock } {
    const delay = new QueueDelay();
    const clock = new Clock();
    clock.nowUs = 0;
    delay.usPerByte = 0;
    for (const transit of transits) {
      clock.nowUs += 5_000;
      delay.note(reportOf({ transitUs: (transit + 0x7fff_f000) | 0, largestBytes: bytes }), clock);
    }
    return { delay, clock };
  }
  const repeated = (value: number, times: number) => new Array<number>(times).fill(value);

  it('is what stands for 40 ms, not what jitters', () => {
    const jitter = Array.from({ length: 100 }, (_, i) => ((i * 7) % 13) << 10);
    expect(after(jitter).delay.standingUs).toBeLessThan(2_000);
    expect(after([0, ...repeated(9_000, 12)]).delay.standingUs).toBe(9_000);
  });

  it.each([
    ['is a link of its rate', 10],
    ['is faster than is known', 1],
  ])('tells short datagrams behind long ones from a queue where the link %s', (_name, usPerByte) => {
    const delay = new QueueDelay();
    const clock = new Clock();
    clock.nowUs = 0;
    delay.usPerByte = 10;
    const note = (bytes: number, queueUs: number) => {
      clock.nowUs += 5_000;
      delay.note(reportOf({ transitUs: bytes * usPerByte + queueUs, largestBytes: bytes }), clock);
      return delay.latestUs;
    };
    expect([note(100, 0), note(1400, 0), note(100, 0), note(1400, 0)]).toEqual([0, 0, 0, 0]);
    expect([note(100, 4_000), note(1400, 4_000)]).toEqual([4_000, 4_000]);
    expect([note(100, 0), note(1400, 0)]).toEqual([0, 0]);
  });

  it('forgets a base within 20 s, so that drifting clocks do no harm', () => {
    const drifting = Array.from({ length: 24_000 }, (_, i) => Math.round(i * 0.25));
    expect(after(drifting).delay.standingUs).toBeLessThan(1_100);
  });

  it('keeps the base while it is told that a queue hides it', () => {
    const { delay, clock } = after([0, ...repeated(9_000, 10)]);
    delay.keepsBase = true;
    for (let i = 0; i < 6_000; i++) {
      clock.nowUs += 5_000;
      delay.note(reportOf({ transitUs: (9_000 + 0x7fff_f000) | 0, largestBytes: 1400 }), clock);
    }
    expect(delay.standingUs).toBe(9_000);
  });

  it('counts no queue for short datagrams that are on the link for less time', () => {
    const delay = new QueueDelay();
    const clock = new Clock();
    const usPerByte = 8; // 1 Mbit/s
    for (let i = 0; i < 40; i++) {
      clock.nowUs = i * 5_000;
      const bytes = i % 2 === 0 ? 1400 : 150;
      delay.usPerByte = usPerByte;
      delay.note(reportOf({ transitUs: 20_000 + bytes * usPerByte, largestBytes: bytes }), clock);
    }
    expect(delay.latestUs).toBe(0);
    expect(delay.standingUs).toBe(0);
  });

  it('has another base when told that what stands is no queue, and the old one again', () => {
    const { delay } = after([0, ...repeated(9_000, 12)]);
    delay.raiseBase(delay.standingUs);
    expect(delay.standingUs).toBe(0);
    expect(delay.raisedUs).toBe(9_000);
    delay.restoreBase();
    expect(delay.standingUs).toBe(9_000);
    expect(delay.raisedUs).toBe(0);
  });
});

describe('losses', () => {
  it('are random as far as they were seen where there was room', () => {
    const losses = new Losses();
    for (let i = 0; i < 200; i++)
      losses.count(reportOf({ ackedPackets: 45, lostPackets: 5, ackedBytes: 45, lostBytes: 5 }), 0);
    expect(losses.ratio).toBeCloseTo(0.1, 5);
    expect(losses.innocence).toBe(0);
    for (let i = 0; i < 40; i++) losses.learn(0.05, 100);
    expect(losses.innocence).toBeCloseTo(0.5, 2);
    for (let i = 0; i < 40; i++) losses.learn(0.9, 100);
    expect(losses.randomRatio).toBeLessThanOrEqual(0.4);
    expect(losses.roundPackets).toBe(10_000);
    losses.endRound();
    expect(losses.roundPackets).toBe(0);
    expect(losses.roundRatio).toBe(0);
  });

  it('know the longest queue in which something was lost, once', () => {
    const losses = new Losses();
    const lost = reportOf({ lostPackets: 1, lostBytes: 1 });
    losses.count(reportOf({ ackedPackets: 9, ackedBytes: 9 }), 90_000);
    for (const queueUs of [2_000, 7_000, 5_000]) losses.count(lost, queueUs);
    losses.endRound();
    expect([losses.takeQueueUs(), losses.takeQueueUs()]).toEqual([7_000, 0]);
  });
});
