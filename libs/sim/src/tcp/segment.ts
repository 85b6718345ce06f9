/**
 * TCP segments as they go through the tunnel: real IPv4 (RFC 791) and TCP headers (RFC 9293) with timestamps and window
 * scale (RFC 7323), SACK (RFC 2018) and MSS options and right checksums, so that classifier, congestion marks and MSS
 * clamping meet what they meet in production. The payload is zeros.
 */

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const PSH = 0x08;
export const ACK = 0x10;
export const ECE = 0x40;
export const CWR = 0x80;

/** Codepoints of the IP header (RFC 3168). */
export const NOT_ECT = 0;
export const ECT_0 = 2;
export const CONGESTION_EXPERIENCED = 3;

const IP_BYTES = 20;
const TCP_BYTES = 20;
const TIMESTAMP_BYTES = 12;
/** Headers of a data segment: IP, TCP and the timestamps. */
export const DATA_HEADER_BYTES = IP_BYTES + TCP_BYTES + TIMESTAMP_BYTES;
/** Three SACK blocks fit beside the timestamps. */
export const MOST_SACK_BLOCKS = 3;

/** One segment; one object is filled again and again. Sequence numbers are unsigned 32-bit. */
export class TcpSegment {
  source = 0;
  destination = 0;
  sourcePort = 0;
  destinationPort = 0;
  dscp = 0;
  ecn = NOT_ECT;
  sequence = 0;
  acknowledgement = 0;
  flags = 0;
  /** As in the header, unscaled. */
  window = 0;
  timestamp = 0;
  echo = 0;
  /** SYN only: the option's value. */
  mss = 0;
  /** SYN only. */
  windowScale = 0;
  sackBlocks = 0;
  readonly sackLeft = new Float64Array(MOST_SACK_BLOCKS);
  readonly sackRight = new Float64Array(MOST_SACK_BLOCKS);
  payloadBytes = 0;

  copy(): TcpSegment {
    const { sackLeft, sackRight, ...fields } = this;
    const made = Object.assign(new TcpSegment(), fields);
    made.sackLeft.set(sackLeft);
    made.sackRight.set(sackRight);
    return made;
  }
}

/** Writes the segment at `at` and answers the length of its packet. */
export function writeSegment(bytes: Uint8Array, at: number, segment: TcpSegment): number {
  const optionBytes = segment.flags & SYN ? 20 : TIMESTAMP_BYTES + (segment.sackBlocks && 4 + 8 * segment.sackBlocks);
  const tcpBytes = TCP_BYTES + optionBytes;
  const length = IP_BYTES + tcpBytes + segment.payloadBytes;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, length);
  view.setUint16(0, 0x4500 | (segment.dscp << 2) | segment.ecn);
  view.setUint16(2, length);
  view.setUint32(4, 0x4000); // identification 0, do not fragment
  view.setUint32(8, 0x40060000); // 64 hops, TCP, checksum to come
  view.setUint32(12, segment.source);
  view.setUint32(16, segment.destination);
  view.setUint16(10, folded(sumOf(view, 0, IP_BYTES, 0)));

  view.setUint16(20, segment.sourcePort);
  view.setUint16(22, segment.destinationPort);
  view.setUint32(24, segment.sequence);
  view.setUint32(28, segment.acknowledgement);
  view.setUint16(32, ((tcpBytes / 4) << 12) | segment.flags);
  view.setUint16(34, segment.window);
  view.setUint32(36, 0); // checksum to come, no urgent data
  if (segment.flags & SYN) writeSynOptions(view, segment);
  else writeOptions(view, segment);
  bytes.fill(0, at + IP_BYTES + tcpBytes, at + length);
  view.setUint16(36, folded(tcpSum(view, tcpBytes, length)));
  return length;
}

/** MSS, SACK permitted, timestamps, window scale: what Linux sends. */
function writeSynOptions(view: DataView, segment: TcpSegment): void {
  view.setUint32(40, 0x02040000 | segment.mss);
  view.setUint32(44, 0x0402080a);
  view.setUint32(48, segment.timestamp);
  view.setUint32(52, segment.echo);
  view.setUint32(56, 0x01030300 | segment.windowScale);
}

