/** What classifying and hashing need to know of an inner packet, read in place. Nothing allocates, nothing throws. */
import { readI32 } from '@corridor/wire';

export const PROTOCOL_ICMP = 1;
export const PROTOCOL_TCP = 6;
export const PROTOCOL_UDP = 17;
export const PROTOCOL_ICMPV6 = 58;
const PROTOCOL_DCCP = 33;
const PROTOCOL_SCTP = 132;
const PROTOCOL_UDP_LITE = 136;

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;
const MOBILITY = 135;
const HOST_IDENTITY = 139;
const SHIM6 = 140;

export const NOT_A_FRAGMENT = 0;
export const FIRST_FRAGMENT = 1;
export const LATER_FRAGMENT = 2;

/** Fields of one packet. Every field is a small integer, so that storing it never allocates. */
export class PacketFields {
  /** 4 or 6. */
  family = 0;
  /** Differentiated services code point, 0 to 63. */
  dscp = 0;
  /** Transport protocol: the header after all IPv6 extension headers. */
  protocol = 0;
  /** NOT_A_FRAGMENT, FIRST_FRAGMENT (more follow) or LATER_FRAGMENT (without the transport header). */
  fragment = NOT_A_FRAGMENT;
  /** Identification that the fragments of a datagram share, as signed integer; 0 unless a fragment. */
  fragmentId = 0;
  /** Position of source port and destination port, 2 bytes each; -1 when there are none or they are not here. */
  portsAt = -1;
  /** Position of the source address; the destination address follows it. */
  addressesAt = 0;
}

/** True when `bytes[at .. at + length)` is shaped like an IPv4 or IPv6 packet of exactly this length. */
export function isIpPacket(bytes: Uint8Array, at: number, length: number): boolean {
  const version = length > 0 ? bytes[at] >> 4 : 0;
  if (version === 4) {
    const header = (bytes[at] & 0xf) * 4;
    return length >= 20 && header >= 20 && header <= length && ((bytes[at + 2] << 8) | bytes[at + 3]) === length;
  }
  return version === 6 && length >= 40 && ((bytes[at + 4] << 8) | bytes[at + 5]) + 40 === length;
}

/** Bytes of the IPv4 or IPv6 packet at `bytes[at]`, as it says itself; 0 when `room` bytes do not hold it whole. */
export function ipPacketBytes(bytes: Uint8Array, at: number, room: number): number {
  if (room < 20) return 0;
  const isV6 = bytes[at] >> 4 === 6;
  if (isV6 && room < 40) return 0;
  const length = isV6 ? ((bytes[at + 4] << 8) | bytes[at + 5]) + 40 : (bytes[at + 2] << 8) | bytes[at + 3];
  return length <= room && isIpPacket(bytes, at, length) ? length : 0;
}

/** Fills `fields` from the packet at `bytes[at]`; false when it is no IP packet with a whole header. */
export function readPacket(bytes: Uint8Array, at: number, length: number, fields: PacketFields): boolean {
  const version = length > 0 ? bytes[at] >> 4 : 0;
  fields.family = version;
  fields.fragment = NOT_A_FRAGMENT;
  fields.fragmentId = 0;
  fields.portsAt = -1;
  if (version === 4) return readIpv4(bytes, at, length, fields);
  return version === 6 && readIpv6(bytes, at, length, fields);
}

function readIpv4(bytes: Uint8Array, at: number, length: number, fields: PacketFields): boolean {
  const header = (bytes[at] & 0xf) * 4;
  if (header < 20 || length < header) return false;
  fields.dscp = bytes[at + 1] >> 2;
  fields.protocol = bytes[at + 9];
  fields.addressesAt = at + 12;
  const position = ((bytes[at + 6] & 0x1f) << 8) | bytes[at + 7];
  if (position !== 0) fields.fragment = LATER_FRAGMENT;
  else if ((bytes[at + 6] & 0x20) !== 0) fields.fragment = FIRST_FRAGMENT;
  if (fields.fragment !== NOT_A_FRAGMENT) fields.fragmentId = (bytes[at + 4] << 8) | bytes[at + 5];
  locatePorts(at + header, at + length, fields);
  return true;
}

function readIpv6(bytes: Uint8Array, at: number, length: number, fields: PacketFields): boolean {
  if (length < 40) return false;
  const end = at + length;
  fields.dscp = ((bytes[at] & 0xf) << 2) | (bytes[at + 1] >> 6);
  fields.addressesAt = at + 8;
  let next = bytes[at + 6];
  let header = at + 40;
  while (isExtension(next) && header + 8 <= end && fields.fragment !== LATER_FRAGMENT) {
    const size =
      next === FRAGMENT ? 8 : next === AUTHENTICATION ? bytes[header + 1] * 4 + 8 : bytes[header + 1] * 8 + 8;
    if (next === FRAGMENT) readFragmentHeader(bytes, header, fields);
    next = bytes[header];
    header += size;
  }
  fields.protocol = next;
  locatePorts(header, end, fields);
  return true;
}

/** A fragment header with position 0 and nothing to follow is a whole packet (RFC 6946). */
function readFragmentHeader(bytes: Uint8Array, at: number, fields: PacketFields): void {
  const position = (bytes[at + 2] << 8) | (bytes[at + 3] & 0xf8);
  if (position !== 0) fields.fragment = LATER_FRAGMENT;
  else if ((bytes[at + 3] & 1) !== 0) fields.fragment = FIRST_FRAGMENT;
  if (fields.fragment !== NOT_A_FRAGMENT) fields.fragmentId = readI32(bytes, at + 4);
}

function locatePorts(transportAt: number, end: number, fields: PacketFields): void {
  if (fields.fragment !== LATER_FRAGMENT && hasPorts(fields.protocol) && transportAt + 4 <= end) {
    fields.portsAt = transportAt;
  }
}

function hasPorts(protocol: number): boolean {
  return (
    protocol === PROTOCOL_TCP ||
    protocol === PROTOCOL_UDP ||
    protocol === PROTOCOL_DCCP ||
    protocol === PROTOCOL_SCTP ||
    protocol === PROTOCOL_UDP_LITE
  );
}

function isExtension(header: number): boolean {
  switch (header) {
    case HOP_BY_HOP:
    case ROUTING:
    case FRAGMENT:
    case AUTHENTICATION:
    case DESTINATION_OPTIONS:
    case MOBILITY:
    case HOST_IDENTITY:
    case SHIM6:
      return true;
    default:
      return false;
  }
}
