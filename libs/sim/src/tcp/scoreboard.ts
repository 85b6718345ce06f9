/**
 * What a TCP sender knows of each segment in flight, and RACK's loss detection over it (RFC 8985, as Linux does it): a
 * segment is lost when one sent later has arrived and a reordering window has passed. That window is a quarter of the
 * smallest round trip, and grows while the receiver reports segments that were sent again for nothing.
 *
 * Segments are numbered from 0 and all of one size; state lies in rings by number.
 */

const SACKED = 1;
const LOST = 2;
/** Was sent again at least once. */
const EVER_RETRANSMITTED = 4;
/** The newest copy is a retransmission that neither arrived nor was declared lost. */
const RETRANSMISSION_OUT = 8;
const NONE = -1;

/** Sacked segments above a hole that end patience while no reordering was ever seen (DupThresh). */
const DUPLICATE_THRESHOLD = 3;
/** Recoveries for which a widened reordering window holds. */
const REORDERING_PERSISTS = 16;

export class Scoreboard {
  /** First segment that is not acknowledged, and first that was never sent. */
  una = 0;
  next = 0;
  sackedOut = 0;
  lostOut = 0;
  retransmissionsOut = 0;
  reorderingSeen = false;

  readonly sentAtUs: Float64Array;
  /** Sender's state when the segment was sent, for delivery rate samples. */
  readonly deliveredAtSend: Float64Array;
  readonly deliveredTimeUs: Float64Array;
  readonly firstSentUs: Float64Array;

  private readonly flags: Uint8Array;
  private readonly mask: number;
  // Segments that may be declared lost, in order of their last sending: a list through ring slots.
  private readonly later: Int32Array;
  private readonly earlier: Int32Array;
  private oldest = NONE;
  private newest = NONE;
  /** No lost segment that waits for retransmission lies below. */
  private lostHint = 0;
  private highestSacked = -1;

  // RACK: the delivered segment that was sent last, and the round trip it took.
  private rackSentAtUs = -1;
  private rackSegment = -1;
  private rackRttUs = 0;
  private windowSteps = 1;
  private windowPersists = 0;
  private dsackRoundEnds = -1;

  /** @param most segments in flight. */
  constructor(most: number) {
    const size = 2 ** Math.ceil(Math.log2(most + 1));
    this.mask = size - 1;
    this.flags = new Uint8Array(size);
    this.sentAtUs = new Float64Array(size);
    this.deliveredAtSend = new Float64Array(size);
    this.deliveredTimeUs = new Float64Array(size);
    this.firstSentUs = new Float64Array(size);
    this.later = new Int32Array(size);
    this.earlier = new Int32Array(size);
  }

  slot(segment: number): number {
    return segment & this.mask;
  }

  get packetsOut(): number {
    return this.next - this.una;
  }

  /** RFC 6675's pipe. */
  get inFlight(): number {
    return this.packetsOut - this.sackedOut - this.lostOut + this.retransmissionsOut;
  }

  wasRetransmitted(segment: number): boolean {
    return (this.flags[segment & this.mask] & EVER_RETRANSMITTED) !== 0;
  }

  isSacked(segment: number): boolean {
    return (this.flags[segment & this.mask] & SACKED) !== 0;
  }

  sentNew(nowUs: number): number {
    const segment = this.next++;
    const slot = segment & this.mask;
    this.flags[slot] = 0;
    this.sentAtUs[slot] = nowUs;
    this.append(slot);
    return segment;
  }

  sentAgain(segment: number, nowUs: number): void {
    const slot = segment & this.mask;
    const flags = this.flags[slot];
    if ((flags & RETRANSMISSION_OUT) === 0) this.retransmissionsOut++;
    // A probe of what is not lost counts as in flight twice, so take it as lost: its first copy is written off.
    if ((flags & LOST) === 0) {
      this.lostOut++;
      this.unlink(slot);
    }
    this.flags[slot] = flags | LOST | EVER_RETRANSMITTED | RETRANSMISSION_OUT;
    this.sentAtUs[slot] = nowUs;
    this.append(slot);
  }

  /** Marks one segment as received out of order; true when that is news. */
  sack(segment: number): boolean {
    const slot = segment & this.mask;
    const flags = this.flags[slot];
    if (flags & SACKED) return false;
    this.forgetInFlight(slot, flags);
    this.flags[slot] = (flags & EVER_RETRANSMITTED) | SACKED;
    this.sackedOut++;
    this.noteOrder(segment, flags);
    return true;
  }

  /** Takes the first segment off the board; true when its arrival is news. */
  acknowledgeFirst(): boolean {
    const segment = this.una++;
    const slot = segment & this.mask;
    const flags = this.flags[slot];
    if (flags & SACKED) {
      this.sackedOut--;
      return false;
    }
    this.forgetInFlight(slot, flags);
    this.noteOrder(segment, flags);
    return true;
  }

  /** Arrival below one that has arrived already, of what was sent once: the network reorders. */
  private noteOrder(segment: number, flags: number): void {
    if (segment < this.highestSacked && (flags & EVER_RETRANSMITTED) === 0) this.reorderingSeen = true;
    if (segment > this.highestSacked) this.highestSacked = segment;
  }

  private forgetInFlight(slot: number, flags: number): void {
    if (flags & RETRANSMISSION_OUT) this.retransmissionsOut--;
    if (flags & LOST) this.lostOut--;
    // What is lost and not sent again is in no list.
    if ((flags & LOST) === 0 || flags & RETRANSMISSION_OUT) this.unlink(slot);
  }

