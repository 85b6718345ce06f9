import { expect, it } from 'vitest';
import { SentTimes } from './sent-times.js';

const DEVICE = 'a';
const START_MS = 1_800_000_000_000;
const sent = (times: SentTimes, sentMonoMs: number, receivedAtMs: number, session = 1) =>
  times.sentAtMs(DEVICE, { session, sentMonoMs }, receivedAtMs) - START_MS;

it('takes the arrival for the first batch of a session', () => {
  const times = new SentTimes();
  expect(sent(times, 5_000, START_MS)).toBe(0);
  expect(sent(times, 100, START_MS + 60_000, 2)).toBe(60_000);
});

it('a batch that waited was sent when its stamp says', () => {
  const times = new SentTimes();
  sent(times, 1_000, START_MS);
  // Sent after 1, 2 and 3 s; all read after a minute.
  expect([2_000, 3_000, 4_000].map((mono) => sent(times, mono, START_MS + 60_000))).toEqual([
    expect.closeTo(1_000, -1.2),
    expect.closeTo(2_000, -1.2),
    expect.closeTo(3_000, -1.2),
  ]);
});

it('a faster batch corrects a slow first one', () => {
  const times = new SentTimes();
  sent(times, 1_000, START_MS + 800);
  expect(sent(times, 2_000, START_MS + 1_010)).toBe(1_010);
  expect(sent(times, 3_000, START_MS + 2_500)).toBeCloseTo(2_010, 0);
});

it('never says later than the arrival', () => {
  const times = new SentTimes();
  for (let second = 0; second < 100; second++) {
    const receivedMs = second * 1_000 + (second % 7) * 90;
    expect(sent(times, second * 1_000, START_MS + receivedMs)).toBeLessThanOrEqual(receivedMs);
  }
});

it('follows a vehicle whose clock runs slow by 50 ppm', () => {
  const times = new SentTimes();
  let last = 0;
  for (let second = 0; second <= 10_000; second++)
    last = sent(times, second * 1_000 * (1 - 50e-6), START_MS + second * 1_000);
  expect(last).toBeCloseTo(10_000_000, -1);
});

it('starts anew when the own clock was set forward by hours', () => {
  const times = new SentTimes();
  sent(times, 1_000, START_MS);
  expect(sent(times, 2_000, START_MS + 7_200_000)).toBe(7_200_000);
});
