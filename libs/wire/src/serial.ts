/** Serial number arithmetic over 32 bits (RFC 1982) for flow sequences and send stamps. */

/** Signed distance from `b` to `a`: positive when `a` is later. Exact while the two are less than 2^31 apart. */
export function serialDistance(a: number, b: number): number {
  return (a - b) | 0;
}

/** Microseconds of a monotonic clock as a send stamp: modulo 2^32, wraps after about 71 minutes. */
export function stampOf(nowUs: number): number {
  return nowUs >>> 0;
}
