/**
 * How long waiting for a missing packet pays, learnt from when missing packets really came. One per traffic class of
 * a peer, as classes differ in what their senders repeat.
 *
 * Rule: wait as long as at least one in {@link WORTH} of the holes that are still open by then gets filled. While
 * nothing is given up, everything that ever came is waited for; packets that never come cost at most a few full holds
 * before they are told from late ones; and what is filled after it was given up is learnt just the same.
 */
import type { Clock } from '../clock.js';
import { MAX_HOLD_US, MIN_WAIT_US } from './limits.js';

/** Buckets of lateness, four to an octave above 1 ms: the last one ends at 1.05 s, above {@link MAX_HOLD_US}. */
const BUCKETS = 44;
const UNIT_SHIFT = 8;
const UNFILLED = BUCKETS;
const AGED_AT = BUCKETS + 1;

/** Share of the open holes that must still get filled to go on waiting. */
const WORTH = 1 / 16;
/** Belief, in packets, that holes get filled at the end of the hold: five lost packets teach otherwise. */
const PRIOR = 0.35;
/** Counts halve after so long: rare retransmissions are remembered, routes change. */
const HALF_LIFE_US = 30_000_000;
/** What is below counts for nothing. */
const LEAST = 1 / 32;
/** Above the end of the bucket: scheduling of this end. */
const MARGIN_US = 1_000;

/** Bucket of a lateness, microseconds. */
export function bucketOf(latenessUs: number): number {
  const units = latenessUs >> UNIT_SHIFT;
  if (units < 4) return units < 0 ? 0 : units;
  const octave = 31 - Math.clz32(units);
  return Math.min(BUCKETS - 1, ((octave - 1) << 2) + ((units >> (octave - 2)) & 3));
}

/** Where a bucket ends, microseconds. */
export function endOf(bucket: number): number {
  return (bucket < 4 ? bucket + 1 : ((bucket & 3) + 5) << ((bucket >> 2) - 1)) << UNIT_SHIFT;
}

export class Experience {
  /** How long a hole is waited for, microseconds; the packets behind it may allow less. */
  waitUs = MAX_HOLD_US;
  private readonly counts = new Float64Array(BUCKETS + 2);

  constructor(clock: Clock) {
    this.counts[AGED_AT] = clock.nowUs;
  }

  /** A missing packet came so late after the first one behind it; nobody had given it up. */
  filled(latenessUs: number, clock: Clock): void {
    this.age(clock);
    this.counts[bucketOf(latenessUs)]++;
    if (latenessUs + MARGIN_US > this.waitUs) this.choose();
  }

  /** Missing packets were given up. */
  unfilled(packets: number, clock: Clock): void {
    this.age(clock);
    this.counts[UNFILLED] += packets;
    this.choose();
  }

  /** A packet that was given up came after all; `counted`: it was counted as never filled. */
  filledLate(latenessUs: number, counted: boolean, clock: Clock): void {
    this.age(clock);
    const { counts } = this;
    if (counted) counts[UNFILLED] = Math.max(0, counts[UNFILLED] - 1);
    counts[bucketOf(latenessUs)]++;
    this.choose();
  }

  private choose(): void {
    const { counts } = this;
    const unfilled = counts[UNFILLED];
    let later = PRIOR;
    let bucket = BUCKETS;
    while (later < WORTH * (later + unfilled) && bucket > 0) later += counts[--bucket];
    if (bucket === BUCKETS) this.waitUs = MAX_HOLD_US;
    else if (later < WORTH * (later + unfilled)) this.waitUs = MIN_WAIT_US;
    else this.waitUs = Math.min(MAX_HOLD_US, Math.max(MIN_WAIT_US, endOf(bucket) + MARGIN_US));
  }

  private age(clock: Clock): void {
    const { counts } = this;
    const { nowUs } = clock;
    if (nowUs - counts[AGED_AT] < HALF_LIFE_US) return;
    const halvings = Math.floor((nowUs - counts[AGED_AT]) / HALF_LIFE_US);
    counts[AGED_AT] = nowUs;
    for (let i = 0; i <= UNFILLED; i++) {
      counts[i] *= 2 ** -halvings;
      if (counts[i] < LEAST) counts[i] = 0;
    }
    this.choose();
  }
}
