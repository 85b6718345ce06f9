import { describe, expect, it } from 'vitest';
import { type BoundLink, deliveryBound, OPPORTUNITY_BYTES, offeredBps } from './bound.js';
import { LinkDirection } from './link-direction.js';
import { Random } from './random.js';

/** Opportunities written out one after the other, each as the bytes that are left of it. */
function unrolled({ traceMs, delayUs }: BoundLink, cycles: number) {
  const period = traceMs[traceMs.length - 1];
  const opportunities = Array.from({ length: cycles }, (_, cycle) =>
    traceMs.map((ms) => ({ atUs: (cycle * period + ms) * 1_000, left: OPPORTUNITY_BYTES })),
  ).flat();
  return { delayUs, opportunities };
}

/** Takes bytes one opportunity after the other, behind what was taken before; answers the departure. */
function depart(opportunities: { atUs: number; left: number }[], sentAtUs: number, bytes: number): number {
  // What was skipped stays skipped: the flow is served in order.
  let lastUsed = -1;
  for (let i = 0; i < opportunities.length; i++) if (opportunities[i].left < OPPORTUNITY_BYTES) lastUsed = i;
  let rest = bytes;
  for (let i = Math.max(0, lastUsed); i < opportunities.length; i++) {
    const one = opportunities[i];
    if (one.atUs < sentAtUs) continue;
    const part = Math.min(one.left, rest);
    one.left -= part;
    rest -= part;
    if (rest === 0) return one.atUs;
  }
  return Number.POSITIVE_INFINITY;
}

/**
 * Arrivals after sending, each packet on the link on which it is first: worked out anew for every packet by walking all
 * packets before it through every opportunity.
 */
function bruteForce(links: readonly BoundLink[], sendTimesUs: readonly number[], bytes: number): number[] {
  const chosen: number[] = [];
  const arrivals: number[] = [];
  for (const sentAtUs of sendTimesUs) {
    const options = links.map((link, index) => {
      const { opportunities, delayUs } = unrolled(link, 60);
      chosen.forEach((other, packet) => {
        if (other === index) depart(opportunities, sendTimesUs[packet], bytes);
      });
      return depart(opportunities, sentAtUs, bytes) + delayUs;
    });
    const best = Math.min(...options);
    chosen.push(options.indexOf(best));
    arrivals.push(best - sentAtUs);
  }
  return arrivals;
}

function randomLinks(random: Random): BoundLink[] {
  return Array.from({ length: 1 + random.below(3) }, () => {
    const traceMs: number[] = [];
    let ms = random.below(4);
    for (let i = 0; i < 1 + random.below(8); i++) {
      traceMs.push(ms);
      ms += random.below(12);
    }
    traceMs.push(ms + 1 + random.below(20));
    return { traceMs, delayUs: random.below(30) * 1_000 };
  });
}

describe('the bound', () => {
  it('is what walking through every opportunity gives, on tiny traces', () => {
    const random = new Random(11);
    for (let round = 0; round < 300; round++) {
      const links = randomLinks(random);
      const bytes = 100 + random.below(3_000);
      const flow = { bytes, intervalUs: 500 + random.below(9_000), startUs: random.below(20_000), stopUs: 0 };
      flow.stopUs = flow.startUs + flow.intervalUs * (1 + random.below(12));
      const times: number[] = [];
      for (let n = 0; flow.startUs + n * flow.intervalUs < flow.stopUs; n++)
        times.push(flow.startUs + n * flow.intervalUs);
      const expected = Float64Array.from(bruteForce(links, times, bytes)).sort();
      const bound = deliveryBound({ links }, flow);
      expect([...bound.delaysUs], `round ${round}`).toEqual([...expected]);
      expect(bound.floor.maxUs).toBeLessThanOrEqual(bound.maxUs);
      expect(bound).toMatchObject({ sent: times.length, lost: 0 });
    }
  });

  it('is what the link model itself gives for one link, and never above copies on every link', () => {
    const random = new Random(5);
    for (let round = 0; round < 50; round++) {
      const links = randomLinks(random);
      const bytes = 200 + random.below(1_300);
      const flow = { bytes, intervalUs: 5_000, startUs: 0, stopUs: 500_000 };
      const copies = links.map((link) => new LinkDirection({ ...link, queueBytes: 1e9 }, new Random(1)));
      const delays: number[] = [];
      for (let atUs = 0; atUs < flow.stopUs; atUs += flow.intervalUs) {
        delays.push(Math.min(...copies.map((copy) => copy.offer(atUs, bytes) - atUs)));
      }
      const bound = deliveryBound({ links }, flow);
      const sorted = Float64Array.from(delays).sort();
      expect(bound.delaysUs.length).toBe(sorted.length);
      for (const [i, delayUs] of bound.delaysUs.entries()) expect(delayUs).toBeLessThanOrEqual(sorted[i]);
      if (links.length === 1) expect([...bound.delaysUs]).toEqual([...sorted]);
    }
  });

  it('counts as lost what arrives too late', () => {
    const links = [{ traceMs: [100], delayUs: 10_000 }];
    const flow = { bytes: 1_000, intervalUs: 10_000, startUs: 0, stopUs: 100_000 };
    expect(deliveryBound({ links }, { ...flow, untilUs: 310_000 })).toMatchObject({ sent: 10, lost: 6 });
  });

  it('offers what the traces have in the window', () => {
    const links = [
      { traceMs: [0, 10, 10, 20], delayUs: 0 },
      { traceMs: [5, 40], delayUs: 0 },
    ];
    // In 0 to 40 ms: 0, 10, 10, 20, 20 (again from the start), 30, 30, and 5.
    expect(offeredBps(links, 0, 40_000)).toBeCloseTo((8 * 1500 * 8) / 0.04);
    expect(() => offeredBps(links, 5, 5)).toThrow(/toUs/);
  });

  it.each([
    [{ links: [] }, {}, /links/],
    [{ links: [{ traceMs: [0], delayUs: 0 }] }, {}, /traceMs/],
    [{ links: [{ traceMs: [4], delayUs: 0 }] }, { bytes: 0 }, /bytes/],
    [{ links: [{ traceMs: [4], delayUs: 0 }] }, { intervalUs: 0 }, /intervalUs/],
  ])('refuses %j %j', (traces, change, message) => {
    const flow = { bytes: 100, intervalUs: 1_000, startUs: 0, stopUs: 10_000, ...change };
    expect(() => deliveryBound(traces, flow)).toThrow(message);
  });
});
