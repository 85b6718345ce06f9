/** How long datagrams wait on a path: one-way delay above its base. */
import { serialDistance } from '@corridor/wire';
import type { Clock } from '../clock.js';
import type { AckReport } from './ack-report.js';
import { BASE_WINDOW_US, ENVELOPE_US } from './constants.js';

const LATEST = 0;
const STANDING = 1;
const BUCKET = 2; // least of the running half of the envelope
const BEFORE = 3; // and of the one before
const BUCKET_END = 4;
const BASE = 5; // least transit of the running window
const BASE_BEFORE = 6; // and of the one before
const BASE_END = 7;
const OFFSET = 8;
const TRUE_BASE = 9; // as BASE, without what was raised
const TRUE_BEFORE = 10;
const MEAN = 12;
const JITTER = 13;
const US_PER_BYTE = 14;
const BASE_US_PER_BYTE = 15; // of the link when the base was found
const BEFORE_US_PER_BYTE = 16;
const SHORT_BASE = 17; // least transit of datagrams of any length, as it was
const SHORT_BEFORE = 18;
const NUMBERS = 19;

/**
 * Differences of two unrelated clocks that drift apart by up to 50 us/s: the base is the least of the last one to two
 * {@link BASE_WINDOW_US}. Single samples carry the jitter of the radio: the standing queue is the least of the last
 * {@link ENVELOPE_US}, as in Copa (Arun and Balakrishnan, NSDI 2018).
 */
export class QueueDelay {
  private readonly numbers = new Float64Array(NUMBERS);
  /** The base does not age: a queue hides it. */
  keepsBase = false;
  private measured = false;
  /** Largest datagram that was measured. */
  private largest = 0;

  /** Of the last acknowledgement, microseconds. */
  get latestUs(): number {
    return this.numbers[LATEST];
  }
  get standingUs(): number {
    return this.numbers[STANDING];
  }
  /** Mean deviation of single samples from their mean. */
  get jitterUs(): number {
    return this.numbers[JITTER];
  }
  /** Modulo 2^32. */
  get baseTransitUs(): number {
    return (this.numbers[OFFSET] + Math.min(this.numbers[BASE], this.numbers[BASE_BEFORE])) | 0;
  }
  /** How far the base in force lies above the least delay that was seen. */
  get raisedUs(): number {
    const { numbers } = this;
    return Math.min(numbers[BASE], numbers[BASE_BEFORE]) - Math.min(numbers[TRUE_BASE], numbers[TRUE_BEFORE]);
  }

  forget(): void {
    this.measured = false;
    this.keepsBase = false;
    this.largest = 0;
    this.numbers.fill(0);
  }

  /** Of the link: a short datagram overtakes no queue, it only takes less time itself. */
  set usPerByte(value: number) {
    this.numbers[US_PER_BYTE] = value;
  }

