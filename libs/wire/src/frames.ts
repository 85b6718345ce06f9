/** Reading the frames of a control datagram (inner kind 2). Nothing here throws on any input. */
import { readI32, readU16, readU32, readU48 } from './bytes.js';
import {
  CHALLENGE_BYTES,
  FRAME_ACK,
  FRAME_CLOSE,
  FRAME_HEADER_BYTES,
  FRAME_PATH_CHALLENGE,
  FRAME_PATH_INFO,
  FRAME_PATH_INFO_ACK,
  FRAME_PATH_RESPONSE,
  FRAME_POLICY,
  FRAME_POLICY_ACK,
  FRAME_PROBE,
  FRAME_SILENCE,
  MAX_ACK_RANGES,
} from './constants.js';
import { decodeUtf8 } from './utf8.js';

/** Bytes of an ACK body before its ranges. */
export const ACK_FIXED_BYTES = 28;

/**
 * An ACK, to write or as read. Its numbers sit in typed arrays, because a double in an object field is boxed anew with
 * every store.
 */
export class AckFrame {
  pathId = 0;
  /** Ranges in use, 1 to 32. */
  rangeCount = 0;
  /** Largest and smallest packet number of each range, both received; newest range first, with gaps between them. */
  readonly ranges = new Float64Array(MAX_ACK_RANGES * 2);
  /** What the accessors below hold, in their order. */
  readonly numbers = new Float64Array(4);

  /** Largest packet number received on the path. */
  get largest(): number {
    return this.ranges[0];
  }
  /** Receiver's stamp (u32, microseconds of its clock) at which the largest arrived. */
  get largestReceivedAt(): number {
    return this.numbers[0];
  }
  set largestReceivedAt(stamp: number) {
    this.numbers[0] = stamp;
  }
  /** How long the receiver kept the acknowledgement back after that, microseconds, u32. */
  get ackDelayUs(): number {
    return this.numbers[1];
  }
  set ackDelayUs(us: number) {
    this.numbers[1] = us;
  }
  /** Datagrams that the receiver accepted on this path since the session epoch began. */
  get receivedPackets(): number {
    return this.numbers[2];
  }
  set receivedPackets(count: number) {
    this.numbers[2] = count;
  }
  /** Bytes of those datagrams, outer header to tag. */
  get receivedBytes(): number {
    return this.numbers[3];
  }
  set receivedBytes(bytes: number) {
    this.numbers[3] = bytes;
  }
}

/** "This loaded path went silent." */
export class SilenceFrame {
  pathId = 0;
  readonly numbers = new Float64Array(1);
  /** Largest packet number seen on the path. */
  get largest(): number {
    return this.numbers[0];
  }
}

/** Objects and positions are valid only during the call. */
export interface FrameVisitor {
  /** @param token the 32 bits as a signed integer  @param padding bytes behind it */
  probe(token: number, padding: number): void;
  ack(frame: AckFrame): void;
  silence(frame: SilenceFrame): void;
  /** The 8 bytes at `bytes[at]`. */
  pathChallenge(bytes: Uint8Array, at: number): void;
  pathResponse(bytes: Uint8Array, at: number): void;
  pathInfo(pathId: number, version: number, priority: number, flags: number, name: string): void;
  pathInfoAck(pathId: number, version: number): void;
  /** `length` bytes at `bytes[at]`: chunk `chunk` (from 0, less than `chunks`) of the policy's JSON text. */
  policy(version: number, chunk: number, chunks: number, bytes: Uint8Array, at: number, length: number): void;
  policyAck(version: number, accepted: boolean, reason: string): void;
  close(code: number, reason: string): void;
}

const ackFrame = new AckFrame();
const silenceFrame = new SilenceFrame();

/**
 * Calls the visitor for each frame in `bytes[offset .. offset + length)`, skipping unknown types. Answers false at the
 * first malformed frame; those before it have been visited. PROBE, ACK and SILENCE allocate nothing. A visitor must
 * not call this again from within.
 */
export function readFrames(bytes: Uint8Array, offset: number, length: number, visitor: FrameVisitor): boolean {
  const end = offset + length;
  if (end > bytes.length) return false;
  let at = offset;
  while (at < end) {
    const body = at + FRAME_HEADER_BYTES;
    if (body > end) return false;
    const size = readU16(bytes, at + 1);
    if (body + size > end || !readFrame(bytes, bytes[at], body, size, visitor)) return false;
    at = body + size;
  }
  return true;
}

/**
 * True when a payload of frames asks for an acknowledgement: it carries anything but ACK, SILENCE and CLOSE. Looks at
 * types only; a malformed payload answers false.
 */
