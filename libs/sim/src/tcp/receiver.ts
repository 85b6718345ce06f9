/**
 * The receiving end of a TCP connection: acknowledges every second segment, at once what is out of order (RFC 5681
 * section 4.2), with SACK (RFC 2018), DSACK (RFC 2883) and the echo of congestion marks (RFC 3168). The application
 * takes whatever is in order at once.
 */
import {
  Alarm,
  RECEIVE_WINDOW_BYTES,
  sequenceDistance,
  type TcpAddresses,
  type TcpNetwork,
  timestampOf,
  WINDOW_SCALE,
} from './endpoint.js';
import { ACK, CONGESTION_EXPERIENCED, CWR, ECE, MOST_SACK_BLOCKS, SYN, TcpSegment, writeSegment } from './segment.js';

/** Linux: delayed acknowledgements wait at least this long, and do not wait at all for the first segments. */
const DELAYED_ACK_US = 40_000;
const QUICK_ACKS = 16;
/** Segments to one acknowledgement. */
const ACK_EVERY = 2;

export interface TcpReceiverOptions {
  readonly mtu: number;
  readonly ecn: boolean;
  readonly initialSequence: number;
  /** Bytes that became readable in order. */
  delivered(bytes: number): void;
}

export class TcpReceiver {
  /** Counts segments: all that arrived, and those that had arrived before. */
  segments = 0;
  duplicates = 0;
  readonly addresses: TcpAddresses;

  private readonly out = new TcpSegment();
  private readonly delayed: Alarm;
  private peerInitial = -1;
  private ecn = false;
  /** Offset in the stream of the first byte that is missing, and ranges beyond it: ascending, apart from each other. */
  private nextOffset = 0;
  private readonly ranges: { left: number; right: number }[] = [];
  /** Left ends of the ranges that changed last, newest first. */
  private recent: number[] = [];
  private dsackLeft = -1;
  private dsackRight = -1;
  private unacknowledged = 0;
  private quick = QUICK_ACKS;
  private echoCongestion = false;
  private echo = 0;

  constructor(
    private readonly network: TcpNetwork,
    addresses: TcpAddresses,
    private readonly options: TcpReceiverOptions,
  ) {
    this.addresses = addresses;
    Object.assign(this.out, addresses);
    this.delayed = new Alarm(network, () => this.acknowledge());
  }

  receive(segment: TcpSegment): void {
    if (segment.flags & SYN) {
      this.accept(segment);
      return;
    }
    if (this.peerInitial < 0 || segment.payloadBytes === 0) return;
    this.segments++;
    if (this.ecn) this.noteMarks(segment);
    const left = this.nextOffset + sequenceDistance(this.sequenceOf(this.nextOffset), segment.sequence);
    this.arrived(left, left + segment.payloadBytes, segment);
  }

  private accept(segment: TcpSegment): void {
    this.peerInitial = segment.sequence;
    this.ecn = this.options.ecn && (segment.flags & (ECE | CWR)) === (ECE | CWR);
    this.echo = segment.timestamp;
    const { out, options } = this;
    out.flags = SYN | ACK | (this.ecn ? ECE : 0);
    out.sequence = options.initialSequence;
    out.mss = options.mtu - 40;
    out.windowScale = WINDOW_SCALE;
    out.window = 0xffff;
    out.sackBlocks = 0;
    this.send();
  }

  /** From the first mark until the sender says that it has slowed down, every acknowledgement echoes it. */
  private noteMarks(segment: TcpSegment): void {
    if (segment.flags & CWR) this.echoCongestion = false;
    if (segment.ecn === CONGESTION_EXPERIENCED) {
      if (!this.echoCongestion) this.quick = Math.max(this.quick, 2);
      this.echoCongestion = true;
    }
  }

