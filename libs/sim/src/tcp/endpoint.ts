/** What a TCP end needs of the world around it. */
import type { TcpSegment } from './segment.js';

export interface TcpNetwork {
  readonly nowUs: number;
  schedule(atUs: number, action: () => void): void;
  /** Sends `count` packets at once; `write` fills the one of that index in and answers its length. */
  transmit(count: number, write: (index: number, bytes: Uint8Array, at: number) => number): void;
}

/** Addresses and ports as this end writes them. */
export type TcpAddresses = Pick<TcpSegment, 'source' | 'destination' | 'sourcePort' | 'destinationPort' | 'dscp'>;

/** Receive window that both ends give from the start, bytes (Linux: the default maximum of tcp_rmem), and its scale. */
export const RECEIVE_WINDOW_BYTES = 6 * 1024 * 1024;
export const WINDOW_SCALE = 7;

/** Distance from sequence number `from` to `to`, signed (RFC 9293 section 3.4). */
export function sequenceDistance(from: number, to: number): number {
  return (to - from) | 0;
}

/** Milliseconds, as Linux has them in the timestamp option. */
export function timestampOf(nowUs: number): number {
  return Math.floor(nowUs / 1_000) >>> 0;
}

/** One alarm that can be set anew at any time: what was scheduled before does nothing. */
export class Alarm {
  private atUs = Number.POSITIVE_INFINITY;
  /** The earliest wake-up that is scheduled. */
  private wakeUs = Number.POSITIVE_INFINITY;

  constructor(
    private readonly network: TcpNetwork,
    private readonly action: () => void,
  ) {}

  get dueUs(): number {
    return this.atUs;
  }

  set(atUs: number): void {
    this.atUs = atUs;
    if (atUs >= this.wakeUs || atUs === Number.POSITIVE_INFINITY) return;
    this.wakeUs = atUs;
    this.network.schedule(atUs, () => this.wake(atUs));
  }

  private wake(scheduledUs: number): void {
    if (scheduledUs !== this.wakeUs) return;
    this.wakeUs = Number.POSITIVE_INFINITY;
    const { atUs } = this;
    if (atUs > this.network.nowUs) {
      this.set(atUs);
      return;
    }
    this.atUs = Number.POSITIVE_INFINITY;
    this.action();
  }
}
