/**
 * Payload of a repair datagram (kind 3): a linear combination over GF(256) of consecutive packets of one flow.
 *
 * The inner header names the flow and, as sequence, the first packet that the combination covers. The payload is
 *
 * ```
 *   u8   count     packets covered, 1 to 64: sequences first .. first + count - 1
 *   u8   number    repairs of this flow so far, modulo 256: chooses the coefficients
 *   ...  code      sum over the packets of coefficient(number, sequence) * symbol
 * ```
 *
 * A packet's symbol is its length (u16) and its bytes, followed by zeros up to the longest symbol of the window; the
 * code is as long as that one. The terms are those of RFC 8681, whose symbols (ADUI) and field are alike; the
 * coefficients are not drawn at random but form a Cauchy matrix, see {@link repairCoefficient}.
 */
import { readU16, writeU16 } from './bytes.js';

/** Packets that one repair datagram covers at most. */
export const MAX_REPAIR_WINDOW = 64;
/** Count and number in front of the code. */
export const REPAIR_HEADER_BYTES = 2;
/** The length in front of a packet in its symbol. */
export const SYMBOL_LENGTH_BYTES = 2;
/** A repair datagram is longer by so much than the one of the longest packet that it covers. */
export const REPAIR_OVERHEAD_BYTES = REPAIR_HEADER_BYTES + SYMBOL_LENGTH_BYTES;

/** x^8 + x^4 + x^3 + x^2 + 1, the field of RFC 8681, section 4.1, and RFC 5510; 2 generates its multiplicative group. */
export const GF256_POLYNOMIAL = 0x11d;

/** Elements that the numbers of repairs and of packets are mapped to: two disjoint halves of the field. */
const HALF = 128;
const INVERSE = inverses();

/**
 * The coefficient of packet `sequence` in the repair `number` of its flow: 1 / (x + y), where x is `number` modulo 128
 * and y is 128 plus `sequence` modulo 128. That is an entry of a Cauchy matrix: every square part of one is invertible,
 * so b repairs that all cover b missing packets restore them for certain, as long as packets and repairs of one system
 * lie within 128 numbers. Never 0; answers 1 to 255.
 */
export function repairCoefficient(number: number, sequence: number): number {
  return INVERSE[(number & (HALF - 1)) ^ (sequence & (HALF - 1))];
}

/** Whether `length` bytes at `bytes[at]` are shaped like a repair payload. */
export function isRepair(bytes: Uint8Array, at: number, length: number): boolean {
  return length > REPAIR_OVERHEAD_BYTES && bytes[at] >= 1 && bytes[at] <= MAX_REPAIR_WINDOW;
}

/** Packets covered by the repair payload at `bytes[at]`. */
export function repairCount(bytes: Uint8Array, at: number): number {
  return bytes[at];
}

/** Number of the repair payload at `bytes[at]`. */
export function repairNumber(bytes: Uint8Array, at: number): number {
  return bytes[at + 1];
}

/** Writes the two bytes in front of the code. */
export function writeRepairHeader(bytes: Uint8Array, at: number, count: number, number: number): void {
  bytes[at] = count;
  bytes[at + 1] = number;
}

/** Length of the packet whose symbol starts at `bytes[at]`. */
export function symbolPacketLength(bytes: Uint8Array, at: number): number {
  return readU16(bytes, at);
}

/** Writes the length in front of a packet in its symbol. */
export function writeSymbolLength(bytes: Uint8Array, at: number, packetLength: number): void {
  writeU16(bytes, at, packetLength);
}

/** 1 / (128 + i), for i from 0 to 127. */
function inverses(): Uint8Array {
  const table = new Uint8Array(HALF);
  let power = 1;
  let inverse = 1;
  const half = (value: number): number => (value & 1 ? (value ^ GF256_POLYNOMIAL) >> 1 : value >> 1);
  for (let exponent = 0; exponent < 255; exponent++) {
    if (power >= HALF) table[power - HALF] = inverse;
    power <<= 1;
    if (power > 255) power ^= GF256_POLYNOMIAL;
    inverse = half(inverse);
  }
  return table;
}
