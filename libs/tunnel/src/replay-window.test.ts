import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { REPLAY_WINDOW, ReplayWindow } from './replay-window.js';

/** What the window must do, without any cleverness. */
class NaiveWindow {
  private readonly seen = new Set<number>();
  private largest = -1;
  isFresh(number: number): boolean {
    return number > this.largest || (this.largest - number < REPLAY_WINDOW && !this.seen.has(number));
  }
  mark(number: number): boolean {
    const fresh = this.isFresh(number);
    if (fresh) this.seen.add(number);
    this.largest = Math.max(this.largest, number);
    return fresh;
  }
}

describe('the replay window', () => {
  it('is at least 8192 numbers wide', () => {
    expect(REPLAY_WINDOW).toBeGreaterThanOrEqual(8192);
  });

  it('answers as a plain set does, for any order of numbers, also above 32 bits', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: -40, max: 40 }) },
      { weight: 3, arbitrary: fc.integer({ min: -REPLAY_WINDOW - 40, max: REPLAY_WINDOW + 40 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 3 * REPLAY_WINDOW }) },
    );
    const start = fc.constantFrom(0, 31, 2 ** 31 - 20, 2 ** 32 - 20, 2 ** 32 + 5, 2 ** 47);
    fc.assert(
      fc.property(start, fc.array(step, { maxLength: 300 }), (from, steps) => {
        const window = new ReplayWindow();
        const naive = new NaiveWindow();
        let number = from;
        for (const by of steps) {
          number = Math.max(0, number + by);
          expect(window.isFresh(number)).toBe(naive.isFresh(number));
          expect(window.mark(number)).toBe(naive.mark(number));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('forgets what a jump of more than its width leaves behind', () => {
    const window = new ReplayWindow();
    for (let number = 0; number < 100; number++) window.mark(number);
    expect(window.mark(100 + 3 * REPLAY_WINDOW)).toBe(true);
    expect(window.largest).toBe(100 + 3 * REPLAY_WINDOW);
    expect(window.isFresh(99)).toBe(false);
    expect(window.isFresh(101 + 2 * REPLAY_WINDOW)).toBe(true);
  });
});
