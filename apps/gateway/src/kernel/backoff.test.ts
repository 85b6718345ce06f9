import { expect, test } from 'vitest';
import { Backoff } from './backoff.js';

test('waits twice as long each time, up to the longest, of which a random half is taken off', () => {
  const longest = new Backoff(250, 15_000, () => 1);
  expect(Array.from({ length: 9 }, () => longest.next())).toEqual([
    250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000,
  ]);
  const shortest = new Backoff(250, 15_000, () => 0);
  expect([shortest.next(), shortest.next()]).toEqual([125, 250]);
});

test('begins anew after a success, and never overflows', () => {
  const backoff = new Backoff(250, 15_000, () => 1);
  for (let failure = 0; failure < 2_000; failure++) expect(backoff.next()).toBeLessThanOrEqual(15_000);
  backoff.reset();
  expect(backoff.next()).toBe(250);
});