  private arrived(left: number, right: number, segment: TcpSegment): void {
    if (right <= this.nextOffset || this.isKnown(left, right)) {
      this.duplicates++;
      this.dsackLeft = left;
      this.dsackRight = right;
      this.acknowledge();
      return;
    }
    if (left > this.nextOffset) {
      this.keep(left, right);
      this.acknowledge();
      return;
    }
    // RFC 7323 section 4.3: the echo is of the segment that the acknowledgement advances over first.
    if (this.unacknowledged === 0) this.echo = segment.timestamp;
    const before = this.nextOffset;
    this.nextOffset = right;
    const filled = this.takeJoined();
    this.options.delivered(this.nextOffset - before);
    this.unacknowledged++;
    if (filled || this.ranges.length > 0 || this.quick > 0 || this.unacknowledged >= ACK_EVERY) {
      if (this.quick > 0) this.quick--;
      this.acknowledge();
    } else this.delayed.set(this.network.nowUs + DELAYED_ACK_US);
  }

  private isKnown(left: number, right: number): boolean {
    for (let i = this.ranges.length - 1; i >= 0; i--) {
      const range = this.ranges[i];
      if (range.right <= left) return false;
      if (range.left <= left && right <= range.right) return true;
    }
    return false;
  }

  private keep(left: number, right: number): void {
    const { ranges } = this;
    let at = ranges.length;
    while (at > 0 && ranges[at - 1].left > left) at--;
    const before = at > 0 ? ranges[at - 1] : undefined;
    const after = at < ranges.length ? ranges[at] : undefined;
    let changed: number;
    if (before?.right === left) {
      before.right = right;
      changed = before.left;
      if (after?.left === right) {
        before.right = after.right;
        ranges.splice(at, 1);
      }
    } else if (after?.left === right) {
      after.left = left;
      changed = left;
    } else {
      ranges.splice(at, 0, { left, right });
      changed = left;
    }
    this.recent = [changed, ...this.recent.filter((known) => known !== changed)].slice(0, 2 * MOST_SACK_BLOCKS);
  }

  /** Ranges that the stream has reached become part of it. */
  private takeJoined(): boolean {
    let joined = false;
    while (this.ranges.length > 0 && this.ranges[0].left <= this.nextOffset) {
      const range = this.ranges.shift();
      if (range !== undefined) this.nextOffset = Math.max(this.nextOffset, range.right);
      joined = true;
    }
    return joined;
  }

  private acknowledge(): void {
    const { out } = this;
    this.unacknowledged = 0;
    this.delayed.set(Number.POSITIVE_INFINITY);
    out.flags = ACK | (this.echoCongestion ? ECE : 0);
    out.sequence = (this.options.initialSequence + 1) >>> 0;
    out.window = Math.min(0xffff, RECEIVE_WINDOW_BYTES >>> WINDOW_SCALE);
    this.writeBlocks();
    this.send();
  }

  /** First what came twice, then the ranges by how lately they changed. */
  private writeBlocks(): void {
    const { out } = this;
    let count = 0;
    if (this.dsackLeft >= 0) {
      out.sackLeft[count] = this.sequenceOf(this.dsackLeft);
      out.sackRight[count++] = this.sequenceOf(this.dsackRight);
      this.dsackLeft = -1;
    }
    for (const left of this.recent) {
      if (count === MOST_SACK_BLOCKS) break;
      const range = this.ranges.find((candidate) => candidate.left === left);
      if (range === undefined) continue;
      out.sackLeft[count] = this.sequenceOf(range.left);
      out.sackRight[count++] = this.sequenceOf(range.right);
    }
    out.sackBlocks = count;
  }

  private sequenceOf(offset: number): number {
    return (this.peerInitial + 1 + offset) >>> 0;
  }

  private send(): void {
    const { out, network } = this;
    out.acknowledgement = this.sequenceOf(this.nextOffset);
    out.timestamp = timestampOf(network.nowUs);
    out.echo = this.echo;
    network.transmit(1, (_, bytes, at) => writeSegment(bytes, at, out));
  }
}
