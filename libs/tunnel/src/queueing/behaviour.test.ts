import { describe, expect, it } from 'vitest';
import { Bottleneck, ConstantRate, plainClass, quantile, Tcp } from '../../test/bottleneck.js';

/** 10 Mbit/s: a packet of 1,500 bytes takes 1.2 ms. */
const RATE = 1_250_000;
const PACKET_US = 1_200;
const SECOND = 1_000_000;
const MS = 1_000;

/** Saturates the link alone, `times` as fast as it is. */
const greedy = (flow: number, classIndex: number, times: number, length = 1_500) =>
  new ConstantRate((length * SECOND) / (RATE * times), flow, classIndex, length);
const tcps = (count: number, ect = false) =>
  Array.from({ length: count }, (_, index) => new Tcp(40 * MS, index + 1, 0, 1_500, ect));
/** 50 small packets a second. */
const sparse = (classIndex = 0) => new ConstantRate(20 * MS, 4_000, classIndex, 120);

function measured(bottleneck: Bottleneck): Bottleneck {
  bottleneck.run(5 * SECOND);
  bottleneck.measureFromNow();
  bottleneck.run(10 * SECOND);
  return bottleneck;
}

describe('fairness between the flows of a class', () => {
  it.each([2, 3, 10, 50])('%i saturating flows get the same bytes, whatever their packets and rates', (count) => {
    const sources = Array.from({ length: count }, (_, i) =>
      greedy(i + 1, 0, (1 + (i % 3)) / 2, 200 + ((i * 377) % 1_300)),
    );
    const { utilisation } = measured(new Bottleneck(RATE, sources));
    const fair = (RATE * 10) / count;
    for (const { bytes } of sources) expect(Math.abs(bytes - fair)).toBeLessThan(Math.max(0.01 * fair, 3_000));
    expect(utilisation).toBeGreaterThan(0.999);
  });

  it('a flow that asks for less than its part gets all of it', () => {
    const modest = new ConstantRate(10 * MS, 9, 0, 1_000);
    measured(new Bottleneck(RATE, [greedy(1, 0, 2), greedy(2, 0, 2), modest]));
    expect(modest.drops).toBe(0);
    expect(modest.bytes).toBeGreaterThanOrEqual(999_000);
    expect(quantile(modest.sojournsUs, 1)).toBeLessThan(4 * PACKET_US);
  });
});

describe('CoDel', () => {
  it.each([1, 4])('keeps the queue of %i TCP flows near its target, while a sparse flow passes at once', (count) => {
    const flows = tcps(count);
    const thin = sparse();
    const { utilisation } = measured(new Bottleneck(RATE, [...flows, thin]));
    const sojourns = flows.flatMap((flow) => flow.sojournsUs);
    // Measured: 1.2 and 8.3 ms; 95th percentile 7 and 13 ms. A FIFO of 2,048 packets: above 1.2 s.
    expect(quantile(sojourns, 0.5)).toBeLessThan(10 * MS);
    expect(quantile(sojourns, 0.95)).toBeLessThan(20 * MS);
    expect(quantile(thin.sojournsUs, 1)).toBeLessThan(3 * PACKET_US);
    expect(thin.drops).toBe(0);
    // Reno halves its window: with one flow and a queue of 5 ms the link idles at times.
    expect(utilisation).toBeGreaterThan(count === 1 ? 0.85 : 0.97);
  });

  it('marks instead of dropping where the senders take part in ECN', () => {
    const flows = tcps(4, true);
    measured(new Bottleneck(RATE, flows));
    expect(flows.map(({ drops }) => drops)).toEqual([0, 0, 0, 0]);
    for (const { marks } of flows) expect(marks).toBeGreaterThan(10);
    expect(
      quantile(
        flows.flatMap((flow) => flow.sojournsUs),
        0.5,
      ),
    ).toBeLessThan(10 * MS);
  });

  it('lets a longer queue stand where its target is raised', () => {
    const medians = [5 * MS, 30 * MS].map((target) => {
      const flows = tcps(4);
      const bottleneck = new Bottleneck(RATE, flows);
      bottleneck.queues.setTarget(0, target);
      measured(bottleneck);
      return quantile(
        flows.flatMap((flow) => flow.sojournsUs),
        0.5,
      );
    });
    expect(medians[0]).toBeLessThan(10 * MS);
    expect(medians[1]).toBeGreaterThan(20 * MS);
    expect(medians[1]).toBeLessThan(50 * MS);
  });

  it('is off at a target of infinity, set before anything was queued', () => {
    const flow = greedy(1, 0, 1.05);
    const bottleneck = new Bottleneck(RATE, [flow]);
    bottleneck.queues.setTarget(0, Number.POSITIVE_INFINITY);
    bottleneck.run(10 * SECOND);
    expect(flow.drops).toBe(0);
    expect(quantile(flow.sojournsUs, 1)).toBeGreaterThan(400 * MS);
    bottleneck.queues.setTarget(0, 5 * MS);
    bottleneck.run(2 * SECOND);
    expect(flow.drops).toBeGreaterThan(5);
  });

  it('drops nothing of what a failed path has left behind while it is pardoned', () => {
    const lost = [0, 2 * SECOND].map((us) => {
      const video = new ConstantRate(2 * MS, 1, 0, 1_200);
      const bottleneck = new Bottleneck(RATE, [video]);
      bottleneck.run(1 * SECOND);
      // Nothing went out for 400 ms: the queue takes 370 ms to drain.
      const stopped = bottleneck.clock.nowUs + 400 * MS;
      bottleneck.stallUntil(stopped);
      bottleneck.run(400 * MS);
      bottleneck.queues.pardon(us, bottleneck.clock);
      bottleneck.run(3 * SECOND);
      return video.drops;
    });
    expect(lost[0]).toBeGreaterThan(0);
    expect(lost[1]).toBe(0);
  });

  it('leaves a flow of single packets alone, however long each waits', () => {
    // 0.1 Mbit/s: each packet takes 120 ms.
    const slow = new ConstantRate(125 * MS, 1);
    measured(new Bottleneck(12_500, [slow]));
    expect(slow.drops).toBe(0);
  });
});

