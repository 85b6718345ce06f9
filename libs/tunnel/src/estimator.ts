/** What is measured of a path: round trip, and for each direction delay variation, jitter, loss and rate. */
import { serialDistance } from '@corridor/wire';
import type { Clock } from './clock.js';
import { INITIAL_RTT_US, MIN_DELAY_WINDOW_US, RATE_BUCKET_US, RATE_BUCKETS } from './constants.js';

/**
 * The smallest of the recent past: the minimum of the running window and of the one before, so that a value counts
 * for one to two windows.
 */
class RecentMinimum {
  private readonly values = new Float64Array([
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]);

  get value(): number {
    return Math.min(this.values[0], this.values[1]);
  }

  add(value: number, clock: Clock): void {
    const { values } = this;
    const { nowUs } = clock;
    if (nowUs - values[2] >= MIN_DELAY_WINDOW_US) {
      values[1] = nowUs - values[2] >= 2 * MIN_DELAY_WINDOW_US ? Number.POSITIVE_INFINITY : values[0];
      values[0] = value;
      values[2] = nowUs;
    } else if (value < values[0]) values[0] = value;
  }
}

const SMOOTHED = 0;
const VARIATION = 1;
const LATEST = 2;

/** Round-trip time as in RFC 9002 section 5. */
export class RoundTrip {
  private readonly numbers = new Float64Array(3);
  private readonly least = new RecentMinimum();

  /** 0 until measured. */
  get smoothedUs(): number {
    return this.numbers[SMOOTHED];
  }
  get variationUs(): number {
    return this.numbers[VARIATION];
  }
  get latestUs(): number {
    return this.numbers[LATEST];
  }
  get minUs(): number {
    return this.numbers[SMOOTHED] === 0 ? 0 : this.least.value;
  }
  /** Smoothed, or an assumption before the first sample. */
  get expectedUs(): number {
    return this.numbers[SMOOTHED] === 0 ? INITIAL_RTT_US : this.numbers[SMOOTHED];
  }

  /** @param ackDelayUs how long the peer says it kept the acknowledgement back */
  sample(rttUs: number, ackDelayUs: number, clock: Clock): void {
    const { numbers } = this;
    this.least.add(rttUs, clock);
    const adjusted = rttUs >= this.least.value + ackDelayUs ? rttUs - ackDelayUs : rttUs;
    numbers[LATEST] = adjusted;
    if (numbers[SMOOTHED] === 0) {
      numbers[SMOOTHED] = Math.max(1, adjusted);
      numbers[VARIATION] = adjusted / 2;
      return;
    }
    numbers[VARIATION] += (Math.abs(numbers[SMOOTHED] - adjusted) - numbers[VARIATION]) / 4;
    numbers[SMOOTHED] += (adjusted - numbers[SMOOTHED]) / 8;
  }
}

/** Counters that run through the buckets of the recent window. */
const PACKETS = 0;
const LOST = 1;
const BYTES = 2;
const BURSTS = 3;
const KINDS = 4;

// Places in `numbers`.
const OFFSET = 0;
const TRANSIT = 1;
const DELAY = 2;
const JITTER = 3;
const ALL_PACKETS = 4;
const ALL_LOST = 5;
const ALL_BYTES = 6;
const BUCKET_END = 7;
const STARTED = 8;
const TRANSIT_AT = 9;
const QUEUE = 10;

/** A queue that was measured longer ago has drained: the next sample alone tells how long it is. */
const DELAY_KEPT_US = 200_000;

/** One direction of a path. One-way delays are differences between two unrelated clocks: only their changes count. */
export class DirectionEstimate {
  private readonly numbers = new Float64Array(11);
  private readonly buckets = new Float64Array(RATE_BUCKETS * KINDS);
  private readonly sums = new Float64Array(KINDS);
  private bucket = 0;
  private measured = false;
  private readonly least = new RecentMinimum();

  /** Smoothed one-way delay above the smallest of the recent past. */
  get delayVariationUs(): number {
    return this.numbers[DELAY];
  }
  /** The same without what stood before a pause: what a packet may expect that is sent now. */
  get queueUs(): number {
    return Math.min(this.numbers[DELAY], this.numbers[QUEUE]);
  }
  /**
   * Smallest difference of the recent past between the receiver's and the sender's stamp, modulo 2^32: means nothing
   * by itself, but comparing two paths of the same ends takes the clocks out. Undefined until measured.
   */
  get leastTransitUs(): number | undefined {
    return this.measured ? this.numbers[OFFSET] + this.least.value : undefined;
  }
  /** RFC 3550 section 6.4.1. */
  get jitterUs(): number {
    return this.numbers[JITTER];
  }
  get packets(): number {
    return this.numbers[ALL_PACKETS];
  }
  get lost(): number {
    return this.numbers[ALL_LOST];
  }
  get bytes(): number {
    return this.numbers[ALL_BYTES];
  }

