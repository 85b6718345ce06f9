/** How long a repaired link stays unused: read from the bytes that it carried over time. Pure. */

/** A link counts as in use when this long a stretch carries at least this share of what it carried before the cut. */
const STRETCH_US = 100_000;
const SHARE = 0.5;
/** Less than this before the cut is not traffic but probing: nothing to come back. */
const LEAST_BPS = 30_000;

export interface Carried {
  readonly binUs: number;
  /** Bytes in each bin. */
  readonly bytes: readonly number[];
}

/**
 * Time from the repair until the link carries traffic again, microseconds; Infinity when it did not, undefined when it
 * carried none before the cut.
 *
 * @param before a stretch up to the cut. @param after from the repair on.
 */
export function timeUntilUsed(before: Carried, after: Carried): number | undefined {
  const usual = sum(before.bytes, 0, before.bytes.length) / before.bytes.length;
  if ((usual * 8e6) / before.binUs < LEAST_BPS) return undefined;
  const stretch = Math.round(STRETCH_US / after.binUs);
  for (let first = 0; first + stretch <= after.bytes.length; first++) {
    // The stretch starts with traffic itself, else its start would count up to a stretch too early.
    if (after.bytes[first] >= SHARE * usual && sum(after.bytes, first, first + stretch) >= SHARE * usual * stretch) {
      return first * after.binUs;
    }
  }
  return Number.POSITIVE_INFINITY;
}

function sum(values: readonly number[], from: number, to: number): number {
  let total = 0;
  for (let i = from; i < to; i++) total += values[i];
  return total;
}
