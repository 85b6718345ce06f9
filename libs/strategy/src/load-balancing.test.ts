import { describe, expect, it } from 'vitest';
import { loadBalancing, type PathSnapshot, type Plan, path, planRequest } from './index.js';

/** Leads one strategy through time. */
function driver(options: Record<string, unknown> = {}): (atMs: number, ...paths: PathSnapshot[]) => Plan {
  const strategy = loadBalancing.create(options);
  let current: Plan | undefined;
  return (atMs, ...paths) => {
    current = strategy.plan(planRequest(atMs * 1000, paths, { current }));
    return current;
  };
}

describe('load-balancing', () => {
  it('keeps flows together and leaves the shares to the measured capacity', () => {
    expect(driver()(0, path(0), path(1, { delayMs: 30 }), path(2, { state: 'down' }))).toEqual({
      mode: 'balance',
      paths: [0, 1],
      pinned: true,
      reason: 'w0 is first (priority 1, 20 ms); w1 with a share of the flows',
    });
  });

  it('spreads packets when told so', () => {
    expect(driver({ by: 'packet' })(0, path(0), path(1)).pinned).toBeUndefined();
  });

  it('takes weights by name, 1 where none is given, and uses a weight of 0 only alone', () => {
    const at = driver({ weights: { w0: 3, w2: 0 } });
    expect(at(0, path(0), path(1), path(2))).toMatchObject({ paths: [0, 1], weights: [3, 1] });
    const down = { state: 'down' } as const;
    expect(at(100, path(0, down), path(1, down), path(2))).toMatchObject({ paths: [2], weights: [1] });
  });

  it.each([
    ['loses every third packet', { lossRatio: 0.34 }],
    ['is far slower', { delayMs: 260 }],
    ['is silent', { state: 'suspect' as const }],
  ])('leaves out a path that %s', (_, change) => {
    expect(driver()(0, path(0), path(1), path(2, change)).paths).toEqual([0, 1]);
  });

  it('takes a lossy path back when it is clearly better, not at the limit', () => {
    const at = driver();
    const uses = (atMs: number, lossRatio: number) =>
      at(atMs, path(0, { capacityMbps: 1 }), path(1, { lossRatio })).paths.includes(1);
    expect([uses(0, 0.29), uses(100, 0.31), uses(200, 0.25), uses(300, 0.19), uses(400, 0.29)]).toEqual([
      true,
      false,
      false,
      true,
      true,
    ]);
  });

  it('says what became of a path', () => {
    const at = driver();
    at(0, path(0), path(1));
    expect(at(100, path(0), path(1, { lossRatio: 0.5 })).reason).toBe('w1 loses 50 %');
    expect(at(200, path(0), path(1)).reason).toMatch(/^w1 joined \(priority 1, 20 ms\)/);
    expect(at(300, path(0, { state: 'suspect' }), path(1)).reason).toMatch(/^w0 went silent, w1 is next/);
  });
});
