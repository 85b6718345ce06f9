/**
 * The little that the emulator reads and writes of IP packets: addresses, ports, checksums. Positions are offsets into
 * a slab; nothing here allocates.
 */
import { ADDRESS_BYTES } from '@corridor/tunnel';

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMPV6 = 58;

/** Version of the packet at `at`, or 0 when it is neither whole IPv4 nor IPv6. */
export function ipVersion(slab: Uint8Array, at: number, length: number): 0 | 4 | 6 {
  if (length < 20) return 0;
  const version = slab[at] >> 4;
  if (version === 4) return (slab[at] & 15) >= 5 && length >= (slab[at] & 15) * 4 ? 4 : 0;
  return version === 6 && length >= 40 ? 6 : 0;
}

/** Upper-layer protocol; an IPv6 extension header counts as a protocol of its own. */
export function protocolOf(slab: Uint8Array, at: number, version: 4 | 6): number {
  return version === 4 ? slab[at + 9] : slab[at + 6];
}

/** Where the upper layer starts. */
export function payloadOffset(slab: Uint8Array, at: number, version: 4 | 6): number {
  return version === 4 ? at + (slab[at] & 15) * 4 : at + 40;
}

/** A fragment that does not start its packet has no ports to look at. */
export function isLaterFragment(slab: Uint8Array, at: number): boolean {
  return (readU16(slab, at + 6) & 0x1fff) !== 0;
}

export function sourceOffset(at: number, version: 4 | 6): number {
  return version === 4 ? at + 12 : at + 8;
}

export function targetOffset(at: number, version: 4 | 6): number {
  return version === 4 ? at + 16 : at + 24;
}

export function addressBytes(version: 4 | 6): 4 | 16 {
  return version === 4 ? 4 : 16;
}

export function sameBytes(slab: Uint8Array, at: number, other: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (slab[at + i] !== other[i]) return false;
  return true;
}

export function readU16(slab: Uint8Array, at: number): number {
  return (slab[at] << 8) | slab[at + 1];
}

export function writeU16(slab: Uint8Array, at: number, value: number): void {
  slab[at] = value >> 8;
  slab[at + 1] = value & 0xff;
}

/** Ones' complement sum of 16-bit words (RFC 1071), not folded; an odd last byte counts as the high half. */
export function sumWords(slab: Uint8Array, at: number, length: number): number {
  let sum = 0;
  const even = at + (length & ~1);
  for (let i = at; i < even; i += 2) sum += (slab[i] << 8) | slab[i + 1];
  if (length & 1) sum += slab[even] << 8;
  return sum;
}

export function fold(sum: number): number {
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

/** Updates the checksum at `at` for bytes whose word sum went from `before` to `after` (RFC 1624, equation 3). */
export function adjustChecksum(slab: Uint8Array, at: number, before: number, after: number): void {
  const old = ~readU16(slab, at) & 0xffff;
  writeU16(slab, at, ~fold(old + (~fold(before) & 0xffff) + fold(after)) & 0xffff);
}

/** Where the upper layer's checksum lies and whether it covers the addresses; -1 when it has none to keep. */
export function transportChecksumOffset(slab: Uint8Array, payload: number, protocol: number): number {
  if (protocol === PROTOCOL_UDP) return readU16(slab, payload + 6) === 0 ? -1 : payload + 6;
  if (protocol === PROTOCOL_TCP) return payload + 16;
  if (protocol === PROTOCOL_ICMP || protocol === PROTOCOL_ICMPV6) return payload + 2;
  return -1;
}

/** ICMP's checksum covers its message only; all others cover the addresses too. */
export function coversAddresses(protocol: number): boolean {
  return protocol !== PROTOCOL_ICMP;
}

/** Parses `192.0.2.1` or `2001:db8::1` to its 4 or 16 bytes. @throws RangeError */
export function parseAddress(text: string): Uint8Array {
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

/** Address record (see libs/tunnel, batch.ts) of a remote address and port. @throws RangeError */
export function addressRecord(text: string, port: number): Uint8Array {
  const address = parseAddress(text);
  const record = new Uint8Array(ADDRESS_BYTES);
  record[0] = address.length === 4 ? 4 : 6;
  record[2] = port & 0xff;
  record[3] = port >> 8;
  record.set(address, 8);
  return record;
}

function parseV4(text: string): Uint8Array {
  const parts = text.split('.').map(Number);
  if (parts.length !== 4 || parts.some((part) => !(part >= 0 && part <= 255))) {
    throw new RangeError(`"${text}" is not an IPv4 address`);
  }
  return Uint8Array.from(parts);
}

function parseV6(text: string): Uint8Array {
  const halves = text.split('::');
  const words = (half: string | undefined) => (half ? half.split(':').map((word) => Number.parseInt(word, 16)) : []);
  const head = words(halves[0]);
  const tail = words(halves[1]);
  const missing = 8 - head.length - tail.length;
  if (halves.length > 2 || (halves.length === 1 ? missing !== 0 : missing < 0)) {
    throw new RangeError(`"${text}" is not an IPv6 address`);
  }
  const all = [...head, ...new Array<number>(missing).fill(0), ...tail];
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 8; i++) writeU16(bytes, i * 2, all[i]);
  return bytes;
}
