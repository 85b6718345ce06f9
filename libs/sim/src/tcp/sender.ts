/**
 * The sending end of a TCP connection whose application always has data: SACK based recovery (RFC 6675) with RACK and a
 * tail loss probe (RFC 8985), proportional rate reduction (RFC 6937), timeouts (RFC 6298), undoing of spurious recoveries
 * by DSACK and timestamps (RFC 3708, RFC 3522) and ECN (RFC 3168), in the shape of Linux. All segments are full.
 */
import { AckSample, type TcpControl } from './control.js';
import {
  Alarm,
  RECEIVE_WINDOW_BYTES,
  sequenceDistance,
  type TcpAddresses,
  type TcpNetwork,
  timestampOf,
  WINDOW_SCALE,
} from './endpoint.js';
import { RoundTrip } from './rtt.js';
import { Scoreboard } from './scoreboard.js';
import { ACK, CWR, DATA_HEADER_BYTES, ECE, ECT_0, NOT_ECT, SYN, TcpSegment, writeSegment } from './segment.js';

const CLOSED = 0;
const OPENING = 1;
const ESTABLISHED = 2;

/** States of congestion, by the names of Linux. */
const OPEN = 0;
const REDUCED = 1; // CWR: slowing down for a congestion mark
const RECOVERY = 2;
const LOSS = 3; // after a timeout

const SYN_TIMEOUT_US = 1_000_000;
/** A lone segment's acknowledgement may be delayed. */
const LONE_SEGMENT_US = 200_000;
const SMALLEST_TIMEOUT_US = 10_000;
/** Segments that leave with one call of the host at most: 64 KB, as segmentation offload has it. */
const MOST_AT_ONCE = 44;
const SMALLEST_MSS = 500;

export interface TcpSenderOptions {
  readonly control: TcpControl;
  readonly mtu: number;
  readonly ecn: boolean;
  readonly initialSequence: number;
  /** The application stops then. */
  readonly stopUs: number;
  /** A segment leaves for the first time. */
  sentFirst(segment: number): void;
}

export class TcpSender {
  retransmitted = 0;
  spurious = 0;
  recoveries = 0;
  congestionMarks = 0;
  timeouts = 0;
  sent = 0;
  mss = 0;
  readonly roundTrip = new RoundTrip();
  /** One sample an acknowledgement, microseconds. */
  readonly roundTrips: number[] = [];

  private readonly board = new Scoreboard(Math.ceil(RECEIVE_WINDOW_BYTES / (SMALLEST_MSS - 12)));
  private readonly out = new TcpSegment();
  private readonly sample = new AckSample();
  private readonly batch: number[] = [];
  private readonly timeout: Alarm;
  private readonly reordering: Alarm;
  private readonly probe: Alarm;
  private readonly pace: Alarm;
  private state = CLOSED;
  private congestion = OPEN;
  private ecn = false;
  private announceReduction = false;
  private peerSequence = 0;
  private peerTimestamp = 0;
  private peerWindow = 0;
  private synSentUs = 0;
  private nextSendUs = 0;
  private windowLimited = false;

  // Recovery: ends when everything sent before it is acknowledged.
  private recoveryEnds = 0;
  private reductionDelivered = 0;
  private reductionSent = 0;
  private priorWindow = 0;
  private priorThreshold = 0;
  private undoFrom = -1;
  /** Retransmissions of this recovery that no DSACK has named; -1 before the first. */
  private undoRetransmissions = -1;
  /** Timestamp of the recovery's first retransmission; -1 before it. */
  private retransmittedStamp = -1;
  private probedUpTo = -1;

  private delivered = 0;
  private deliveredTimeUs = 0;
  private firstSentUs = 0;
  /** Newest delivered segment of an acknowledgement, whose rate sample it is. */
  private rateSegment = -1;
  private rateIntervalUs = 0;

  // SACK blocks of late: what a new one shares with them is known.
  private readonly knownLeft = new Float64Array(8);
  private readonly knownRight = new Float64Array(8);
  private knownAt = 0;

