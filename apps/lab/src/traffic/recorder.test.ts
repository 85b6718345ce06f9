import { describe, expect, it } from 'vitest';
import { FlowRecorder, percentiles } from './recorder.js';

/** A flow of 50 packets/s from time 0; `delays[i]` of packet i, undefined: lost. */
function record(delays: readonly (number | undefined)[]): FlowRecorder {
  const recorder = new FlowRecorder(0, 20_000, 200);
  recorder.sent = delays.length;
  const arrivals = delays.flatMap((delay, number) =>
    delay === undefined ? [] : [{ number, at: number * 20_000 + delay }],
  );
  arrivals.sort((a, b) => a.at - b.at);
  for (const { number, at } of arrivals) recorder.arrived(number, number * 20_000, at);
  return recorder;
}

describe('FlowRecorder', () => {
  it('counts what arrived, and the longest silence between two arrivals with its start', () => {
    const recorder = record([100, 100, undefined, undefined, 100, 100]);
    expect(recorder.received).toBe(4);
    expect(recorder.longestGap(0)).toEqual({ gapUs: 60_000, atUs: 20_100 });
  });

  it('counts the silence at the end when the flow was to go on', () => {
    const recorder = record([100, 100]);
    expect(recorder.longestGap(120_100)).toEqual({ gapUs: 100_000, atUs: 20_100 });
  });

  it('has no gap before the first arrival', () => {
    expect(record([undefined, undefined, 100]).longestGap(40_100).gapUs).toBe(0);
    expect(new FlowRecorder(0, 20_000, 200).longestGap(1e6).gapUs).toBe(0);
  });

  it('tells copies and late ones apart from new ones', () => {
    const recorder = record([100, 50_000, 100]);
    expect(recorder.reordered).toBe(1);
    recorder.arrived(2, 40_000, 70_000);
    expect([recorder.received, recorder.duplicates]).toEqual([3, 1]);
  });

  it('keeps exact percentiles over more packets than its first arrays hold', () => {
    const recorder = record(Array.from({ length: 50_000 }, (_, number) => (number % 100) + 1));
    expect(recorder.delayFigures()).toEqual({ p50Us: 50, p95Us: 95, p99Us: 99, maxUs: 100 });
    expect(recorder.received).toBe(50_000);
  });

  it('shows the last seconds: rate, loss of what had time to arrive, the silence that lasts', () => {
    const recorder = record(
      Array.from({ length: 500 }, (_, number) => (number >= 300 && number < 325 ? undefined : 100)),
    );
    const recent = recorder.recent(10_000_000, Number.POSITIVE_INFINITY);
    // Between 4 and 9 s 250 packets were due, 25 of them lost; the silence from 5.98 s on lasted 26 intervals.
    expect(recent.lossRatio).toBeCloseTo(0.1, 6);
    expect(recent.longestGapUs).toBe(26 * 20_000);
    expect(recent.rateBps).toBeCloseTo((225 * 200 * 8) / 5, -3);
    expect(recorder.recent(20_000_000, Number.POSITIVE_INFINITY).longestGapUs).toBe(5_000_000);
  });
});

describe('percentiles', () => {
  it('takes the nearest rank', () => {
    expect(percentiles(Int32Array.of(30, 10, 20))).toEqual({ p50Us: 20, p95Us: 30, p99Us: 30, maxUs: 30 });
    expect(percentiles(new Int32Array(0))).toEqual({ p50Us: 0, p95Us: 0, p99Us: 0, maxUs: 0 });
  });
});
