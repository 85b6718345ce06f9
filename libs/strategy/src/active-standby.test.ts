import { describe, expect, it } from 'vitest';
import { activeStandby, type PathSnapshot, type Plan, path, planRequest, type Strategy } from './index.js';

/** Leads one strategy through time; each call answers names of the plan's paths and its reason. */
function driver(options: Record<string, unknown> = {}): (atMs: number, ...paths: PathSnapshot[]) => string {
  const strategy: Strategy = activeStandby.create(options);
  let current: Plan | undefined;
  return (atMs, ...paths) => {
    current = strategy.plan(planRequest(atMs * 1000, paths, { current }));
    return `${current.paths.map((id) => `w${id}`).join(' ')}: ${current.reason}`;
  };
}

describe('active-standby', () => {
  it.each<[string, PathSnapshot[], string]>([
    [
      'the lower priority number, whatever the delay',
      [path(0, { priority: 2 }), path(1, { priority: 1, delayMs: 90 })],
      'w1 w0',
    ],
    ['unmetered before metered of equal priority', [path(0, { metered: true }), path(1, { delayMs: 200 })], 'w1 w0'],
    ['metered of better priority before unmetered', [path(0, { priority: 2 }), path(1, { metered: true })], 'w1 w0'],
    [
      'the lower delay among equals',
      [path(0, { delayMs: 50 }), path(1, { delayMs: 30 }), path(2, { delayMs: 40 })],
      'w1 w2 w0',
    ],
    ['low loss before low delay when loss is high', [path(0, { lossRatio: 0.1 }), path(1, { delayMs: 60 })], 'w1 w0'],
    [
      'up, then suspect, gated, down',
      [
        path(0, { state: 'down' }),
        path(1, { state: 'gated' }),
        path(2, { state: 'suspect' }),
        path(3, { priority: 9 }),
      ],
      'w3 w2 w1 w0',
    ],
    ['measured before unmeasured among equals', [path(0, { delayMs: 0 }), path(1, { delayMs: 300 })], 'w1 w0'],
  ])('prefers %s', (_, paths, expected) => {
    expect(driver()(0, ...paths).split(':')[0]).toBe(expected);
  });

  it('leaves a silent path at once, and says so in words', () => {
    const at = driver();
    expect(at(0, path(0), path(1, { priority: 2, delayMs: 30 }))).toBe('w0 w1: w0 is first (priority 1, 20 ms)');
    expect(at(1, path(0, { state: 'suspect' }), path(1, { priority: 2, delayMs: 30 }))).toBe(
      'w1 w0: w0 went silent, w1 is next (priority 2, 30 ms)',
    );
  });

  it('returns when the better path has been up for a while, not before', () => {
    const at = driver({ returnAfterMs: 800 });
    const other = path(1, { priority: 2 });
    at(0, path(0), other);
    at(100, path(0, { state: 'suspect' }), other);
    at(400, path(0, { state: 'down' }), other);
    at(5_000, path(0, { state: 'gated' }), other);
    expect(at(5_400, path(0), other)).toMatch(/^w1 w0/);
    expect(at(6_199, path(0), other)).toMatch(/^w1 w0/);
    expect(at(6_200, path(0), other)).toBe('w0 w1: w0 is up and steady, and preferred to w1 (priority 1, 20 ms)');
  });

  it('waits twice as long each time that the path fails again soon, and forgives when it stayed up long', () => {
    const at = driver({ returnAfterMs: 1_000 });
    const other = path(1, { priority: 2 });
    let nowMs = 0;
    const upAfterFailureMs = (): number => {
      nowMs += 10;
      at(nowMs, path(0, { state: 'suspect' }), other);
      const backAtMs = nowMs + 10;
      for (nowMs = backAtMs; nowMs - backAtMs < 100_000; nowMs += 100) {
        if (at(nowMs, path(0), other).startsWith('w0')) return nowMs - backAtMs;
      }
      return Number.POSITIVE_INFINITY;
    };
    at(0, path(0), other);
    expect([1, 2, 3, 4].map(upAfterFailureMs)).toEqual([1_000, 2_000, 4_000, 8_000]);
    nowMs += 200_000;
    at(nowMs, path(0), other);
    expect(upAfterFailureMs()).toBe(1_000);
  });

  it('moves between equals only when the other is clearly better for a while', () => {
    const at = driver({ returnAfterMs: 800 });
    const paths = (queueMs: number) => [path(0, { delayMs: 30, queueMs }), path(1, { delayMs: 32 })];
    const first: string[] = [];
    for (let ms = 0; ms < 5_000; ms += 100) first.push(at(ms, ...paths(ms % 500 === 400 ? 6 : 0)).slice(0, 2));
    for (let ms = 5_000; ms < 5_400; ms += 100) first.push(at(ms, ...paths(60)).slice(0, 2));
    for (let ms = 5_400; ms < 9_000; ms += 100) first.push(at(ms, ...paths(0)).slice(0, 2));
    expect(new Set(first)).toEqual(new Set(['w0']));
    let movedAfterMs = -1;
    for (let ms = 9_000; ms < 12_000 && movedAfterMs < 0; ms += 100) {
      if (at(ms, ...paths(60)).startsWith('w1')) movedAfterMs = ms - 9_000;
    }
    expect(movedAfterMs).toBeGreaterThanOrEqual(800);
    expect(movedAfterMs).toBeLessThan(2_000);
    expect(at(12_000, ...paths(60))).toMatch(/w1 is clearly better \(32 ms, w0 \d+ ms\)$/);
  });

  it('keeps a path, the least bad one, when all are down', () => {
    const at = driver();
    const down = (id: number) => path(id, { state: 'down' });
    at(0, path(0), path(1));
    expect(at(100, down(0), path(1, { state: 'gated' }))).toMatch(/^w1 w0: w0 is down/);
    expect(at(200, down(0), down(1))).toMatch(/^w0 w1|^w1 w0/);
    expect(at(300, down(0), path(1, { state: 'suspect' }))).toMatch(/^w1 w0/);
  });

  it('copes with a path that is gone', () => {
    const at = driver();
    at(0, path(0), path(1));
    expect(at(100, path(1))).toBe('w1: the path in use is gone or to be avoided again, w1 is next (priority 1, 20 ms)');
  });

  it('keeps reason and plan when only the order of retreat changed', () => {
    const at = driver();
    const first = at(0, path(0), path(1, { priority: 2 }), path(2, { priority: 3 }));
    const later = at(100, path(0), path(1, { priority: 2, state: 'down' }), path(2, { priority: 3 }));
    expect([first, later]).toEqual([
      'w0 w1 w2: w0 is first (priority 1, 20 ms)',
      'w0 w2 w1: w0 is first (priority 1, 20 ms)',
    ]);
  });
});
