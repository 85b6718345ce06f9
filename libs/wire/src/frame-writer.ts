import { writeU16, writeU32, writeU48 } from './bytes.js';
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
import { ACK_FIXED_BYTES, type AckFrame } from './frames.js';
import { utf8Length, writeUtf8 } from './utf8.js';

/**
 * Writes frames one after another into a buffer that the caller lends. Every method answers false, and writes
 * nothing, when its frame does not fit. PROBE, ACK and SILENCE allocate nothing.
 */
export class FrameWriter {
  #bytes: Uint8Array = new Uint8Array(0);
  #start = 0;
  #at = 0;
  #limit = 0;

  /** Starts over at `bytes[offset]`, with room for `room` bytes. */
  begin(bytes: Uint8Array, offset: number, room: number): void {
    this.#bytes = bytes;
    this.#start = offset;
    this.#at = offset;
    this.#limit = Math.min(offset + room, bytes.length);
  }

  /** Bytes written since {@link begin}. */
  get length(): number {
    return this.#at - this.#start;
  }

  /** Bytes that are left. */
  get room(): number {
    return this.#limit - this.#at;
  }

  /**
   * @param token 32 opaque bits, as any integer
   * @param padding zero bytes behind the token, to make a datagram as long as the path MTU that is probed
   */
  probe(token: number, padding: number): boolean {
    const at = this.#open(FRAME_PROBE, 4 + padding);
    if (at < 0) return false;
    writeU32(this.#bytes, at, token);
    // What lay in the buffer before is none of the peer's business.
    this.#bytes.fill(0, at + 4, at + 4 + padding);
    return true;
  }

  /** Answers false also for a frame that breaks the rules of {@link AckFrame}. */
  ack(frame: AckFrame): boolean {
    const count = frame.rangeCount;
    const { ranges, numbers } = frame;
    if (!(count >= 1 && count <= MAX_ACK_RANGES) || !rangesAreSound(ranges, count)) return false;
    let at = this.#open(FRAME_ACK, ACK_FIXED_BYTES + 4 + (count - 1) * 8);
    if (at < 0) return false;
    const bytes = this.#bytes;
    bytes[at] = frame.pathId;
    bytes[at + 1] = count;
    writeU48(bytes, at + 2, ranges[0]);
    writeU32(bytes, at + 8, numbers[0]);
    writeU32(bytes, at + 12, numbers[1]);
    writeU48(bytes, at + 16, numbers[2]);
    writeU48(bytes, at + 22, numbers[3]);
    at += ACK_FIXED_BYTES;
    writeU32(bytes, at, ranges[0] - ranges[1]);
    at += 4;
    for (let i = 2; i < count * 2; i += 2) {
      writeU32(bytes, at, ranges[i - 1] - ranges[i] - 2);
      writeU32(bytes, at + 4, ranges[i] - ranges[i + 1]);
      at += 8;
    }
    return true;
  }

  /** @param largest largest packet number seen on the path before it went silent */
  silence(pathId: number, largest: number): boolean {
    const at = this.#open(FRAME_SILENCE, 7);
    if (at < 0) return false;
    this.#bytes[at] = pathId;
    writeU48(this.#bytes, at + 1, largest);
    return true;
  }

  /** Copies {@link CHALLENGE_BYTES} bytes from `data[from]`. */
  pathChallenge(data: Uint8Array, from: number): boolean {
    return this.#opaque(FRAME_PATH_CHALLENGE, data, from);
  }

  pathResponse(data: Uint8Array, from: number): boolean {
    return this.#opaque(FRAME_PATH_RESPONSE, data, from);
  }

  /**
   * @param version grows with every change of the path's information, u32
   * @param priority operator's order, u16
   * @param flags PATH_METERED, PATH_BLOCKED, PATH_GONE
   */
  pathInfo(pathId: number, version: number, priority: number, flags: number, name: string): boolean {
    const at = this.#open(FRAME_PATH_INFO, 8 + utf8Length(name));
    if (at < 0) return false;
    this.#bytes[at] = pathId;
    this.#bytes[at + 1] = flags;
    writeU16(this.#bytes, at + 2, priority);
    writeU32(this.#bytes, at + 4, version);
    writeUtf8(this.#bytes, at + 8, name);
    return true;
  }

  pathInfoAck(pathId: number, version: number): boolean {
    const at = this.#open(FRAME_PATH_INFO_ACK, 5);
    if (at < 0) return false;
    this.#bytes[at] = pathId;
    writeU32(this.#bytes, at + 1, version);
    return true;
  }

  /** Chunk `chunk` (from 0) of `chunks` of the JSON text of policy `version`: `length` bytes from `data[from]`. */
  policy(version: number, chunk: number, chunks: number, data: Uint8Array, from: number, length: number): boolean {
    if (!(chunk < chunks)) return false;
    const at = this.#open(FRAME_POLICY, 8 + length);
    if (at < 0) return false;
    writeU32(this.#bytes, at, version);
    writeU16(this.#bytes, at + 4, chunk);
    writeU16(this.#bytes, at + 6, chunks);
    copy(this.#bytes, at + 8, data, from, length);
    return true;
  }

  /** @param reason why it was refused; empty when accepted */
  policyAck(version: number, accepted: boolean, reason: string): boolean {
    const at = this.#open(FRAME_POLICY_ACK, 5 + utf8Length(reason));
    if (at < 0) return false;
    writeU32(this.#bytes, at, version);
    this.#bytes[at + 4] = accepted ? 1 : 0;
    writeUtf8(this.#bytes, at + 5, reason);
    return true;
  }

  /** @param code CLOSE_SHUTDOWN and so on, u16 */
  close(code: number, reason: string): boolean {
    const at = this.#open(FRAME_CLOSE, 2 + utf8Length(reason));
    if (at < 0) return false;
    writeU16(this.#bytes, at, code);
    writeUtf8(this.#bytes, at + 2, reason);
    return true;
  }

  #opaque(type: number, data: Uint8Array, from: number): boolean {
    const at = this.#open(type, CHALLENGE_BYTES);
    if (at < 0) return false;
    copy(this.#bytes, at, data, from, CHALLENGE_BYTES);
    return true;
  }

  /** Writes a frame header and answers where its body starts, or -1 when the frame does not fit. */
  #open(type: number, bodyBytes: number): number {
    const at = this.#at;
    if (bodyBytes > 0xffff || at + FRAME_HEADER_BYTES + bodyBytes > this.#limit) return -1;
    this.#bytes[at] = type;
    writeU16(this.#bytes, at + 1, bodyBytes);
    this.#at = at + FRAME_HEADER_BYTES + bodyBytes;
    return at + FRAME_HEADER_BYTES;
  }
}

/** Newest first, at least one missing packet between two ranges, and no length or gap beyond 32 bits. */
function rangesAreSound(ranges: Float64Array, count: number): boolean {
  let above = Number.POSITIVE_INFINITY;
  for (let i = 0; i < count * 2; i += 2) {
    const largest = ranges[i];
    const smallest = ranges[i + 1];
    if (!(smallest >= 0 && smallest <= largest && largest - smallest <= 0xffff_ffff)) return false;
    if (i > 0 && !(above - largest >= 2 && above - largest - 2 <= 0xffff_ffff)) return false;
    above = smallest;
  }
  return true;
}

/** A short copy without subarray(), which would allocate. */
function copy(to: Uint8Array, at: number, from: Uint8Array, start: number, length: number): void {
  for (let i = 0; i < length; i++) to[at + i] = from[start + i];
}
