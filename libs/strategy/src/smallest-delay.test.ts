import { describe, expect, it } from 'vitest';
import { noise, type PathSnapshot, type Plan, path, planRequest, smallestDelay } from './index.js';

function driver(options: Record<string, unknown> = {}): (atMs: number, ...paths: PathSnapshot[]) => Plan {
  const strategy = smallestDelay.create(options);
  let current: Plan | undefined;
  return (atMs, ...paths) => {
    current = strategy.plan(planRequest(atMs * 1000, paths, { current }));
    return current;
  };
}

describe('smallest-delay', () => {
  it.each<[string, PathSnapshot[], number[]]>([
    [
      'the lowest delay, whatever the priority and price',
      [path(0, { delayMs: 40 }), path(1, { priority: 5, metered: true })],
      [1, 0],
    ],
    [
      'the sending direction: its queue counts',
      [path(0, { delayMs: 20, queueMs: 50 }), path(1, { delayMs: 40 })],
      [1, 0],
    ],
    ['priority, then price, among equals', [path(0, { priority: 2 }), path(1, { metered: true }), path(2)], [2, 1, 0]],
    ['health before delay', [path(0, { delayMs: 5, state: 'gated' }), path(1, { delayMs: 400 })], [1, 0]],
  ])('prefers %s', (_, paths, expected) => {
    expect(driver()(0, ...paths).paths).toEqual(expected);
  });

  it('moves when another is clearly faster for the time given, and says by how much', () => {
    const at = driver({ betterByMs: 5, forMs: 500 });
    const moved: number[] = [];
    for (let ms = 0; ms < 1_000; ms += 50) at(ms, path(0, { delayMs: 20 }), path(1, { delayMs: 30 }));
    for (let ms = 1_000; ms < 4_000; ms += 50) {
      const plan = at(ms, path(0, { delayMs: 20, queueMs: 80 }), path(1, { delayMs: 30 }));
      if (plan.paths[0] === 1) moved.push(ms);
    }
    expect(moved[0]).toBeGreaterThanOrEqual(1_500);
    expect(moved[0]).toBeLessThan(2_500);
    expect(moved.length).toBe((4_000 - moved[0]) / 50);
    expect(at(4_000, path(0, { delayMs: 20, queueMs: 80 }), path(1, { delayMs: 30 })).reason).toBe(
      'w1 is clearly better (30 ms), w0 has 100 ms',
    );
  });

  it('does not move for the delay spike of a handover', () => {
    const at = driver();
    for (let ms = 0; ms < 20_000; ms += 50) {
      const queueMs = ms % 2_000 >= 1_850 ? 120 : 0;
      expect(at(ms, path(0, { delayMs: 20, queueMs }), path(1, { delayMs: 30 })).paths[0]).toBe(0);
    }
  });

  it('leaves a suspect, gated or down path at once', () => {
    for (const state of ['suspect', 'gated', 'down'] as const) {
      const at = driver();
      at(0, path(0), path(1, { delayMs: 90 }));
      const plan = at(1, path(0, { state }), path(1, { delayMs: 90 }));
      expect(plan.paths).toEqual([1, 0]);
      expect(plan.reason).toMatch(/^w0 (went silent|has to prove itself first|is down), w1 is next/);
    }
  });

  it('settles on one of two equal paths under any noise', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = noise(seed);
      const at = driver();
      let switches = 0;
      let last = -1;
      for (let ms = 0; ms < 60_000; ms += 100) {
        const plan = at(
          ms,
          path(0, { delayMs: 30, queueMs: random() * 25 }),
          path(1, { delayMs: 30, queueMs: random() * 25 }),
        );
        if (last >= 0 && plan.paths[0] !== last) switches++;
        last = plan.paths[0];
      }
      expect(switches, `seed ${seed}`).toBeLessThanOrEqual(3);
    }
  });

  it('does not chase its own queue: what it moves onto fills up, what it leaves empties', () => {
    const at = driver();
    const queueMs = [0, 0];
    let active = 0;
    let switches = 0;
    for (let ms = 0; ms < 120_000; ms += 100) {
      queueMs[active] = Math.min(150, queueMs[active] + 10);
      queueMs[1 - active] = Math.max(0, queueMs[1 - active] - 20);
      const next = at(ms, path(0, { queueMs: queueMs[0] }), path(1, { delayMs: 25, queueMs: queueMs[1] })).paths[0];
      if (next !== active) switches++;
      active = next;
    }
    expect(switches).toBeGreaterThan(0);
    expect(switches).toBeLessThan(16);
  });

  it('does not wait on a path that drops packets by the dozen until a better one has settled', () => {
    const at = driver();
    at(0, path(0, { delayMs: 23 }), path(1, { delayMs: 30 }));
    // The first is left for its suspicion, several times: it has to settle for long.
    let ms = 0;
    for (let round = 0; round < 6; round++) {
      for (const end = ms + 700; ms < end; ms += 50)
        at(ms, path(0, { delayMs: 23, state: 'suspect' }), path(1, { delayMs: 30 }));
      for (const end = ms + 700; ms < end; ms += 50) at(ms, path(0, { delayMs: 23 }), path(1, { delayMs: 30 }));
    }
    const start = ms;
    let leftAt = -1;
    for (; ms < start + 10_000 && leftAt < 0; ms += 50) {
      const plan = at(ms, path(0, { delayMs: 23 }), path(1, { delayMs: 30, queueMs: 400, lossRatio: 0.6 }));
      if (plan.paths[0] === 0) leftAt = ms - start;
    }
    expect(leftAt).toBeGreaterThanOrEqual(0);
    expect(leftAt).toBeLessThan(2_000);
  });

  it('follows every wink when told to', () => {
    const at = driver({ betterByMs: 0, forMs: 0 });
    expect(at(0, path(0, { delayMs: 20 }), path(1, { delayMs: 30 })).paths[0]).toBe(0);
    expect(at(1, path(0, { delayMs: 40 }), path(1, { delayMs: 30 })).paths[0]).toBe(1);
  });
});