  /** Packets of the recent window. */
  recentPackets(clock: Clock): number {
    if (clock.nowUs >= this.numbers[BUCKET_END]) this.roll(clock.nowUs);
    return this.sums[PACKETS];
  }

  lossRatio(nowUs: number): number {
    this.roll(nowUs);
    const lost = Math.max(0, this.sums[LOST]);
    return lost === 0 ? 0 : lost / (lost + this.sums[PACKETS]);
  }

  /** Mean length of the bursts in which packets of the recent window were lost; 0 when none was. */
  burstPackets(nowUs: number): number {
    this.roll(nowUs);
    const lost = Math.max(0, this.sums[LOST]);
    return lost === 0 ? 0 : lost / Math.max(1, this.sums[BURSTS]);
  }

  rateBps(nowUs: number): number {
    this.roll(nowUs);
    const { numbers } = this;
    // All buckets but the part of the running one that is still to come.
    const covered = RATE_BUCKETS * RATE_BUCKET_US - (numbers[BUCKET_END] - nowUs);
    const span = Math.min(nowUs - numbers[STARTED], covered);
    return span < RATE_BUCKET_US ? 0 : (this.sums[BYTES] * 8e6) / span;
  }

  /** Counts what arrived, and what did not; `lost` is negative when a packet taken for lost came after all. */
  count(packets: number, bytes: number, lost: number, clock: Clock): void {
    const { numbers } = this;
    if (clock.nowUs >= numbers[BUCKET_END]) this.roll(clock.nowUs);
    numbers[ALL_PACKETS] += packets;
    numbers[ALL_BYTES] += bytes;
    numbers[ALL_LOST] += lost;
    const at = this.bucket * KINDS;
    this.buckets[at + PACKETS] += packets;
    this.buckets[at + LOST] += lost;
    this.buckets[at + BYTES] += bytes;
    this.sums[PACKETS] += packets;
    this.sums[LOST] += lost;
    this.sums[BYTES] += bytes;
  }

  /** So many bursts of losses were among those counted. */
  countBursts(bursts: number): void {
    this.buckets[this.bucket * KINDS + BURSTS] += bursts;
    this.sums[BURSTS] += bursts;
  }

  /** Adds to the losses ever, not to those of the recent window. */
  loseUnseen(lost: number): void {
    this.numbers[ALL_LOST] += lost;
  }

  /**
   * One datagram's way through this direction.
   * @param sentStamp,arrivedStamp microseconds of the sender's and of the receiver's clock, modulo 2^32, as signed
   *   integers (V8 boxes larger ones)
   */
  transit(sentStamp: number, arrivedStamp: number, clock: Clock): void {
    const { numbers } = this;
    const raw = serialDistance(arrivedStamp, sentStamp);
    if (!this.measured) {
      this.measured = true;
      numbers[OFFSET] = raw;
      numbers[TRANSIT] = 0;
      this.least.add(0, clock);
      return;
    }
    const transit = serialDistance(raw, numbers[OFFSET]);
    numbers[JITTER] += (Math.abs(transit - numbers[TRANSIT]) - numbers[JITTER]) / 16;
    numbers[TRANSIT] = transit;
    this.least.add(transit, clock);
    const above = transit - this.least.value;
    numbers[DELAY] += (above - numbers[DELAY]) / 8;
    const weight = Math.min(1, Math.max(1 / 8, (clock.nowUs - numbers[TRANSIT_AT]) / DELAY_KEPT_US));
    numbers[TRANSIT_AT] = clock.nowUs;
    numbers[QUEUE] += (above - numbers[QUEUE]) * weight;
  }

  /** Empties the buckets that time has passed over. */
  private roll(nowUs: number): void {
    const { numbers, buckets, sums } = this;
    if (nowUs < numbers[BUCKET_END]) return;
    if (numbers[STARTED] === 0 && numbers[BUCKET_END] === 0) numbers[STARTED] = nowUs;
    const steps = Math.floor((nowUs - numbers[BUCKET_END]) / RATE_BUCKET_US) + 1;
    for (let i = 0; i < Math.min(steps, RATE_BUCKETS); i++) {
      this.bucket = (this.bucket + 1) % RATE_BUCKETS;
      const at = this.bucket * KINDS;
      for (let kind = 0; kind < KINDS; kind++) {
        sums[kind] -= buckets[at + kind];
        buckets[at + kind] = 0;
      }
    }
    numbers[BUCKET_END] += steps * RATE_BUCKET_US;
  }
}