  constructor(
    private readonly network: TcpNetwork,
    addresses: TcpAddresses,
    private readonly options: TcpSenderOptions,
  ) {
    Object.assign(this.out, addresses);
    this.timeout = new Alarm(network, () => this.timedOut());
    this.reordering = new Alarm(network, () => this.reorderingOver());
    this.probe = new Alarm(network, () => this.probeTail());
    this.pace = new Alarm(network, () => this.transmit());
  }

  /** Congestion window, segments. */
  get window(): number {
    return this.options.control.window;
  }

  get inFlight(): number {
    return this.board.inFlight;
  }

  open(): void {
    const { out, options } = this;
    this.state = OPENING;
    this.synSentUs = this.network.nowUs;
    out.flags = SYN | (options.ecn ? ECE | CWR : 0);
    out.sequence = options.initialSequence;
    out.acknowledgement = 0;
    out.mss = options.mtu - 40;
    out.windowScale = WINDOW_SCALE;
    out.window = 0xffff;
    out.timestamp = timestampOf(this.network.nowUs);
    this.network.transmit(1, (_, bytes, at) => writeSegment(bytes, at, out));
    this.timeout.set(this.network.nowUs + SYN_TIMEOUT_US * 2 ** this.roundTrip.backoff);
  }

  receive(segment: TcpSegment): void {
    this.peerTimestamp = segment.timestamp;
    if (segment.flags & SYN) this.opened(segment);
    else if (this.state === ESTABLISHED) this.acknowledged(segment);
  }

  private opened(segment: TcpSegment): void {
    if (this.state !== OPENING) return;
    const { nowUs } = this.network;
    this.state = ESTABLISHED;
    this.mss = Math.min(segment.mss, this.options.mtu - 40) - (DATA_HEADER_BYTES - 40);
    if (this.mss < SMALLEST_MSS - 12)
      throw new RangeError(`an MSS of at least ${SMALLEST_MSS} was expected, got ${segment.mss}`);
    this.ecn = this.options.ecn && (segment.flags & ECE) !== 0;
    this.peerSequence = (segment.sequence + 1) >>> 0;
    this.peerWindow = RECEIVE_WINDOW_BYTES;
    this.roundTrip.backoff = 0;
    if (timestampOf(this.synSentUs) === segment.echo) this.roundTrip.sample(nowUs - this.synSentUs, nowUs);
    this.timeout.set(Number.POSITIVE_INFINITY);
    this.deliveredTimeUs = nowUs;
    this.firstSentUs = nowUs;
    this.transmit();
  }

  private acknowledged(segment: TcpSegment): void {
    const { board, sample, roundTrip } = this;
    const { nowUs } = this.network;
    const first = this.segmentAt(segment.acknowledgement);
    if (first > board.next) return;
    this.peerWindow = segment.window << WINDOW_SCALE;
    const deliveredBefore = this.delivered;
    const lostBefore = board.lostOut;
    const unaBefore = board.una;
    sample.priorInFlight = board.inFlight;
    sample.priorDelivered = -1;
    sample.rttUs = -1;
    this.rateSegment = -1;

    const isDsack = this.readDsack(segment, first);
    const isSacked = this.readSacks(segment, isDsack ? 1 : 0, nowUs);
    let oldestRttUs = -1;
    while (board.una < first) {
      const acked = board.una;
      const retransmitted = board.wasRetransmitted(acked);
      if (!board.acknowledgeFirst()) continue;
      if (!retransmitted && oldestRttUs < 0) oldestRttUs = nowUs - board.sentAtUs[board.slot(acked)];
      this.noteDelivered(acked, retransmitted, nowUs);
    }
    if (oldestRttUs >= 0) roundTrip.sample(oldestRttUs, nowUs);
    if (sample.rttUs >= 0) {
      roundTrip.noteMin(sample.rttUs, nowUs);
      this.roundTrips.push(sample.rttUs);
    }
    if (isDsack) board.rackDsack(sample.priorDelivered < 0 ? this.delivered : sample.priorDelivered, this.delivered);

    const advanced = board.una > unaBefore;
    const echo = segment.echo;
    if (advanced || isSacked || isDsack) this.detectLosses(nowUs);
    this.updateState(advanced, echo, this.ecn && (segment.flags & ECE) !== 0);
    sample.lost = Math.max(0, board.lostOut - lostBefore);
    sample.acknowledged = board.una - unaBefore;
    sample.delivered = this.delivered - deliveredBefore;
    this.control(nowUs, advanced);
    // Also when something arrives that was sent before the first segment went out last: the network still delivers.
    const isFlowing = isSacked && sample.rttUs > nowUs - board.sentAtUs[board.slot(board.una)];
    if (advanced || isFlowing) this.rearmTimeout(nowUs);
    if (advanced || isSacked) this.armProbe(nowUs);
    this.transmit();
  }

