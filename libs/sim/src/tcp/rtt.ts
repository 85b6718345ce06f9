/** Round trips of a TCP sender: RFC 6298 with the bounds of Linux, and the smallest of the last minutes. */

const RTO_FIRST_US = 1_000_000;
/** Linux: the variance term is at least this (RFC 6298 would have 1 s for the whole). */
const RTO_VARIANCE_MIN_US = 200_000;
const RTO_MAX_US = 120_000_000;
/** The smallest round trip is remembered this long (tcp_min_rtt_wlen). */
const MIN_RTT_WINDOW_US = 300_000_000;

export class RoundTrip {
  smoothedUs = 0;
  variationUs = 0;
  minUs = Number.POSITIVE_INFINITY;
  /** Doublings since the last sample. */
  backoff = 0;
  private minAtUs = 0;

  sample(rttUs: number, nowUs: number): void {
    if (this.smoothedUs === 0) {
      this.smoothedUs = rttUs;
      this.variationUs = rttUs / 2;
    } else {
      this.variationUs += (Math.abs(rttUs - this.smoothedUs) - this.variationUs) / 4;
      this.smoothedUs += (rttUs - this.smoothedUs) / 8;
    }
    this.backoff = 0;
    this.noteMin(rttUs, nowUs);
  }

  noteMin(rttUs: number, nowUs: number): void {
    if (rttUs > this.minUs && nowUs - this.minAtUs < MIN_RTT_WINDOW_US) return;
    this.minUs = rttUs;
    this.minAtUs = nowUs;
  }

  /** Retransmission timeout, back-off included. */
  get timeoutUs(): number {
    const base =
      this.smoothedUs === 0 ? RTO_FIRST_US : this.smoothedUs + Math.max(4 * this.variationUs, RTO_VARIANCE_MIN_US);
    return Math.min(base * 2 ** this.backoff, RTO_MAX_US);
  }
}
