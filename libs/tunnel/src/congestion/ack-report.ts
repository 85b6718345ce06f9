/** What one acknowledgement tells the congestion control of its path. */

const LARGEST_SENT_AT = 0;
const RTT = 1;
const RECEIVED = 2;

const TRANSIT = 0;
const ARRIVED = 1;

/**
 * Made once and filled anew for every acknowledgement of a path; `PathCongestion.acknowledged` keeps no reference.
 * Bytes are those given to `PathCongestion.sent`, whatever they count, and must be the same that `receivedBytes` counts.
 */
export class AckReport {
  /** Acknowledged for the first time. */
  ackedPackets = 0;
  ackedBytes = 0;
  /**
   * Declared lost now. A packet that had been declared lost and arrived after all is in neither, or negative here and
   * positive above.
   */
  lostPackets = 0;
  lostBytes = 0;
  /**
   * Which packet number space `receivedBytes` belongs to: any small integer that changes with it. Rates are measured
   * between two acknowledgements of one space only.
   */
  space = 0;
  /** Size of the largest packet acknowledged; its own time on the link is no queue. 0 when that is not known. */
  largestBytes = 0;

  private readonly times = new Float64Array([-1, -1, 0]);
  private readonly stamps = new Int32Array(2);

  /** When the largest packet acknowledged was sent, our clock, microseconds; -1 when it had been acknowledged before. */
  get largestSentAtUs(): number {
    return this.times[LARGEST_SENT_AT];
  }
  set largestSentAtUs(value: number) {
    this.times[LARGEST_SENT_AT] = value;
  }

  /**
   * From sending the largest to the arrival of this acknowledgement, less the time for which the peer kept it back,
   * microseconds; below 0 when nothing was measured. The way back is over another path.
   */
  get rttUs(): number {
    return this.times[RTT];
  }
  set rttUs(value: number) {
    this.times[RTT] = value;
  }

  /** Bytes that arrived on this path in this packet number space since it began, as the peer counts them. */
  get receivedBytes(): number {
    return this.times[RECEIVED];
  }
  set receivedBytes(value: number) {
    this.times[RECEIVED] = value;
  }

  /** Peer's stamp of the arrival of the largest less our stamp of its sending, microseconds, modulo 2^32, signed. */
  get transitUs(): number {
    return this.stamps[TRANSIT];
  }
  set transitUs(value: number) {
    this.stamps[TRANSIT] = value;
  }

  /** Peer's stamp of the arrival of the largest, microseconds, modulo 2^32, signed: the clock of {@link receivedBytes}. */
  get arrivedStamp(): number {
    return this.stamps[ARRIVED];
  }
  set arrivedStamp(value: number) {
    this.stamps[ARRIVED] = value;
  }

  /** Nothing acknowledged, nothing lost, nothing measured. */
  clear(): void {
    this.ackedPackets = 0;
    this.ackedBytes = 0;
    this.lostPackets = 0;
    this.lostBytes = 0;
    this.largestBytes = 0;
    this.times[LARGEST_SENT_AT] = -1;
    this.times[RTT] = -1;
  }
}
