import { describe, expect, it } from 'vitest';
import { timeUntilUsed } from './recovery.js';

const BIN_US = 10_000;
/** Bytes in a bin of 10 ms at 1 Mbit/s. */
const FULL = 1250;

function bins(...parts: readonly [bins: number, bytes: number][]) {
  return { binUs: BIN_US, bytes: parts.flatMap(([count, bytes]) => new Array<number>(count).fill(bytes)) };
}

describe('timeUntilUsed', () => {
  const before = bins([100, FULL]);

  it.each([
    ['at once', bins([100, FULL]), 0],
    ['after 500 ms', bins([50, 0], [50, FULL]), 500_000],
    ['after probes that are not yet traffic', bins([30, 100], [50, FULL]), 300_000],
    ['not for a single burst', bins([10, 0], [2, FULL], [50, 0], [20, FULL]), 620_000],
    ['never', bins([100, 0]), Number.POSITIVE_INFINITY],
  ])('counts a link as used %s', (_, after, expected) => {
    expect(timeUntilUsed(before, after)).toBe(expected);
  });

  it('has no answer for a link that carried nothing before', () => {
    expect(timeUntilUsed(bins([100, 10]), bins([100, FULL]))).toBeUndefined();
  });
});
