/**
 * Outer header (in clear, authenticated), inner header (sealed) and nonce of a transport datagram. Writers fill words
 * of a little-endian Uint32Array, as batches hold them; readers take bytes at any alignment. Nothing allocates.
 */
import { readU16, readU32, writeU16, writeU32, writeU48 } from './bytes.js';
import { DATAGRAM_TRANSPORT } from './constants.js';

/**
 * Writes the three words of an outer header at `words[at]`.
 * @param packetNumber 0 to 2^48 - 1
 * @param receiver the receiver's index of the session epoch, u32
 */
export function writeOuterHeader(
  words: Uint32Array,
  at: number,
  pathId: number,
  packetNumber: number,
  receiver: number,
): void {
  const high = (packetNumber / 0x1_0000_0000) | 0;
  words[at] = DATAGRAM_TRANSPORT | (pathId << 8) | (high << 16);
  words[at + 1] = receiver;
  words[at + 2] = packetNumber;
}

/** Path id of the transport datagram that starts at `bytes[at]`. */
export function outerPathId(bytes: Uint8Array, at: number): number {
  return bytes[at + 1];
}

/** Receiver index of the transport datagram that starts at `bytes[at]`, u32. */
export function outerReceiver(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 4);
}

/** Packet number of the transport datagram that starts at `bytes[at]`, 0 to 2^48 - 1. */
export function outerPacketNumber(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 2) * 0x1_0000_0000 + readU32(bytes, at + 8);
}

/**
 * Writes the three words of an inner header at `words[at]`.
 * @param flow see {@link flowId}; 0 for frames
 * @param sequence u32, position in the flow; 0 for frames
 * @param stamp u32, see `stampOf`
 */
export function writeInnerHeader(
  words: Uint32Array,
  at: number,
  kind: number,
  flags: number,
  flow: number,
  sequence: number,
  stamp: number,
): void {
  words[at] = kind | (flags << 8) | (flow << 16);
  words[at + 1] = sequence;
  words[at + 2] = stamp;
}

/**
 * Writes the 8 bytes in front of a further packet of a bundle at `bytes[at]`: the first two words of an inner header, read
 * by the same functions. The stamp is that of the datagram.
 */
export function writeBundledHeader(
  bytes: Uint8Array,
  at: number,
  kind: number,
  flags: number,
  flow: number,
  sequence: number,
): void {
  bytes[at] = kind;
  bytes[at + 1] = flags;
  writeU16(bytes, at + 2, flow);
  writeU32(bytes, at + 4, sequence);
}

export function innerKind(bytes: Uint8Array, at: number): number {
  return bytes[at];
}

export function innerFlags(bytes: Uint8Array, at: number): number {
  return bytes[at + 1];
}

export function innerFlow(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at + 2);
}

export function innerSequence(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 4);
}

export function innerStamp(bytes: Uint8Array, at: number): number {
  return readU32(bytes, at + 8);
}

/** Flow number: class index (0 to 15) in the high 4 bits, 12 bits of the flow hash below. */
export function flowId(classIndex: number, hash: number): number {
  return ((classIndex & 0xf) << 12) | (hash & 0xfff);
}

/** Class index of a flow number. */
export function flowClass(flow: number): number {
  return flow >>> 12;
}

/** Writes the 12 bytes of the AEAD nonce: path id u32, packet number u64. */
export function writeNonce(bytes: Uint8Array, at: number, pathId: number, packetNumber: number): void {
  writeU32(bytes, at, pathId);
  writeU48(bytes, at + 4, packetNumber);
  bytes[at + 10] = 0;
  bytes[at + 11] = 0;
}