  private segmentAt(sequence: number): number {
    const base = this.board.una;
    return base + sequenceDistance(this.sequenceOf(base), sequence) / this.mss;
  }

  private sequenceOf(segment: number): number {
    return (this.options.initialSequence + 1 + segment * this.mss) >>> 0;
  }

  /** RFC 2883: the first block lies below the acknowledgement, or within the second block. */
  private readDsack(segment: TcpSegment, acknowledged: number): boolean {
    if (segment.sackBlocks === 0) return false;
    const left = this.segmentAt(segment.sackLeft[0]);
    const right = this.segmentAt(segment.sackRight[0]);
    const isWithin =
      segment.sackBlocks > 1 &&
      left >= this.segmentAt(segment.sackLeft[1]) &&
      right <= this.segmentAt(segment.sackRight[1]);
    if (left >= acknowledged && !isWithin) return false;
    this.spurious++;
    if (this.undoFrom >= 0 && left >= this.undoFrom && this.undoRetransmissions > 0) this.undoRetransmissions--;
    return true;
  }

  private readSacks(segment: TcpSegment, from: number, nowUs: number): boolean {
    const { board } = this;
    let news = false;
    for (let block = from; block < segment.sackBlocks; block++) {
      const left = Math.max(board.una, this.segmentAt(segment.sackLeft[block]));
      const right = Math.min(board.next, this.segmentAt(segment.sackRight[block]));
      for (let one = left; one < right; one++) {
        const known = this.knownUntil(one);
        if (known > one) {
          one = known - 1;
          continue;
        }
        const retransmitted = board.wasRetransmitted(one);
        if (!board.sack(one)) continue;
        news = true;
        this.noteDelivered(one, retransmitted, nowUs);
      }
      this.knownLeft[this.knownAt] = left;
      this.knownRight[this.knownAt] = right;
      this.knownAt = (this.knownAt + 1) & 7;
    }
    return news;
  }

  private knownUntil(segment: number): number {
    let until = segment;
    for (let i = 0; i < 8; i++) {
      if (this.knownLeft[i] <= segment && segment < this.knownRight[i]) until = Math.max(until, this.knownRight[i]);
    }
    return until;
  }

  private noteDelivered(segment: number, retransmitted: boolean, nowUs: number): void {
    const { board, sample } = this;
    const slot = board.slot(segment);
    const sentAtUs = board.sentAtUs[slot];
    this.delivered++;
    this.deliveredTimeUs = nowUs;
    board.rackDelivered(segment, retransmitted, this.roundTrip.minUs, nowUs);
    if (!retransmitted) sample.rttUs = nowUs - sentAtUs;
    // The sample is of the one that was sent last.
    const best = this.rateSegment < 0 ? -1 : board.sentAtUs[board.slot(this.rateSegment)];
    if (sentAtUs < best || (sentAtUs === best && segment < this.rateSegment)) return;
    this.rateSegment = segment;
    sample.priorDelivered = board.deliveredAtSend[slot];
    const sendUs = sentAtUs - board.firstSentUs[slot];
    const acknowledgeUs = nowUs - board.deliveredTimeUs[slot];
    this.rateIntervalUs = Math.max(sendUs, acknowledgeUs);
    this.firstSentUs = sentAtUs;
  }

  private detectLosses(nowUs: number): void {
    const { board, roundTrip } = this;
    const recovering = this.congestion >= RECOVERY;
    const againUs = board.rackDetect(recovering, roundTrip.minUs, roundTrip.smoothedUs, nowUs);
    this.reordering.set(againUs);
    // As in Linux, one timer serves both: nothing times out before the reordering window has passed.
    if (againUs < Number.POSITIVE_INFINITY && this.timeout.dueUs <= againUs) {
      this.timeout.set(againUs + SMALLEST_TIMEOUT_US);
    }
  }

