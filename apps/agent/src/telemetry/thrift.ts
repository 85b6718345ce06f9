import type { PeerStatus } from '@corridor/tunnel';

/**
 * Seconds between two frames while only metered paths are there and nothing but the control channel uses them: less often
 * would make the gateway call a vehicle stale (STALE_AFTER_SECONDS of contracts, less the time that a bad link may take).
 */
export const THRIFTY_SECONDS = 3;
/**
 * After so long without a connection, milliseconds, a frame is kept only so often: each takes 3 KB of memory, and two hours
 * of them one a second would be a quarter of all that the agent may have.
 */
const LONG_OFFLINE_MS = 600_000;
export const OFFLINE_SECONDS = 10;
/** What the control channel itself takes, and a little more, both directions together: bytes of inner packets per second. */
const IDLE_BYTES_PER_SECOND = 8000;

/** Decides which of the seconds get a frame: all, unless bytes cost money for nothing, or memory runs short. */
export class Thrift {
  #bytes = 0;
  #atMs = Number.NEGATIVE_INFINITY;
  #frameAtMs = Number.NEGATIVE_INFINITY;

  /**
   * Call once a second.
   * @param monoMs monotonic milliseconds
   * @param offlineMs since when there is no control connection; 0 while there is one
   */
  frameDue(peer: PeerStatus | undefined, monoMs: number, offlineMs: number): boolean {
    const bytes = (peer?.counters.bytesSent ?? 0) + (peer?.counters.bytesDelivered ?? 0);
    const rate = (Math.max(0, bytes - this.#bytes) * 1000) / (monoMs - this.#atMs);
    this.#bytes = bytes;
    this.#atMs = monoMs;
    const idle = peer !== undefined && onlyMetered(peer) && rate < IDLE_BYTES_PER_SECOND;
    const seconds = offlineMs > LONG_OFFLINE_MS ? OFFLINE_SECONDS : idle ? THRIFTY_SECONDS : 1;
    // Half a second less: timers are late by milliseconds, and a frame must not slip to the second after.
    if (monoMs - this.#frameAtMs < seconds * 1000 - 500) return false;
    this.#frameAtMs = monoMs;
    return true;
  }
}

function onlyMetered({ paths }: PeerStatus): boolean {
  const usable = paths.filter(({ state, blocked }) => state !== 'down' && !blocked);
  return usable.length > 0 && usable.every(({ metered }) => metered);
}
