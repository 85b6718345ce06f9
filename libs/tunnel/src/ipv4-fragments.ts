/** Fragmentation of inner IPv4 packets that may be fragmented and fit no path whole (RFC 791 section 3.2). */

const MORE_FRAGMENTS = 0x20;
const DONT_FRAGMENT = 0x40;
const OPTION_END = 0;
const OPTION_NOOP = 1;
/** An option with this bit goes into every fragment. */
const OPTION_COPIED = 0x80;

/** Whether a packet may be sent in pieces: IPv4 without "don't fragment". */
export function mayFragment(bytes: Uint8Array, at: number): boolean {
  return bytes[at] >> 4 === 4 && (bytes[at + 6] & DONT_FRAGMENT) === 0;
}

/**
 * Cuts the packet at `bytes[at]` down to the largest first fragment of at most `mtu` bytes and writes the rest, a whole
 * packet again, to `bytes[restAt]`. Lengths, offsets, flags and header checksums of both are right afterwards. Also for
 * packets that are fragments themselves.
 * @param length bytes of the packet, more than `mtu`, of the shape that `isIpPacket` wants
 * @returns bytes of the rest; 0 when the header leaves no room for even 8 bytes, then nothing has changed
 */
export function splitIpv4(bytes: Uint8Array, at: number, length: number, mtu: number, restAt: number): number {
  const header = (bytes[at] & 0xf) * 4;
  const payload = (mtu - header) & ~7;
  if (payload < 8 || header + payload >= length) return 0;
  const rest = length - header - payload;
  bytes.copyWithin(restAt, at, at + header);
  bytes.copyWithin(restAt + header, at + header + payload, at + length);
  dropOptions(bytes, restAt + 20, restAt + header);
  const flags = bytes[at + 6];
  const position = ((flags & 0x1f) << 8) | bytes[at + 7];
  finish(bytes, restAt, header, header + rest, flags & 0xe0, position + payload / 8);
  finish(bytes, at, header, header + payload, (flags & 0xe0) | MORE_FRAGMENTS, position);
  return header + rest;
}

/** Total length of the IPv4 packet at `bytes[at]`. */
export function ipv4Length(bytes: Uint8Array, at: number): number {
  return (bytes[at + 2] << 8) | bytes[at + 3];
}

/** Options that belong to the first fragment only give way to padding. */
function dropOptions(bytes: Uint8Array, from: number, end: number): void {
  for (let at = from; at < end && bytes[at] !== OPTION_END; ) {
    const size = bytes[at] === OPTION_NOOP ? 1 : bytes[at + 1];
    if (size < 1 || at + size > end) return;
    if ((bytes[at] & OPTION_COPIED) === 0) bytes.fill(OPTION_NOOP, at, at + size);
    at += size;
  }
}

function finish(bytes: Uint8Array, at: number, header: number, length: number, flags: number, position: number): void {
  bytes[at + 2] = length >> 8;
  bytes[at + 3] = length;
  bytes[at + 6] = flags | (position >> 8);
  bytes[at + 7] = position;
  bytes[at + 10] = 0;
  bytes[at + 11] = 0;
  let sum = 0;
  for (let i = 0; i < header; i += 2) sum += (bytes[at + i] << 8) | bytes[at + i + 1];
  sum = (sum & 0xffff) + (sum >>> 16);
  const checksum = ~((sum & 0xffff) + (sum >>> 16));
  bytes[at + 10] = checksum >> 8;
  bytes[at + 11] = checksum;
}