  private reorderingOver(): void {
    const { nowUs } = this.network;
    const before = this.board.lostOut;
    this.detectLosses(nowUs);
    this.rearmAfterFirst(nowUs);
    if (this.board.lostOut === before) return;
    this.updateState(false, 0, false);
    if (this.congestion === RECOVERY && !this.options.control.ownsRecovery) this.reduceWindow(0, 1);
    this.transmit();
  }

  /** tcp_fastretrans_alert of Linux. */
  private updateState(advanced: boolean, echo: number, isMarked: boolean): void {
    const { board } = this;
    if (this.congestion !== OPEN && board.una >= this.recoveryEnds) this.endRecovery(echo);
    else if (this.congestion === RECOVERY) this.undoPartly(advanced, echo);
    else if (this.congestion === LOSS && advanced && this.wasDelayed(echo)) this.undoTimeout();
    if (board.lostOut > 0 && this.congestion < RECOVERY) this.enterRecovery();
    if (isMarked && this.congestion === OPEN) {
      this.congestionMarks++;
      this.beginReduction(REDUCED);
      this.announceReduction = true;
    }
    if (this.probedUpTo >= 0 && board.una >= this.probedUpTo) this.probedUpTo = -1;
  }

  private enterRecovery(): void {
    this.recoveries++;
    const { control } = this.options;
    // A window that is being reduced for a mark is not reduced twice.
    const already = this.congestion === REDUCED;
    if (already) this.congestion = RECOVERY;
    else this.beginReduction(RECOVERY);
    this.recoveryEnds = this.board.next;
    this.startUndo();
    if (already) this.priorWindow = Math.max(this.priorWindow, control.window);
  }

  private beginReduction(state: number): void {
    const { control } = this.options;
    this.priorWindow = control.window;
    this.priorThreshold = control.slowStartThreshold;
    control.congestion(this.board.inFlight);
    this.reductionDelivered = 0;
    this.reductionSent = 0;
    this.recoveryEnds = this.board.next;
    this.congestion = state;
  }

  private startUndo(): void {
    this.undoFrom = this.board.una;
    this.undoRetransmissions = this.board.retransmissionsOut > 0 ? this.board.retransmissionsOut : -1;
    this.retransmittedStamp = -1;
  }

  /** The acknowledgement echoes a time before the first retransmission: it was the first copy that arrived (RFC 3522). */
  private wasDelayed(echo: number): boolean {
    return this.retransmittedStamp >= 0 && sequenceDistance(this.retransmittedStamp, echo) < 0;
  }

  private mayUndo(echo: number): boolean {
    return this.undoFrom >= 0 && (this.undoRetransmissions === 0 || this.wasDelayed(echo));
  }

  private undo(): void {
    this.options.control.undo(this.priorWindow, this.priorThreshold);
    this.undoFrom = -1;
  }

  private endRecovery(echo: number): void {
    const { control } = this.options;
    const was = this.congestion;
    this.congestion = OPEN;
    if (was >= RECOVERY) this.board.rackRecoveryEnded();
    if (was >= RECOVERY && this.mayUndo(echo)) {
      this.undo();
      return;
    }
    this.undoFrom = -1;
    if (was !== LOSS) control.recovered();
  }

  private undoPartly(advanced: boolean, echo: number): void {
    const { board } = this;
    const byDsack = this.undoFrom >= 0 && this.undoRetransmissions === 0;
    if (!byDsack && !(advanced && this.undoFrom >= 0 && this.wasDelayed(echo))) return;
    if (byDsack) board.reorderingSeen = true;
    if (board.retransmissionsOut > 0) return;
    this.undo();
    this.congestion = OPEN;
  }

  private undoTimeout(): void {
    this.board.unmarkLost();
    this.undo();
    this.roundTrip.backoff = 0;
    this.congestion = OPEN;
  }

