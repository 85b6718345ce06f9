import { expect, test } from 'vitest';
import { Backoff, Pause } from './backoff.js';

test('pauses double to their limit, the upper half of each at random', () => {
  const [least, most] = [new Backoff(500, 4000, () => 0), new Backoff(500, 4000, () => 1)];
  expect(Array.from({ length: 6 }, () => least.next())).toEqual([250, 500, 1000, 2000, 2000, 2000]);
  expect(Array.from({ length: 6 }, () => most.next())).toEqual([500, 1000, 2000, 4000, 4000, 4000]);
  most.reset();
  expect(most.next()).toBe(500);
});

test('a thousand failures are no overflow', () => {
  const backoff = new Backoff(500, 15_000, () => 1);
  for (let n = 0; n < 1000; n++) backoff.next();
  expect(backoff.next()).toBe(15_000);
});

test('a pause ends when it is cut, and only once', async () => {
  const pause = new Pause();
  const over = pause.wait(3_600_000);
  pause.cut();
  await over;
  pause.cut();
});
