/** Rates out of what arrived when. Pure. */

/** Payload bytes by time, from `startUs` on, `binUs` a bin. */
export interface Arrivals {
  readonly startUs: number;
  readonly binUs: number;
  readonly bytes: readonly number[];
}

/**
 * Mean rate between two times since the start, bits per second; bins that the window cuts count by their share, and where
 * nothing arrived any more the rate was 0.
 *
 * @throws RangeError for a window without length.
 */
export function goodputBps({ binUs, bytes }: Arrivals, fromUs: number, toUs: number): number {
  if (!(toUs > fromUs)) throw new RangeError(`a window from ${fromUs} to ${toUs} us has no length`);
  let sum = 0;
  for (let bin = Math.floor(fromUs / binUs); bin < Math.min(bytes.length, Math.ceil(toUs / binUs)); bin++) {
    const overlapUs = Math.min(toUs, (bin + 1) * binUs) - Math.max(fromUs, bin * binUs);
    sum += ((bytes[bin] ?? 0) * overlapUs) / binUs;
  }
  return (sum * 8e6) / (toUs - fromUs);
}

/** From `fromUs` on, how long until a whole window of `windowUs` carried at least `bps`; Infinity: never. */
export function timeUntilBps(arrivals: Arrivals, bps: number, fromUs: number, windowUs: number): number {
  const { binUs, bytes } = arrivals;
  const firstBin = Math.ceil(fromUs / binUs);
  for (let bin = firstBin; (bin * binUs + windowUs) / binUs <= bytes.length; bin++) {
    if (goodputBps(arrivals, bin * binUs, bin * binUs + windowUs) >= bps) return bin * binUs + windowUs - fromUs;
  }
  return Number.POSITIVE_INFINITY;
}