describe('classes', () => {
  const classes = [
    { ...plainClass, minShare: 0.05, priority: 8 },
    { ...plainClass, minShare: 0.05, priority: 1 },
    { ...plainClass, minShare: 0.2, priority: 3 },
    { ...plainClass, urgent: true, priority: 1 },
  ];

  it('a saturating class leaves each other one its minimum share, and gets all the rest', () => {
    const sources = [greedy(1, 0, 2), greedy(1, 1, 2), greedy(1, 2, 2)];
    measured(new Bottleneck(RATE, sources, classes));
    const parts = sources.map(({ bytes }) => bytes / (RATE * 10));
    expect(parts[0]).toBeCloseTo(0.05, 2);
    expect(parts[2]).toBeCloseTo(0.2, 2);
    expect(parts[1]).toBeCloseTo(0.75, 2);
  });

  it('what a class does not use goes by priority', () => {
    const modest = new ConstantRate(15 * MS, 1, 1);
    const sources = [greedy(1, 0, 2), modest, greedy(1, 2, 2)];
    measured(new Bottleneck(RATE, sources, classes));
    const parts = sources.map(({ bytes }) => bytes / (RATE * 10));
    expect(parts[1]).toBeCloseTo(0.08, 2);
    expect(parts[2]).toBeCloseTo(0.87, 2);
    expect(parts[0]).toBeCloseTo(0.05, 2);
    expect(quantile(modest.sojournsUs, 0.99)).toBeLessThan(4 * PACKET_US);
  });

  it('shares that add up to more than 0.9 are cut alike', () => {
    const halves = [1, 2, 3, 4].map((priority) => ({ ...plainClass, minShare: 0.5, priority }));
    const sources = halves.map((_, index) => greedy(1, index, 2));
    measured(new Bottleneck(RATE, sources, halves));
    const parts = sources.map(({ bytes }) => bytes / (RATE * 10));
    for (const part of parts.slice(1)) expect(part).toBeCloseTo(0.225, 2);
    expect(parts[0]).toBeCloseTo(0.325, 2);
  });

  it('urgent packets go before everything else, shares or not', () => {
    const urgent = sparse(3);
    measured(new Bottleneck(RATE, [greedy(1, 0, 2), greedy(1, 1, 2), greedy(1, 2, 2), urgent], classes));
    expect(urgent.drops).toBe(0);
    expect(quantile(urgent.sojournsUs, 1)).toBeLessThan(PACKET_US + 200);
  });
});
