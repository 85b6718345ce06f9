/** CLOCK_MONOTONIC in milliseconds: the clock that the tunnels stamp their events with. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
