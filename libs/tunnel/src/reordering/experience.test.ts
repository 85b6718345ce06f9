import { expect, it } from 'vitest';
import { bucketOf, endOf } from './experience.js';
import { MAX_HOLD_US } from './limits.js';

it('a lateness lies in a bucket that ends after it, by a quarter of it at most', () => {
  let last = 0;
  for (let us = 0; us <= MAX_HOLD_US; us += 97) {
    const bucket = bucketOf(us);
    expect(endOf(bucket)).toBeGreaterThan(us);
    expect(endOf(bucket)).toBeLessThanOrEqual(us * 1.25 + 256);
    expect(bucket - last === 0 || bucket - last === 1).toBe(true);
    last = bucket;
  }
});

it('times that cannot be are in the first and in the last bucket', () => {
  expect(bucketOf(-5)).toBe(0);
  expect(endOf(bucketOf(2_000_000_000))).toBeGreaterThan(MAX_HOLD_US);
});
