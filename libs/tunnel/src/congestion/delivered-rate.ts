/** The rate at which datagrams arrive, by the receiver's clock: acknowledgements may be late without harm. */
import { serialDistance } from '@corridor/wire';
import type { AckReport } from './ack-report.js';

const SIZE = 64;
const MASK = SIZE - 1;

/** Stamps and cumulative bytes of the last acknowledgements. */
export class DeliveredRate {
  private readonly stamps = new Int32Array(SIZE);
  private readonly bytes = new Float64Array(SIZE);
  private readonly lost = new Float64Array(SIZE);
  /** Delivered, and lost beside it; all losses so far, bytes; span to measure over; longest time between arrivals. */
  private readonly result = new Float64Array([0, 0, 0, 0, Number.POSITIVE_INFINITY]);
  private last = -1;
  private count = 0;
  /** Of these, how many since {@link mark} or a pause of the link. */
  private busy = 0;
  private space = -1;

  /** What {@link measure} found, bytes per microsecond. */
  get bytesPerUs(): number {
    return this.result[0];
  }
  /** Lost within the same span, bytes per microsecond. */
  get lostPerUs(): number {
    return this.result[1];
  }

  get spanUs(): number {
    return this.result[3];
  }
  set spanUs(value: number) {
    this.result[3] = value;
  }

  /** When nothing arrived for longer than this, the link paused, and its rate is that of what came since. */
  set longestUs(value: number) {
    this.result[4] = value;
  }

  forget(): void {
    this.count = 0;
    this.busy = 0;
    this.space = -1;
  }

  /** The queue is empty: what arrived until now was sent at leisure. */
  mark(): void {
    this.busy = 1;
  }

  countLost(report: AckReport): void {
    this.result[2] += report.lostBytes;
  }

  note(report: AckReport): void {
    if (report.space !== this.space) {
      this.forget();
      this.space = report.space;
    }
    const pauseUs = this.count > 0 ? serialDistance(report.arrivedStamp, this.stamps[this.last & MASK]) : 1;
    if (pauseUs <= 0) return;
    // What the link did not carry while it paused is no measure of what it carries now.
    if (pauseUs > this.result[4]) this.busy = 0;
    this.last = (this.last + 1) & MASK;
    this.stamps[this.last] = report.arrivedStamp;
    this.bytes[this.last] = report.receivedBytes;
    this.lost[this.last] = this.result[2];
    if (this.count < SIZE) this.count++;
    if (this.busy < SIZE) this.busy++;
  }

  /**
   * Measures over the shortest span that ends now, is no shorter than {@link spanUs} and brought `bytes`.
   * @param busyOnly since {@link mark} only: then it is the rate of the link, not that of the sender
   * @returns false when there was none; {@link bytesPerUs} is as before then
   */
  measure(bytes: number, busyOnly: boolean): boolean {
    const spanUs = this.result[3];
    const { stamps, last } = this;
    const count = busyOnly ? this.busy : this.count;
    for (let back = 1; back < count; back++) {
      const at = (last - back) & MASK;
      const us = serialDistance(stamps[last], stamps[at]);
      const brought = this.bytes[last] - this.bytes[at];
      if (us < spanUs || brought < bytes) continue;
      this.result[0] = brought / us;
      this.result[1] = (this.lost[last] - this.lost[at]) / us;
      return true;
    }
    return false;
  }
}
