/** The answer to an inner packet that no path can carry: what a router would say, so that the sender sends less. */
import { LATER_FRAGMENT, PacketFields, PROTOCOL_ICMP, PROTOCOL_ICMPV6, readPacket } from './ip-packet.js';

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const ICMP_HEADER = 8;
/** RFC 1812 section 4.3.2.3: not more than 576 bytes. RFC 4443 section 2.4: not more than 1280. */
const MAX_REPLY_V4 = 576;
const MAX_REPLY_V6 = 1280;
const HOP_LIMIT = 64;
/** Bytes that {@link tooBigReply} may write. */
export const MAX_TOO_BIG_REPLY = MAX_REPLY_V6;

const fields = new PacketFields();

/**
 * Writes "fragmentation needed" (RFC 1191) or "packet too big" (RFC 4443 section 3.2) for the inner packet at
 * `packet[at]` to `out[outAt]` and answers its bytes, or 0 when there must be no answer: to later fragments, to ICMP
 * errors, and to senders that are no single host. The answer comes from the packet's destination, which is an address
 * that the sender routes into the tunnel in any case. Also for IPv4 without "don't fragment": it would be lost without
 * a word otherwise. The caller limits the rate and has room for {@link MAX_TOO_BIG_REPLY} bytes.
 * @param mtu largest inner packet that fits, bytes
 */
export function tooBigReply(
  packet: Uint8Array,
  at: number,
  length: number,
  mtu: number,
  out: Uint8Array,
  outAt: number,
): number {
  if (!readPacket(packet, at, length, fields) || fields.fragment === LATER_FRAGMENT) return 0;
  return fields.family === 4
    ? fragmentationNeeded(packet, at, length, mtu, out, outAt)
    : packetTooBig(packet, at, length, mtu, out, outAt);
}

function fragmentationNeeded(
  packet: Uint8Array,
  at: number,
  length: number,
  mtu: number,
  out: Uint8Array,
  outAt: number,
): number {
  const header = (packet[at] & 0xf) * 4;
  if (fields.protocol === PROTOCOL_ICMP && (length <= header || isIcmpError(packet[at + header]))) return 0;
  if (!isHostV4(packet, at + 12) || !isHostV4(packet, at + 16)) return 0;
  const quoted = Math.min(length, MAX_REPLY_V4 - IPV4_HEADER - ICMP_HEADER);
  const total = IPV4_HEADER + ICMP_HEADER + quoted;
  out.fill(0, outAt, outAt + IPV4_HEADER + ICMP_HEADER);
  out[outAt] = 0x45;
  writeU16(out, outAt + 2, total);
  out[outAt + 8] = HOP_LIMIT;
  out[outAt + 9] = PROTOCOL_ICMP;
  copy(packet, at + 16, out, outAt + 12, 4);
  copy(packet, at + 12, out, outAt + 16, 4);
  writeU16(out, outAt + 10, checksum(out, outAt, IPV4_HEADER, 0));
  const icmpAt = outAt + IPV4_HEADER;
  out[icmpAt] = 3;
  out[icmpAt + 1] = 4;
  writeU16(out, icmpAt + 6, mtu);
  copy(packet, at, out, icmpAt + ICMP_HEADER, quoted);
  writeU16(out, icmpAt + 2, checksum(out, icmpAt, ICMP_HEADER + quoted, 0));
  return total;
}

function packetTooBig(
  packet: Uint8Array,
  at: number,
  length: number,
  mtu: number,
  out: Uint8Array,
  outAt: number,
): number {
  // An error behind extension headers is rare enough to do without its answer, whatever its type.
  if (fields.protocol === PROTOCOL_ICMPV6 && (packet[at + 6] !== PROTOCOL_ICMPV6 || packet[at + IPV6_HEADER] < 128)) {
    return 0;
  }
  if (!isHostV6(packet, at + 8) || !isHostV6(packet, at + 24)) return 0;
  const quoted = Math.min(length, MAX_REPLY_V6 - IPV6_HEADER - ICMP_HEADER);
  const payload = ICMP_HEADER + quoted;
  out.fill(0, outAt, outAt + IPV6_HEADER + ICMP_HEADER);
  out[outAt] = 0x60;
  writeU16(out, outAt + 4, payload);
  out[outAt + 6] = PROTOCOL_ICMPV6;
  out[outAt + 7] = HOP_LIMIT;
  copy(packet, at + 24, out, outAt + 8, 16);
  copy(packet, at + 8, out, outAt + 24, 16);
  const icmpAt = outAt + IPV6_HEADER;
  out[icmpAt] = 2;
  writeU16(out, icmpAt + 6, mtu);
  copy(packet, at, out, icmpAt + ICMP_HEADER, quoted);
  // Pseudo-header: the two addresses, the length and the protocol (RFC 8200 section 8.1).
  const pseudo = sum(out, outAt + 8, 32, payload + PROTOCOL_ICMPV6);
  writeU16(out, icmpAt + 2, checksum(out, icmpAt, payload, pseudo));
  return IPV6_HEADER + payload;
}

/** Destination unreachable, source quench, redirect, time exceeded, parameter problem. */
function isIcmpError(type: number): boolean {
  return type === 3 || type === 4 || type === 5 || type === 11 || type === 12;
}

/** Neither this-network, loopback, multicast nor broadcast. */
function isHostV4(bytes: Uint8Array, at: number): boolean {
  return bytes[at] !== 0 && bytes[at] !== 127 && bytes[at] < 224;
}

/** Neither unspecified nor multicast. */
function isHostV6(bytes: Uint8Array, at: number): boolean {
  if (bytes[at] === 0xff) return false;
  for (let i = 0; i < 16; i++) if (bytes[at + i] !== 0) return true;
  return false;
}

/** The Internet checksum (RFC 1071). */
function checksum(bytes: Uint8Array, at: number, length: number, start: number): number {
  let total = sum(bytes, at, length, start);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return ~total & 0xffff;
}

function sum(bytes: Uint8Array, at: number, length: number, start: number): number {
  let total = start;
  for (let i = 0; i + 1 < length; i += 2) total += (bytes[at + i] << 8) | bytes[at + i + 1];
  if ((length & 1) !== 0) total += bytes[at + length - 1] << 8;
  return total;
}

function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

function copy(from: Uint8Array, fromAt: number, to: Uint8Array, toAt: number, length: number): void {
  for (let i = 0; i < length; i++) to[toAt + i] = from[fromAt + i];
}