  private control(nowUs: number, advanced: boolean): void {
    const { board, sample, options } = this;
    const { control } = options;
    sample.nowUs = nowUs;
    sample.totalDelivered = this.delivered;
    sample.inFlight = board.inFlight;
    sample.smoothedUs = this.roundTrip.smoothedUs;
    sample.windowLimited = this.windowLimited;
    sample.recovering = this.congestion >= RECOVERY;
    sample.una = board.una;
    sample.next = board.next;
    const isUsable = sample.priorDelivered >= 0 && this.rateIntervalUs >= this.roundTrip.minUs;
    sample.rate = isUsable ? (this.delivered - sample.priorDelivered) / this.rateIntervalUs : 0;
    const isReducing = this.congestion === REDUCED || this.congestion === RECOVERY;
    if (isReducing && !control.ownsRecovery) this.reduceWindow(sample.delivered, sample.lost, advanced);
    else control.acknowledged(sample);
  }

  /** Proportional rate reduction (RFC 6937), with the bound of slow start where it is safe. */
  private reduceWindow(delivered: number, lost: number, advanced = false): void {
    const { control } = this.options;
    if (delivered === 0 && lost === 0) return;
    const inFlight = this.board.inFlight;
    this.reductionDelivered += delivered;
    const room = control.slowStartThreshold - inFlight;
    let send: number;
    if (room < 0) {
      const share = (control.slowStartThreshold * this.reductionDelivered) / this.priorWindow;
      send = Math.ceil(share) - this.reductionSent;
    } else {
      send = Math.max(this.reductionDelivered - this.reductionSent, delivered);
      if (advanced && lost === 0) send++;
      send = Math.min(room, send);
    }
    control.window = inFlight + Math.max(send, this.reductionSent > 0 ? 0 : 1);
  }

  private rearmTimeout(nowUs: number): void {
    this.timeout.set(this.board.packetsOut === 0 ? Number.POSITIVE_INFINITY : nowUs + this.roundTrip.timeoutUs);
  }

  /** The timeout counts from the last sending of the first segment. */
  private rearmAfterFirst(nowUs: number): void {
    const { board } = this;
    if (board.packetsOut === 0) return;
    const dueUs = board.sentAtUs[board.slot(board.una)] + this.roundTrip.timeoutUs;
    this.timeout.set(Math.max(dueUs, nowUs + SMALLEST_TIMEOUT_US));
  }

  private timedOut(): void {
    const { board, roundTrip, options } = this;
    const { nowUs } = this.network;
    roundTrip.backoff++;
    if (this.state === OPENING) {
      this.open();
      return;
    }
    if (board.packetsOut === 0 || nowUs >= options.stopUs) return;
    this.timeouts++;
    const { control } = options;
    if (this.congestion !== LOSS || board.una >= this.recoveryEnds) {
      this.priorWindow = this.congestion === OPEN ? control.window : Math.max(control.window, this.priorWindow);
      this.priorThreshold = control.slowStartThreshold;
      control.congestion(board.inFlight);
      this.startUndo();
    }
    control.timedOut();
    board.markTimedOut(nowUs);
    this.undoRetransmissions = -1;
    control.window = board.inFlight + 1;
    this.recoveryEnds = board.next;
    this.congestion = LOSS;
    this.probe.set(Number.POSITIVE_INFINITY);
    this.nextSendUs = nowUs;
    this.transmit();
    this.rearmTimeout(nowUs);
  }

  /** RFC 8985 section 7. */
  private armProbe(nowUs: number): void {
    const { board, roundTrip } = this;
    const idle = board.packetsOut === 0 || board.sackedOut > 0 || board.lostOut > 0;
    if (idle || this.congestion !== OPEN || this.probedUpTo >= 0 || roundTrip.smoothedUs === 0) {
      this.probe.set(Number.POSITIVE_INFINITY);
      return;
    }
    const waitUs = 2 * roundTrip.smoothedUs + (board.packetsOut === 1 ? LONE_SEGMENT_US : 0);
    this.probe.set(Math.min(nowUs + waitUs, this.timeout.dueUs));
  }

  private probeTail(): void {
    const { board } = this;
    const { nowUs } = this.network;
    if (nowUs >= this.options.stopUs || this.congestion !== OPEN) return;
    const last = board.lastOutstanding();
    if (last < 0) return;
    this.probedUpTo = board.next;
    this.retransmit(last, nowUs);
    this.flush();
    this.rearmTimeout(nowUs);
  }