export function asksForAck(bytes: Uint8Array, offset: number, length: number): boolean {
  const end = offset + length;
  let asks = false;
  let at = offset;
  while (at < end) {
    if (at + FRAME_HEADER_BYTES > end) return false;
    const type = bytes[at];
    if (type !== FRAME_ACK && type !== FRAME_SILENCE && type !== FRAME_CLOSE) asks = true;
    at += FRAME_HEADER_BYTES + readU16(bytes, at + 1);
  }
  return at === end && asks;
}

function readFrame(bytes: Uint8Array, type: number, at: number, size: number, visitor: FrameVisitor): boolean {
  switch (type) {
    case FRAME_PROBE:
      if (size < 4) return false;
      visitor.probe(readI32(bytes, at), size - 4);
      return true;
    case FRAME_ACK:
      if (!readAck(bytes, at, size)) return false;
      visitor.ack(ackFrame);
      return true;
    case FRAME_SILENCE:
      if (size !== 7) return false;
      silenceFrame.pathId = bytes[at];
      silenceFrame.numbers[0] = readU48(bytes, at + 1);
      visitor.silence(silenceFrame);
      return true;
    case FRAME_PATH_CHALLENGE:
      if (size !== CHALLENGE_BYTES) return false;
      visitor.pathChallenge(bytes, at);
      return true;
    case FRAME_PATH_RESPONSE:
      if (size !== CHALLENGE_BYTES) return false;
      visitor.pathResponse(bytes, at);
      return true;
    default:
      return readRareFrame(bytes, type, at, size, visitor);
  }
}

function readRareFrame(bytes: Uint8Array, type: number, at: number, size: number, visitor: FrameVisitor): boolean {
  switch (type) {
    case FRAME_PATH_INFO: {
      const name = size >= 8 ? decodeUtf8(bytes, at + 8, size - 8) : undefined;
      if (name === undefined) return false;
      visitor.pathInfo(bytes[at], readU32(bytes, at + 4), readU16(bytes, at + 2), bytes[at + 1], name);
      return true;
    }
    case FRAME_PATH_INFO_ACK:
      if (size !== 5) return false;
      visitor.pathInfoAck(bytes[at], readU32(bytes, at + 1));
      return true;
    case FRAME_POLICY: {
      if (size < 8) return false;
      const chunk = readU16(bytes, at + 4);
      const chunks = readU16(bytes, at + 6);
      if (chunk >= chunks) return false;
      visitor.policy(readU32(bytes, at), chunk, chunks, bytes, at + 8, size - 8);
      return true;
    }
    case FRAME_POLICY_ACK: {
      const reason = size >= 5 && bytes[at + 4] <= 1 ? decodeUtf8(bytes, at + 5, size - 5) : undefined;
      if (reason === undefined) return false;
      visitor.policyAck(readU32(bytes, at), bytes[at + 4] === 1, reason);
      return true;
    }
    case FRAME_CLOSE: {
      const reason = size >= 2 ? decodeUtf8(bytes, at + 2, size - 2) : undefined;
      if (reason === undefined) return false;
      visitor.close(readU16(bytes, at), reason);
      return true;
    }
    default:
      return true;
  }
}

/** Ranges as in RFC 9000 section 19.3.1, with fixed u32 fields. Fills {@link ackFrame}. */
function readAck(bytes: Uint8Array, at: number, size: number): boolean {
  if (size < ACK_FIXED_BYTES + 4) return false;
  const count = bytes[at + 1];
  if (count < 1 || count > MAX_ACK_RANGES || size !== ACK_FIXED_BYTES + 4 + (count - 1) * 8) return false;
  const { ranges, numbers } = ackFrame;
  ackFrame.pathId = bytes[at];
  ackFrame.rangeCount = count;
  numbers[0] = readU32(bytes, at + 8);
  numbers[1] = readU32(bytes, at + 12);
  numbers[2] = readU48(bytes, at + 16);
  numbers[3] = readU48(bytes, at + 22);
  let largest = readU48(bytes, at + 2);
  let smallest = largest - readU32(bytes, at + ACK_FIXED_BYTES);
  if (smallest < 0) return false;
  ranges[0] = largest;
  ranges[1] = smallest;
  let next = at + ACK_FIXED_BYTES + 4;
  for (let i = 1; i < count; i++) {
    largest = smallest - readU32(bytes, next) - 2;
    smallest = largest - readU32(bytes, next + 4);
    if (smallest < 0) return false;
    ranges[i * 2] = largest;
    ranges[i * 2 + 1] = smallest;
    next += 8;
  }
  return true;
}
