import { describe, expect, it } from 'vitest';
import { LIMIT_KEPT_US, LIMIT_WINDOW_US } from './constants.js';
import { ShownLimit } from './shown-limit.js';

describe('the limit that a path has shown', () => {
  it('is unknown until a queue stands, and again when more arrives without one', () => {
    const limit = new ShownLimit();
    expect(limit.above(10)).toBe(Number.POSITIVE_INFINITY);
    limit.note(10, 0);
    expect([limit.above(10), limit.above(10.9)]).toEqual([10, 10.9]);
    expect(limit.above(12)).toBe(Number.POSITIVE_INFINITY);
  });

  it('is the present one for a while after a cliff, and then the most of the last seconds', () => {
    const limit = new ShownLimit();
    limit.note(20, 0);
    limit.note(2, 1_000_000);
    limit.note(0, 1_000_000 + LIMIT_KEPT_US);
    expect(limit.above(2)).toBe(2);
    limit.note(0, 1_000_001 + LIMIT_KEPT_US);
    expect(limit.above(2)).toBe(20);
  });

  it('is forgotten after one to two windows', () => {
    const limit = new ShownLimit();
    limit.note(20, 0);
    limit.note(0, LIMIT_WINDOW_US);
    expect(limit.above(15)).toBe(20);
    limit.note(0, 2 * LIMIT_WINDOW_US);
    expect(limit.above(15)).toBe(Number.POSITIVE_INFINITY);
    limit.note(20, 2 * LIMIT_WINDOW_US + 1);
    limit.note(0, 5 * LIMIT_WINDOW_US);
    expect(limit.above(15)).toBe(Number.POSITIVE_INFINITY);
  });
});