  /** Sends what window, receiver and pacing allow, lost segments first. */
  private transmit(): void {
    const { board, options } = this;
    const { nowUs } = this.network;
    if (this.state !== ESTABLISHED || nowUs >= options.stopUs) return;
    const { control } = options;
    const wasEmpty = board.packetsOut === 0;
    this.windowLimited = false;
    // With pacing, what leaves at once is a millisecond's worth (the autosizing of Linux), at least two segments.
    const pacing = control.pacingRate;
    const most = pacing > 0 ? Math.max(2, Math.floor(pacing * 1_000)) : Number.POSITIVE_INFINITY;
    let count = 0;
    for (;;) {
      if (board.inFlight >= Math.floor(control.window)) {
        this.windowLimited = true;
        break;
      }
      if (pacing > 0 && (nowUs < this.nextSendUs || count >= most)) break;
      if (!this.sendOne(nowUs)) break;
      count++;
    }
    if (pacing > 0 && count > 0) this.nextSendUs = Math.max(this.nextSendUs, nowUs) + count / pacing;
    this.flush();
    if (pacing > 0 && !this.windowLimited && this.nextSendUs > nowUs) this.pace.set(this.nextSendUs);
    if (this.timeout.dueUs === Number.POSITIVE_INFINITY && board.packetsOut > 0) this.rearmTimeout(nowUs);
    if (wasEmpty && count > 0) this.armProbe(nowUs);
  }

  private sendOne(nowUs: number): boolean {
    const { board } = this;
    const lost = board.firstLost();
    if (lost >= 0) {
      this.retransmit(lost, nowUs);
      this.reductionSent++;
      return true;
    }
    if ((board.packetsOut + 1) * this.mss > this.peerWindow) return false;
    if (board.packetsOut === 0) {
      this.firstSentUs = nowUs;
      this.deliveredTimeUs = nowUs;
    }
    const segment = board.sentNew(nowUs);
    this.options.sentFirst(segment);
    this.stamp(segment);
    this.reductionSent++;
    return true;
  }

  private retransmit(segment: number, nowUs: number): void {
    this.retransmitted++;
    if (this.undoRetransmissions < 0) this.undoRetransmissions = 0;
    this.undoRetransmissions++;
    if (this.retransmittedStamp < 0) this.retransmittedStamp = timestampOf(nowUs);
    this.board.sentAgain(segment, nowUs);
    if (segment === this.board.una) this.rearmTimeout(nowUs);
    this.stamp(segment);
  }

  private stamp(segment: number): void {
    const { board } = this;
    const slot = board.slot(segment);
    board.deliveredAtSend[slot] = this.delivered;
    board.deliveredTimeUs[slot] = this.deliveredTimeUs;
    board.firstSentUs[slot] = this.firstSentUs;
    this.batch.push(segment);
  }

  /** Hands the collected segments to the host, as many at a time as segmentation offload would. */
  private flush(): void {
    const { batch, network } = this;
    this.sent += batch.length;
    for (let from = 0; from < batch.length; from += MOST_AT_ONCE) {
      const count = Math.min(MOST_AT_ONCE, batch.length - from);
      network.transmit(count, (index, bytes, at) => this.write(batch[from + index], bytes, at));
    }
    batch.length = 0;
  }

  private write(segment: number, bytes: Uint8Array, at: number): number {
    const { out, ecn, board } = this;
    const again = board.wasRetransmitted(segment);
    out.flags = ACK | (this.announceReduction && !again ? CWR : 0);
    if (!again) this.announceReduction = false;
    out.ecn = ecn && !again ? ECT_0 : NOT_ECT;
    out.sequence = this.sequenceOf(segment);
    out.acknowledgement = this.peerSequence;
    out.window = 0xffff;
    out.timestamp = timestampOf(this.network.nowUs);
    out.echo = this.peerTimestamp;
    out.payloadBytes = this.mss;
    const length = writeSegment(bytes, at, out);
    out.payloadBytes = 0;
    return length;
  }
}
