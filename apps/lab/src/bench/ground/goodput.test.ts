import { describe, expect, it } from 'vitest';
import { goodputBps, timeUntilBps } from './goodput.js';

/** 100 ms bins of 12,500 bytes: 1 Mbit/s. */
function arrivals(megabits: readonly number[]) {
  return { startUs: 0, binUs: 100_000, bytes: megabits.map((rate) => rate * 12_500) };
}

describe('goodput', () => {
  it('is what arrived in the window over its length', () => {
    expect(goodputBps(arrivals([1, 3, 5]), 0, 300_000)).toBe(3e6);
    expect(goodputBps(arrivals([1, 3, 5]), 100_000, 300_000)).toBe(4e6);
  });

  it('takes of a bin what lies in the window, and nothing behind the last arrival', () => {
    expect(goodputBps(arrivals([2, 4]), 50_000, 150_000)).toBe(3e6);
    expect(goodputBps(arrivals([2]), 0, 400_000)).toBe(0.5e6);
    expect(goodputBps(arrivals([]), 0, 1)).toBe(0);
  });

  it('refuses a window without length', () => {
    expect(() => goodputBps(arrivals([1]), 5, 5)).toThrow(RangeError);
  });

  it('tells when a rate was reached for a whole window', () => {
    const rising = arrivals([0, 1, 2, 3, 3, 3]);
    expect(timeUntilBps(rising, 3e6, 100_000, 200_000)).toBe(400_000);
    expect(timeUntilBps(rising, 4e6, 0, 200_000)).toBe(Number.POSITIVE_INFINITY);
    expect(timeUntilBps(rising, 0, 0, 100_000)).toBe(100_000);
  });
});