function writeOptions(view: DataView, segment: TcpSegment): void {
  view.setUint32(40, 0x0101080a);
  view.setUint32(44, segment.timestamp);
  view.setUint32(48, segment.echo);
  if (segment.sackBlocks === 0) return;
  view.setUint32(52, 0x01010500 | (2 + 8 * segment.sackBlocks));
  for (let i = 0; i < segment.sackBlocks; i++) {
    view.setUint32(56 + 8 * i, segment.sackLeft[i]);
    view.setUint32(60 + 8 * i, segment.sackRight[i]);
  }
}

/** True for an IPv4 packet that carries TCP. */
export function isTcp(bytes: Uint8Array, at: number, length: number): boolean {
  return length >= IP_BYTES + TCP_BYTES && bytes[at] === 0x45 && bytes[at + 9] === 6;
}

/** Reads a packet into `segment`; false when any byte of it is not as a sender wrote it, marks and MSS apart. */
export function readSegment(bytes: Uint8Array, at: number, length: number, segment: TcpSegment): boolean {
  if (!isTcp(bytes, at, length)) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, length);
  if (view.getUint16(2) !== length || folded(sumOf(view, 0, IP_BYTES, 0)) !== 0) return false;
  const tcpBytes = (view.getUint8(32) >> 4) * 4;
  const payloadAt = IP_BYTES + tcpBytes;
  if (tcpBytes < TCP_BYTES || payloadAt > length || folded(tcpSum(view, tcpBytes, length)) !== 0) return false;
  for (let i = at + payloadAt; i < at + length; i++) if (bytes[i] !== 0) return false;
  segment.source = view.getUint32(12);
  segment.destination = view.getUint32(16);
  segment.dscp = view.getUint8(1) >> 2;
  segment.ecn = view.getUint8(1) & 3;
  segment.sourcePort = view.getUint16(20);
  segment.destinationPort = view.getUint16(22);
  segment.sequence = view.getUint32(24);
  segment.acknowledgement = view.getUint32(28);
  segment.flags = view.getUint8(33);
  segment.window = view.getUint16(34);
  segment.payloadBytes = length - payloadAt;
  return readOptions(view, payloadAt, segment);
}

function readOptions(view: DataView, end: number, segment: TcpSegment): boolean {
  segment.sackBlocks = 0;
  segment.mss = 0;
  segment.windowScale = 0;
  for (let at = IP_BYTES + TCP_BYTES; at < end; ) {
    const kind = view.getUint8(at);
    if (kind === 0) break;
    if (kind === 1) {
      at++;
      continue;
    }
    const size = view.getUint8(at + 1);
    if (size < 2 || at + size > end) return false;
    if (kind === 2) segment.mss = view.getUint16(at + 2);
    else if (kind === 3) segment.windowScale = view.getUint8(at + 2);
    else if (kind === 5) readSack(view, at + 2, (size - 2) / 8, segment);
    else if (kind === 8) {
      segment.timestamp = view.getUint32(at + 2);
      segment.echo = view.getUint32(at + 6);
    }
    at += size;
  }
  return true;
}

function readSack(view: DataView, at: number, blocks: number, segment: TcpSegment): void {
  segment.sackBlocks = Math.min(blocks, MOST_SACK_BLOCKS);
  for (let i = 0; i < segment.sackBlocks; i++) {
    segment.sackLeft[i] = view.getUint32(at + 8 * i);
    segment.sackRight[i] = view.getUint32(at + 8 * i + 4);
  }
}

/** RFC 9293 section 3.1: over pseudo header, header and payload; zeros add nothing. */
function tcpSum(view: DataView, tcpBytes: number, length: number): number {
  const pseudo = sumOf(view, 12, 20, 6 + length - IP_BYTES);
  return sumOf(view, IP_BYTES, IP_BYTES + tcpBytes, pseudo);
}

function sumOf(view: DataView, from: number, to: number, start: number): number {
  let sum = start;
  for (let i = from; i < to; i += 2) sum += view.getUint16(i);
  return sum;
}

/** RFC 1071; 0 over what has a right checksum in place. */
function folded(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + (rest >>> 16);
  return ~rest & 0xffff;
}