  /** The lowest lost segment that waits to be sent again, or -1. */
  firstLost(): number {
    if (this.lostOut === this.retransmissionsOut) return NONE;
    for (let segment = Math.max(this.lostHint, this.una); segment < this.next; segment++) {
      if ((this.flags[segment & this.mask] & (LOST | RETRANSMISSION_OUT)) === LOST) {
        this.lostHint = segment;
        return segment;
      }
    }
    return NONE;
  }

  /** Every lost segment that waits to be sent again, ascending. */
  lostSegments(): number[] {
    const lost: number[] = [];
    for (let segment = this.una; segment < this.next; segment++) {
      if ((this.flags[segment & this.mask] & (LOST | RETRANSMISSION_OUT)) === LOST) lost.push(segment);
    }
    return lost;
  }

  /** Highest segment that has not arrived, for a tail loss probe; -1 without. */
  lastOutstanding(): number {
    for (let segment = this.next - 1; segment >= this.una; segment--) if (!this.isSacked(segment)) return segment;
    return NONE;
  }

  /**
   * Notes a delivered segment for RACK. A round trip shorter than any, of a segment that was sent twice, is the answer to
   * its first copy and says nothing about the second.
   */
  rackDelivered(segment: number, retransmitted: boolean, minRttUs: number, nowUs: number): void {
    const sentAtUs = this.sentAtUs[segment & this.mask];
    const rttUs = nowUs - sentAtUs;
    if (retransmitted && rttUs < minRttUs) return;
    this.rackRttUs = rttUs;
    if (sentAtUs > this.rackSentAtUs || (sentAtUs === this.rackSentAtUs && segment > this.rackSegment)) {
      this.rackSentAtUs = sentAtUs;
      this.rackSegment = segment;
    }
  }

  /** The receiver had a segment twice: wait longer from now on, a step in each round trip (RFC 8985 section 6.2, step 4). */
  rackDsack(deliveredBefore: number, delivered: number): void {
    if (deliveredBefore < this.dsackRoundEnds) return;
    this.windowSteps = Math.min(255, this.windowSteps + 1);
    this.windowPersists = REORDERING_PERSISTS;
    this.dsackRoundEnds = delivered;
  }

  rackRecoveryEnded(): void {
    if (this.windowPersists > 0 && --this.windowPersists === 0) this.windowSteps = 1;
  }

  private reorderingWindowUs(recovering: boolean, minRttUs: number, smoothedUs: number): number {
    if (!this.reorderingSeen && (recovering || this.sackedOut >= DUPLICATE_THRESHOLD)) return 0;
    if (minRttUs === Number.POSITIVE_INFINITY) return 0;
    return Math.min((this.windowSteps * minRttUs) / 4, smoothedUs);
  }

  /** Declares losses. Answers when to look again, microseconds; Infinity when there is nothing to wait for. */
  rackDetect(recovering: boolean, minRttUs: number, smoothedUs: number, nowUs: number): number {
    if (this.rackSentAtUs < 0) return Number.POSITIVE_INFINITY;
    const patienceUs = this.rackRttUs + this.reorderingWindowUs(recovering, minRttUs, smoothedUs);
    let againUs = Number.POSITIVE_INFINITY;
    for (let slot = this.oldest; slot !== NONE; ) {
      const after = this.later[slot];
      const sentAtUs = this.sentAtUs[slot];
      if (sentAtUs > this.rackSentAtUs) break;
      if (sentAtUs === this.rackSentAtUs && this.segmentIn(slot) >= this.rackSegment) break;
      if (sentAtUs + patienceUs <= nowUs) this.markLost(slot);
      else againUs = Math.max(againUs === Number.POSITIVE_INFINITY ? 0 : againUs, sentAtUs + patienceUs);
      slot = after;
    }
    return againUs;
  }

  /** A retransmission timeout: everything is lost but what was sent so lately that it may still arrive. */
  markTimedOut(nowUs: number): void {
    for (let slot = this.oldest; slot !== NONE; ) {
      const after = this.later[slot];
      const isFirst = this.segmentIn(slot) === this.una;
      if (isFirst || this.sentAtUs[slot] + this.rackRttUs <= nowUs) this.markLost(slot);
      slot = after;
    }
  }

  /** A timeout proved wrong: what was declared lost and not sent again is in flight after all. */
  unmarkLost(): void {
    for (let segment = this.una; segment < this.next; segment++) {
      const slot = segment & this.mask;
      if ((this.flags[slot] & (LOST | RETRANSMISSION_OUT)) !== LOST) continue;
      this.flags[slot] &= ~LOST;
      this.lostOut--;
      this.append(slot);
    }
  }

  private markLost(slot: number): void {
    const flags = this.flags[slot];
    if (flags & RETRANSMISSION_OUT) this.retransmissionsOut--;
    if ((flags & LOST) === 0) this.lostOut++;
    this.flags[slot] = (flags | LOST) & ~RETRANSMISSION_OUT;
    this.lostHint = Math.min(this.lostHint, this.segmentIn(slot));
    this.unlink(slot);
  }

  private segmentIn(slot: number): number {
    return this.una + ((slot - this.una) & this.mask);
  }

  private append(slot: number): void {
    this.earlier[slot] = this.newest;
    this.later[slot] = NONE;
    if (this.newest === NONE) this.oldest = slot;
    else this.later[this.newest] = slot;
    this.newest = slot;
  }

  private unlink(slot: number): void {
    const before = this.earlier[slot];
    const after = this.later[slot];
    if (before === NONE) this.oldest = after;
    else this.later[before] = after;
    if (after === NONE) this.newest = before;
    else this.earlier[after] = before;
  }
}
