import { describe, expect, it } from 'vitest';
import { type PathSnapshot, type Plan, path, planRequest, priorityBased } from './index.js';

/** Leads one strategy through time. */
function driver(options: Record<string, unknown> = {}): (atMs: number, ...paths: PathSnapshot[]) => Plan {
  const strategy = priorityBased.create(options);
  let current: Plan | undefined;
  return (atMs, ...paths) => {
    current = strategy.plan(planRequest(atMs * 1000, paths, { current }));
    return current;
  };
}

describe('priority-based', () => {
  it('fills paths in the order of the operator, whatever their delay', () => {
    const paths = [path(0, { priority: 3 }), path(1, { priority: 2, delayMs: 60 }), path(2, { delayMs: 90 })];
    expect(driver()(0, ...paths)).toEqual({
      mode: 'spill',
      paths: [2, 1, 0],
      preferUs: 30_000,
      reason: 'w2 is first (priority 1, 90 ms); w1, w0 for what does not fit',
    });
  });

  it('prefers what costs nothing by the byte among equals', () => {
    expect(driver()(0, path(0, { metered: true }), path(1, { delayMs: 50 })).paths).toEqual([1, 0]);
  });

  it('takes the threshold in milliseconds', () => {
    expect(driver({ thresholdMs: 120 })(0, path(0)).preferUs).toBe(120_000);
  });

  it('moves on at once and returns when the preferred path has settled', () => {
    const at = driver();
    const [first, second] = [path(0), path(1, { priority: 2 })];
    at(0, first, second);
    expect(at(100, path(0, { state: 'suspect' }), second).paths).toEqual([1]);
    expect(at(200, first, second)).toMatchObject({ paths: [1, 0] });
    expect(at(900, first, second)).toMatchObject({ paths: [1, 0] });
    expect(at(1_000, first, second)).toMatchObject({
      paths: [0, 1],
      reason: 'w0 is up and steady, and preferred to w1 (priority 1, 20 ms); w1 for what does not fit',
    });
  });
});
