/**
 * The engine stamps everything with CLOCK_MONOTONIC, microseconds; the rest of the gateway speaks UTC. Both are read here at
 * the same moment, so that a message that waited for the main thread keeps the time at which it was made.
 */
export function engineNowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** UTC, milliseconds, of a moment on the engine's clock. */
export function wallMs(atUs: number, nowMs: number, nowUs = engineNowUs()): number {
  return nowMs - Math.max(0, nowUs - atUs) / 1000;
}
