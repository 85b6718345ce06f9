import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { repairRatio } from './repair-ratio.js';

describe('the repair ratio', () => {
  it.each([
    // loss, burst, window: ratio
    [0, 1, 50, 0],
    [0.001, 1, 50, 0],
    [0.002, 1, 50, 0.03],
    [0.01, 1, 50, 0.074],
    [0.05, 1, 50, 0.192],
    [0.15, 1, 50, 0.396],
    [0.15, 1, 64, 0.368],
    [0.02, 2, 50, 0.176],
    [0.02, 4, 50, 0.258],
    [0.02, 4, 64, 0.23],
    [0.02, 8, 50, 0], // too long for a window of 50
    [0.02, 8, 64, 0.328],
    [0.02, 20, 64, 0],
    [0.5, 1, 50, 0.95],
    [0.5, 4, 50, 1],
    [1, 1, 64, 1],
    [0.05, 1, 5, 0.5], // a slow flow: few packets help each other
    [0.05, 1, 1, 1],
    [0.05, 1.5, 1, 0],
    [0.05, 0, 50, 0.192], // no burst was measured yet
  ])('loss %d in bursts of %d, window %i: %d', (loss, burst, window, ratio) => {
    expect(repairRatio(loss, burst, window)).toBeCloseTo(ratio, 3);
  });

  it('is between 0 and 1, more than the loss where it is not 0 or 1, and grows with the loss', () => {
    const ratio = fc.double({ min: 0, max: 1, noNaN: true });
    const burst = fc.double({ min: 0, max: 100, noNaN: true });
    fc.assert(
      fc.property(ratio, ratio, burst, fc.integer({ min: 1, max: 64 }), (loss, more, mean, window) => {
        const some = repairRatio(loss, mean, window);
        expect(some).toBeGreaterThanOrEqual(0);
        expect(some).toBeLessThanOrEqual(1);
        expect(some === 0 || some > loss || some === 1).toBe(true);
        expect(repairRatio(Math.min(1, loss + more), mean, window)).toBeGreaterThanOrEqual(some);
      }),
    );
  });

  it('answers none for what is no number', () => {
    expect(repairRatio(Number.NaN, 1, 50)).toBe(0);
  });
});
