import type { TelemetryBatch } from '@corridor/contracts';

/** Two crystals differ by less than this. */
const DRIFT = 100e-6;
/** No connection holds a batch back for so long: the gateway's own clock was set. */
const CLOCK_SET_MS = 300_000;

interface Offset {
  readonly session: number;
  /** UTC minus the vehicle's monotonic clock, as the fastest batch showed it. */
  readonly offsetMs: number;
  readonly atMs: number;
}

/**
 * When batches were sent, by the gateway's clock. A batch may have waited: in the socket of a gateway whose main thread was
 * wedged, or behind a link that was gone. The arrival of the fastest batch of a session says how the vehicle's clock
 * stands to ours, and a late one was sent when its own stamp says (as NTP and RFC 3550 find the least delay).
 */
export class SentTimes {
  readonly #offsets = new Map<string, Offset>();

  /** UTC milliseconds, never after the arrival. */
  sentAtMs(deviceId: string, batch: Pick<TelemetryBatch, 'session' | 'sentMonoMs'>, receivedAtMs: number): number {
    const { session, sentMonoMs } = batch;
    const seen = receivedAtMs - sentMonoMs;
    const known = this.#offsets.get(deviceId);
    let offsetMs = seen;
    if (known?.session === session && seen - known.offsetMs < CLOCK_SET_MS) {
      const elapsedMs = Math.max(0, receivedAtMs - known.atMs);
      offsetMs = Math.min(seen, known.offsetMs + elapsedMs * DRIFT);
    }
    this.#offsets.set(deviceId, { session, offsetMs, atMs: receivedAtMs });
    return sentMonoMs + offsetMs;
  }

  forget(deviceId: string): void {
    this.#offsets.delete(deviceId);
  }
}
