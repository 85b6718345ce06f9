/**
 * What the receiver of one UDP flow felt, exactly: every packet carries its number and the time at which it was sent,
 * every arrival its time by the kernel. Pure bookkeeping; allocates only when an array has to grow.
 */
import type { DelayFigures, RecentFigures } from '../face.js';

/** Window of the live figures. */
export const RECENT_US = 5_000_000;
/** A packet younger than this may still be on its way: it does not count as lost in the live figures. */
const SETTLE_US = 1_000_000;
/** Percentiles are over this many packets, the latest ones when there were more. */
const KEPT_DELAYS = 1 << 20;
const RECENT_ARRIVALS = 1 << 12;

export class FlowRecorder {
  sent = 0;
  received = 0;
  duplicates = 0;
  reordered = 0;
  /** How late the generator itself sent a packet, at worst: tells apart the lab's own hiccups. */
  readonly senderLatestUs = new Float64Array(1);
  private seen = new Uint8Array(4096);
  private delays = new Int32Array(4096);
  private highest = -1;
  /** First arrival, last arrival, longest gap, start of that gap. */
  private readonly times = new Float64Array(4);
  private readonly recentAt = new Float64Array(RECENT_ARRIVALS);
  private readonly recentDelay = new Int32Array(RECENT_ARRIVALS);

  /** @param startUs when packet 0 is due. @param intervalUs time between packets. @param bytes of each IP packet. */
  constructor(
    readonly startUs: number,
    readonly intervalUs: number,
    readonly bytes: number,
  ) {}

  /** A packet came in. Times are CLOCK_MONOTONIC microseconds. */
  arrived(sequence: number, sentUs: number, receivedUs: number): void {
    if (this.hasSeen(sequence)) {
      this.duplicates++;
      return;
    }
    this.markSeen(sequence);
    if (sequence < this.highest) this.reordered++;
    else this.highest = sequence;

    const { times } = this;
    if (this.received === 0) times[0] = receivedUs;
    else if (receivedUs - times[1] > times[2]) {
      times[2] = receivedUs - times[1];
      times[3] = times[1];
    }
    times[1] = Math.max(times[1], receivedUs);
    const delay = Math.min(Math.max(Math.round(receivedUs - sentUs), 0), 0x7fffffff);
    this.keepDelay(delay);
    this.recentAt[this.received % RECENT_ARRIVALS] = receivedUs;
    this.recentDelay[this.received % RECENT_ARRIVALS] = delay;
    this.received++;
  }

  get firstArrivalUs(): number {
    return this.times[0];
  }

  get lastArrivalUs(): number {
    return this.times[1];
  }

  /** Longest silence between two arrivals, or from the last one to `endUs` when the flow was to go on until then. */
  longestGap(endUs: number): { gapUs: number; atUs: number } {
    const [, last, gapUs, atUs] = this.times;
    if (this.received > 0 && endUs - last > gapUs) return { gapUs: endUs - last, atUs: last };
    return { gapUs, atUs };
  }

  delayFigures(): DelayFigures {
    return percentiles(this.delays.slice(0, Math.min(this.received, KEPT_DELAYS)));
  }

  /** Figures of the last {@link RECENT_US} before `nowUs`. `stoppedUs`: when the sender stopped, if it did. */
  recent(nowUs: number, stoppedUs: number): RecentFigures {
    const kept = Math.min(this.received, RECENT_ARRIVALS);
    const delays: number[] = [];
    let newerUs = Math.min(nowUs, stoppedUs);
    let longestGapUs = 0;
    for (let back = 1; back <= kept; back++) {
      const at = (this.received - back) % RECENT_ARRIVALS;
      longestGapUs = Math.max(longestGapUs, newerUs - this.recentAt[at]);
      newerUs = this.recentAt[at];
      if (newerUs < nowUs - RECENT_US) break;
      delays.push(this.recentDelay[at]);
    }
    return {
      windowUs: RECENT_US,
      rateBps: (delays.length * this.bytes * 8e6) / RECENT_US,
      lossRatio: this.recentLoss(nowUs),
      longestGapUs: Math.min(longestGapUs, RECENT_US),
      delay: percentiles(Int32Array.from(delays)),
    };
  }

  private recentLoss(nowUs: number): number {
    const numberAt = (us: number) =>
      Math.min(Math.max(Math.floor((us - this.startUs) / this.intervalUs), 0), this.sent);
    const first = numberAt(nowUs - SETTLE_US - RECENT_US);
    const end = numberAt(nowUs - SETTLE_US);
    let missing = 0;
    for (let sequence = first; sequence < end; sequence++) if (!this.hasSeen(sequence)) missing++;
    return end === first ? 0 : missing / (end - first);
  }

  private hasSeen(sequence: number): boolean {
    return sequence < this.seen.length * 8 && (this.seen[sequence >> 3] & (1 << (sequence & 7))) !== 0;
  }

  private markSeen(sequence: number): void {
    if (sequence >= this.seen.length * 8) {
      const grown = new Uint8Array(Math.max(this.seen.length * 2, (sequence >> 3) + 1));
      grown.set(this.seen);
      this.seen = grown;
    }
    this.seen[sequence >> 3] |= 1 << (sequence & 7);
  }

  private keepDelay(delay: number): void {
    if (this.received >= this.delays.length && this.delays.length < KEPT_DELAYS) {
      const grown = new Int32Array(this.delays.length * 2);
      grown.set(this.delays);
      this.delays = grown;
    }
    this.delays[this.received % KEPT_DELAYS] = delay;
  }
}

/** Nearest-rank percentiles. Sorts `values`. */
export function percentiles(values: Int32Array): DelayFigures {
  values.sort();
  const at = (share: number) => (values.length === 0 ? 0 : values[Math.ceil(share * values.length) - 1]);
  return { p50Us: at(0.5), p95Us: at(0.95), p99Us: at(0.99), maxUs: at(1) };
}
