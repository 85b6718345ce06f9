import type { TrustedClock } from '../clock/trusted-clock.js';
import type { State } from './state.js';

/**
 * The number of this start of the agent: higher than that of every start before, as telemetry is told apart by it. Where
 * the count cannot be read or written (a damaged file, a full disk) the gateway's time in seconds stands in, which is above
 * any count.
 */
export function nextSession(state: State, clock: TrustedClock, warn: (sentence: string) => void): number {
  const seconds = Math.floor((clock.notBeforeMs() ?? 0) / 1000);
  let next: number;
  try {
    next = (state.read('session') ?? 0) + 1;
  } catch (error) {
    warn((error as Error).message);
    next = Math.max(1, seconds);
  }
  try {
    state.write('session', next);
    return next;
  } catch (error) {
    warn((error as Error).message);
    return Math.max(next, seconds);
  }
}
