/**
 * The sending end of a TCP connection whose application always has data: SACK based recovery (RFC 6675) with RACK and a
 * tail loss probe (RFC 8985), timeouts (RFC 6298) and ECN (RFC 3168), in the shape of Linux. All segments are full.
 */
import { AckSample, type TcpControl } from './control.js';
import { DeliveryRate } from './delivery-rate.js';
import {
  Alarm,
  RECEIVE_WINDOW_BYTES,
  sequenceDistance,
  type TcpAddresses,
  type TcpNetwork,
  timestampOf,
  WINDOW_SCALE,
} from './endpoint.js';
import { KnownRanges } from './known-ranges.js';
import { Recovery } from './recovery.js';
import { RoundTrip } from './rtt.js';
import { Scoreboard } from './scoreboard.js';
import { ACK, CWR, DATA_HEADER_BYTES, ECE, ECT_0, NOT_ECT, SYN, TcpSegment, writeSegment } from './segment.js';

const CLOSED = 0;
const OPENING = 1;
const ESTABLISHED = 2;

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
  sent = 0;
  retransmitted = 0;
  /** Segments that arrived twice, as the receiver says. */
  spurious = 0;
  timeouts = 0;
  mss = 0;
  readonly recovery: Recovery;
  /** One sample an acknowledgement, microseconds. */
  readonly roundTrips: number[] = [];

  private readonly roundTrip = new RoundTrip();
  private readonly board = new Scoreboard(Math.ceil(RECEIVE_WINDOW_BYTES / (SMALLEST_MSS - 12)));
  private readonly rate = new DeliveryRate(this.board);
  private readonly known = new KnownRanges();
  private readonly out = new TcpSegment();
  private readonly sample = new AckSample();
  private readonly batch: number[] = [];
  private readonly timeout: Alarm;
  private readonly reordering: Alarm;
  private readonly probe: Alarm;
  private readonly pace: Alarm;
  private state = CLOSED;
  private ecn = false;
  private peerSequence = 0;
  private peerTimestamp = 0;
  private peerWindow = 0;
  private synSentUs = 0;
  private nextSendUs = 0;
  private windowLimited = false;
  /** A tail loss probe is out until this is acknowledged; -1: none is. */
  private probedUpTo = -1;

  constructor(
    private readonly network: TcpNetwork,
    addresses: TcpAddresses,
    private readonly options: TcpSenderOptions,
  ) {
    Object.assign(this.out, addresses);
    this.recovery = new Recovery(this.board, options.control, () => {
      this.roundTrip.backoff = 0;
    });
    this.timeout = new Alarm(network, () => this.timedOut());
    this.reordering = new Alarm(network, () => this.reorderingOver());
    this.probe = new Alarm(network, () => this.probeTail());
    this.pace = new Alarm(network, () => this.transmit());
  }

  // --- opening ----------------------------------------------------------------------------------------------------

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
    this.rate.restart(nowUs);
    this.transmit();
  }

  // --- acknowledgements -------------------------------------------------------------------------------------------

  private acknowledged(segment: TcpSegment): void {
    const { board, sample, rate } = this;
    const { nowUs } = this.network;
    const first = this.segmentAt(segment.acknowledgement);
    if (first > board.next) return;
    this.peerWindow = segment.window << WINDOW_SCALE;
    const deliveredBefore = rate.delivered;
    const lostBefore = board.lostOut;
    const unaBefore = board.una;
    sample.priorInFlight = board.inFlight;
    sample.rttUs = -1;
    rate.begin(sample);

    const isDsack = this.readDsack(segment, first);
    const isSacked = this.readSacks(segment, isDsack ? 1 : 0, nowUs);
    this.takeOff(first, nowUs);
    if (isDsack) board.rackDsack(sample.priorDelivered < 0 ? rate.delivered : sample.priorDelivered, rate.delivered);

    const advanced = board.una > unaBefore;
    if (advanced || isSacked || isDsack) this.detectLosses(nowUs);
    this.updateRecovery(advanced, segment.echo, this.ecn && (segment.flags & ECE) !== 0);
    sample.lost = Math.max(0, board.lostOut - lostBefore);
    sample.acknowledged = board.una - unaBefore;
    sample.delivered = rate.delivered - deliveredBefore;
    this.steer(nowUs, advanced);
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
    this.recovery.noteDsack(left);
    return true;
  }

  private readSacks(segment: TcpSegment, from: number, nowUs: number): boolean {
    const { board, known } = this;
    let news = false;
    for (let block = from; block < segment.sackBlocks; block++) {
      const left = Math.max(board.una, this.segmentAt(segment.sackLeft[block]));
      const right = Math.min(board.next, this.segmentAt(segment.sackRight[block]));
      for (let one = left; one < right; one++) {
        one = known.unknownFrom(one);
        if (one >= right) break;
        const retransmitted = board.wasRetransmitted(one);
        if (!board.sack(one)) continue;
        news = true;
        this.noteDelivered(one, retransmitted, nowUs);
      }
      known.add(left, right);
    }
    return news;
  }

  /** Takes what is acknowledged in order off the board. */
  private takeOff(first: number, nowUs: number): void {
    const { board, sample, roundTrip } = this;
    let oldestRttUs = -1;
    while (board.una < first) {
      const acked = board.una;
      const retransmitted = board.wasRetransmitted(acked);
      if (!board.acknowledgeFirst()) continue;
      if (!retransmitted && oldestRttUs < 0) oldestRttUs = nowUs - board.sentAtUs[board.slot(acked)];
      this.noteDelivered(acked, retransmitted, nowUs);
    }
    if (oldestRttUs >= 0) roundTrip.sample(oldestRttUs, nowUs);
    if (sample.rttUs < 0) return;
    roundTrip.noteMin(sample.rttUs, nowUs);
    this.roundTrips.push(sample.rttUs);
  }

  private noteDelivered(segment: number, retransmitted: boolean, nowUs: number): void {
    const { board, sample } = this;
    board.rackDelivered(segment, retransmitted, this.roundTrip.minUs, nowUs);
    if (!retransmitted) sample.rttUs = nowUs - board.sentAtUs[board.slot(segment)];
    this.rate.noteDelivered(segment, sample, nowUs);
  }

  private updateRecovery(advanced: boolean, echo: number, isMarked: boolean): void {
    this.recovery.update(advanced, echo, isMarked);
    if (this.probedUpTo >= 0 && this.board.una >= this.probedUpTo) this.probedUpTo = -1;
  }

  private steer(nowUs: number, advanced: boolean): void {
    const { board, sample, recovery, roundTrip } = this;
    sample.nowUs = nowUs;
    sample.inFlight = board.inFlight;
    sample.smoothedUs = roundTrip.smoothedUs;
    sample.windowLimited = this.windowLimited;
    sample.recovering = recovery.isRecovering;
    sample.una = board.una;
    sample.next = board.next;
    this.rate.finish(sample, roundTrip.minUs);
    if (recovery.isReducing) recovery.reduceWindow(sample.delivered, sample.lost, advanced);
    else this.options.control.acknowledged(sample);
  }

  // --- loss -------------------------------------------------------------------------------------------------------

  private detectLosses(nowUs: number): void {
    const { board, roundTrip } = this;
    const againUs = board.rackDetect(this.recovery.isRecovering, roundTrip.minUs, roundTrip.smoothedUs, nowUs);
    this.reordering.set(againUs);
    // As in Linux, one timer serves both: nothing times out before the reordering window has passed.
    if (againUs < Number.POSITIVE_INFINITY && this.timeout.dueUs <= againUs) {
      this.timeout.set(againUs + SMALLEST_TIMEOUT_US);
    }
  }

  private reorderingOver(): void {
    const { recovery } = this;
    const { nowUs } = this.network;
    const before = this.board.lostOut;
    this.detectLosses(nowUs);
    this.rearmAfterFirst(nowUs);
    if (this.board.lostOut === before) return;
    this.updateRecovery(false, 0, false);
    if (recovery.isReducing) recovery.reduceWindow(0, 1, false);
    this.transmit();
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
    const { nowUs } = this.network;
    this.roundTrip.backoff++;
    if (this.state === OPENING) {
      this.open();
      return;
    }
    if (this.board.packetsOut === 0 || nowUs >= this.options.stopUs) return;
    this.timeouts++;
    this.recovery.timedOut(nowUs);
    this.probe.set(Number.POSITIVE_INFINITY);
    this.nextSendUs = nowUs;
    this.transmit();
    this.rearmTimeout(nowUs);
  }

  /** RFC 8985 section 7. */
  private armProbe(nowUs: number): void {
    const { board, roundTrip } = this;
    const idle = board.packetsOut === 0 || board.sackedOut > 0 || board.lostOut > 0;
    if (idle || !this.recovery.isOpen || this.probedUpTo >= 0 || roundTrip.smoothedUs === 0) {
      this.probe.set(Number.POSITIVE_INFINITY);
      return;
    }
    const waitUs = 2 * roundTrip.smoothedUs + (board.packetsOut === 1 ? LONE_SEGMENT_US : 0);
    this.probe.set(Math.min(nowUs + waitUs, this.timeout.dueUs));
  }

  private probeTail(): void {
    const { board } = this;
    const { nowUs } = this.network;
    if (nowUs >= this.options.stopUs || !this.recovery.isOpen) return;
    const last = board.lastOutstanding();
    if (last < 0) return;
    // Something new, beyond the window, where the receiver takes it: its acknowledgement tells as much.
    if (!this.sendNew(nowUs)) this.retransmit(last, nowUs);
    this.probedUpTo = board.next;
    this.flush();
    this.rearmTimeout(nowUs);
  }

  // --- sending ----------------------------------------------------------------------------------------------------

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
      this.recovery.noteSent();
      return true;
    }
    return this.sendNew(nowUs);
  }

  private sendNew(nowUs: number): boolean {
    const { board } = this;
    if ((board.packetsOut + 1) * this.mss > this.peerWindow) return false;
    if (board.packetsOut === 0) this.rate.restart(nowUs);
    const segment = board.sentNew(nowUs);
    this.options.sentFirst(segment);
    this.enqueue(segment);
    this.recovery.noteSent();
    return true;
  }

  private retransmit(segment: number, nowUs: number): void {
    this.retransmitted++;
    this.recovery.noteRetransmitted(nowUs);
    this.board.sentAgain(segment, nowUs);
    if (segment === this.board.una) this.rearmTimeout(nowUs);
    this.enqueue(segment);
  }

  private enqueue(segment: number): void {
    this.rate.stamp(segment);
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
    const { out, ecn, board, recovery } = this;
    const again = board.wasRetransmitted(segment);
    out.flags = ACK | (recovery.announce && !again ? CWR : 0);
    if (!again) recovery.announce = false;
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
