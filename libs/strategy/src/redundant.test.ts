import { describe, expect, it } from 'vitest';
import { type PathSnapshot, type Plan, path, planRequest, redundant } from './index.js';

function driver(options: Record<string, unknown> = {}): (atMs: number, ...paths: PathSnapshot[]) => Plan {
  const strategy = redundant.create(options);
  let current: Plan | undefined;
  return (atMs, ...paths) => {
    current = strategy.plan(planRequest(atMs * 1000, paths, { current }));
    return current;
  };
}

describe('redundant', () => {
  it.each<[string, Record<string, unknown>, PathSnapshot[], number[]]>([
    ['all paths, best first', {}, [path(0, { priority: 2 }), path(1), path(2, { priority: 3 })], [1, 0, 2]],
    ['as many as asked for', { copies: 2 }, [path(0, { priority: 2 }), path(1), path(2, { priority: 3 })], [1, 0]],
    ['one', { copies: 1 }, [path(0, { delayMs: 40 }), path(1)], [1]],
    ['all there are when more are asked for', { copies: 200 }, [path(0), path(1)], [0, 1]],
    [
      'suspect and gated ones too, after the healthy',
      {},
      [path(0, { state: 'gated' }), path(1, { state: 'suspect' }), path(2)],
      [2, 1, 0],
    ],
    ['none that is down', {}, [path(0, { state: 'down' }), path(1, { state: 'gated' })], [1]],
    ['the least bad when all are down', {}, [path(0, { state: 'down', priority: 2 }), path(1, { state: 'down' })], [1]],
    ['the unmetered first', { copies: 2 }, [path(0, { metered: true }), path(1), path(2)], [1, 2]],
  ])('copies to %s', (_, options, paths, expected) => {
    expect(driver(options)(0, ...paths)).toMatchObject({ mode: 'copies', paths: expected });
  });

  it('says what changed', () => {
    const at = driver();
    expect(at(0, path(0), path(1, { priority: 2 })).reason).toBe('copies on w0, w1');
    expect(at(100, path(0, { state: 'down' }), path(1, { priority: 2 })).reason).toBe('w0 is down, copies on w1');
    expect(at(200, path(0, { state: 'gated' }), path(1, { priority: 2 })).reason).toBe(
      'w0 joined (priority 1, 20 ms), copies on w1, w0',
    );
    at(300, path(0), path(1, { priority: 2 }));
    expect(at(5_000, path(0), path(1, { priority: 2 })).reason).toBe('copies on w0, w1, best first');
  });

  it('replaces a member that went silent at once and takes it back when it has been up for a while', () => {
    const at = driver({ copies: 2 });
    const rest = [path(1, { priority: 2 }), path(2, { priority: 3 })];
    expect(at(0, path(0), ...rest).paths).toEqual([0, 1]);
    expect(at(10, path(0, { state: 'suspect' }), ...rest).paths).toEqual([1, 2]);
    expect(at(500, path(0), ...rest).paths).toEqual([1, 2]);
    expect(at(1_299, path(0), ...rest).paths).toEqual([1, 2]);
    expect(at(1_300, path(0), ...rest).paths).toEqual([0, 1]);
  });
});