  note(report: AckReport, clock: Clock): void {
    const { numbers } = this;
    const { nowUs } = clock;
    if (!this.measured) this.begin(report, clock);
    if (report.largestBytes > this.largest) this.lengthen(report.largestBytes);
    const shorter = report.largestBytes === 0 ? 0 : (this.largest - report.largestBytes) * numbers[US_PER_BYTE];
    const measured = serialDistance(report.transitUs, numbers[OFFSET]);
    const transit = measured + (shorter < 50_000 ? shorter : 50_000);
    if (nowUs >= numbers[BASE_END] && !this.keepsBase) {
      numbers[BASE_BEFORE] = numbers[BASE];
      numbers[TRUE_BEFORE] = numbers[TRUE_BASE];
      numbers[BEFORE_US_PER_BYTE] = numbers[BASE_US_PER_BYTE];
      numbers[BASE] = Number.POSITIVE_INFINITY;
      numbers[TRUE_BASE] = transit;
      numbers[SHORT_BEFORE] = numbers[SHORT_BASE];
      numbers[SHORT_BASE] = Number.POSITIVE_INFINITY;
      numbers[BASE_END] = nowUs + BASE_WINDOW_US;
    }
    if (transit < numbers[BASE]) {
      numbers[BASE] = transit;
      numbers[BASE_US_PER_BYTE] = numbers[US_PER_BYTE];
    }
    if (transit < numbers[TRUE_BASE]) numbers[TRUE_BASE] = transit;
    if (measured < numbers[SHORT_BASE]) numbers[SHORT_BASE] = measured;
    // On a link that has become slower the datagram itself takes longer than when the base was found.
    const isRunning = numbers[BASE] <= numbers[BASE_BEFORE];
    const slower = numbers[US_PER_BYTE] - numbers[isRunning ? BASE_US_PER_BYTE : BEFORE_US_PER_BYTE];
    const own = slower > 0 ? Math.min(50_000, this.largest * slower) : 0;
    // A link that is faster than it was seen to be gains a short datagram less than was added.
    const most = measured - Math.min(numbers[SHORT_BASE], numbers[SHORT_BEFORE]);
    const latest = Math.max(0, Math.min(most, transit - numbers[isRunning ? BASE : BASE_BEFORE] - own));
    numbers[LATEST] = latest;
    const off = latest - numbers[MEAN];
    numbers[MEAN] += off / 8;
    numbers[JITTER] += (Math.abs(off) - numbers[JITTER]) / 32;
    if (nowUs >= numbers[BUCKET_END]) {
      numbers[BEFORE] = nowUs >= numbers[BUCKET_END] + ENVELOPE_US / 2 ? latest : numbers[BUCKET];
      numbers[BUCKET] = latest;
      numbers[BUCKET_END] = nowUs + ENVELOPE_US / 2;
    }
    if (latest < numbers[BUCKET]) numbers[BUCKET] = latest;
    numbers[STANDING] = Math.min(numbers[BUCKET], numbers[BEFORE]);
  }

  /** A longer datagram than any before: the bases are those of such a one from now on. */
  private lengthen(bytes: number): void {
    const { numbers } = this;
    const longer = bytes - this.largest;
    this.largest = bytes;
    numbers[BASE] += longer * numbers[BASE_US_PER_BYTE];
    numbers[TRUE_BASE] += longer * numbers[BASE_US_PER_BYTE];
    numbers[BASE_BEFORE] += longer * numbers[BEFORE_US_PER_BYTE];
    numbers[TRUE_BEFORE] += longer * numbers[BEFORE_US_PER_BYTE];
  }

  /** The delay does not go away when less is sent: what stands now is the base. */
  raiseBase(by: number): void {
    const { numbers } = this;
    const base = Math.min(numbers[BASE], numbers[BASE_BEFORE]) + by;
    numbers[BASE] = base;
    numbers[BASE_BEFORE] = base;
    numbers[SHORT_BASE] += by;
    numbers[SHORT_BEFORE] += by;
    numbers[LATEST] -= by;
    numbers[BUCKET] -= by;
    numbers[BEFORE] -= by;
    numbers[MEAN] -= by;
    numbers[STANDING] -= by;
  }

  /** Whoever else filled the queue is gone: what had been raised no longer counts. */
  restoreBase(): void {
    const { numbers } = this;
    const by = this.raisedUs;
    numbers[BASE] = numbers[TRUE_BASE];
    numbers[BASE_BEFORE] = numbers[TRUE_BEFORE];
    numbers[SHORT_BASE] -= by;
    numbers[SHORT_BEFORE] -= by;
    numbers[LATEST] += by;
    numbers[BUCKET] += by;
    numbers[BEFORE] += by;
    numbers[MEAN] += by;
    numbers[STANDING] += by;
  }

  private begin(report: AckReport, clock: Clock): void {
    const { numbers } = this;
    this.measured = true;
    const usPerByte = numbers[US_PER_BYTE];
    numbers.fill(Number.POSITIVE_INFINITY);
    numbers[US_PER_BYTE] = usPerByte;
    numbers[BASE_US_PER_BYTE] = usPerByte;
    numbers[BEFORE_US_PER_BYTE] = usPerByte;
    numbers[MEAN] = 0;
    numbers[JITTER] = 0;
    numbers[OFFSET] = report.transitUs;
    numbers[BASE_END] = clock.nowUs + BASE_WINDOW_US;
    numbers[BUCKET_END] = clock.nowUs + ENVELOPE_US / 2;
  }
}
