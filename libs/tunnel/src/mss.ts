/**
 * MSS clamping: the maximum segment size that the ends of a TCP connection tell each other in their SYN (RFC 9293 section
 * 3.7.1) is lowered to what the tunnel carries whole, for the ends cannot know its size and ICMP is often filtered
 * (RFC 4459 section 3.2).
 */
import { PROTOCOL_TCP } from './ip-packet.js';

const IPV4_HEADER = 20;
const IPV6_HEADER = 40;
const TCP_HEADER = 20;
const SYN = 0x02;

const OPTION_END = 0;
const OPTION_NOTHING = 1;
const OPTION_MSS = 2;
const MSS_OPTION_BYTES = 4;
/** Nothing sends less at a time (the least that Linux accepts): a tunnel that carries less is no matter of MSS. */
const LEAST_MSS = 48;

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const DESTINATION_OPTIONS = 60;
/** RFC 8200 section 4.1 knows five places for those that are skipped here. */
const MAX_EXTENSIONS = 5;

/**
 * Lowers the MSS in a TCP SYN or SYN-ACK, so that its connection's packets are at most `largestInnerPacket` bytes long, and
 * mends the TCP checksum (RFC 1624, equation 3). Never raises it, and leaves everything else alone: other packets,
 * fragments that do not begin with the TCP header, SYNs without the option (their ends go by 536 or 1,220), options that
 * do not add up, and what IPsec authenticates. Of several MSS options each is lowered.
 * @param length bytes of the IP packet at `bytes[offset]`
 * @returns whether the packet was changed
 */
export function clampMss(bytes: Uint8Array, offset: number, length: number, largestInnerPacket: number): boolean {
  const isIpv4 = bytes[offset] >> 4 === 4;
  const tcpAt = isIpv4 ? tcpInIpv4(bytes, offset, length) : tcpInIpv6(bytes, offset, length);
  const end = offset + length;
  if (tcpAt < 0 || tcpAt + TCP_HEADER > end || (bytes[tcpAt + 13] & SYN) === 0) return false;
  const most = largestInnerPacket - (isIpv4 ? IPV4_HEADER : IPV6_HEADER) - TCP_HEADER;
  const optionsEnd = tcpAt + (bytes[tcpAt + 12] >> 4) * 4;
  if (most < LEAST_MSS || optionsEnd > end) return false;
  return clampOptions(bytes, tcpAt, optionsEnd, most);
}

/** Position of the TCP header, -1 when there is none. */
function tcpInIpv4(bytes: Uint8Array, at: number, length: number): number {
  if (length < IPV4_HEADER || bytes[at + 9] !== PROTOCOL_TCP) return -1;
  const isLaterFragment = (bytes[at + 6] & 0x1f) !== 0 || bytes[at + 7] !== 0;
  const header = (bytes[at] & 0xf) * 4;
  return isLaterFragment || header < IPV4_HEADER ? -1 : at + header;
}

function tcpInIpv6(bytes: Uint8Array, offset: number, length: number): number {
  if (length < IPV6_HEADER || bytes[offset] >> 4 !== 6) return -1;
  const end = offset + length;
  let next = bytes[offset + 6];
  let at = offset + IPV6_HEADER;
  for (let i = 0; i < MAX_EXTENSIONS && next !== PROTOCOL_TCP; i++) {
    if (!isSkipped(next) || at + 8 > end) return -1;
    const isLaterFragment = next === FRAGMENT && (bytes[at + 2] !== 0 || (bytes[at + 3] & 0xf8) !== 0);
    if (isLaterFragment) return -1;
    const size = next === FRAGMENT ? 8 : bytes[at + 1] * 8 + 8;
    next = bytes[at];
    at += size;
  }
  return next === PROTOCOL_TCP ? at : -1;
}

function isSkipped(header: number): boolean {
  return header === HOP_BY_HOP || header === ROUTING || header === FRAGMENT || header === DESTINATION_OPTIONS;
}

function clampOptions(bytes: Uint8Array, tcpAt: number, end: number, most: number): boolean {
  let isChanged = false;
  let at = tcpAt + TCP_HEADER;
  while (at < end && bytes[at] !== OPTION_END) {
    if (bytes[at] === OPTION_NOTHING) {
      at++;
      continue;
    }
    const size = at + 1 < end ? bytes[at + 1] : 0;
    if (size < 2 || at + size > end) return isChanged;
    if (bytes[at] === OPTION_MSS && size === MSS_OPTION_BYTES) {
      const told = (bytes[at + 2] << 8) | bytes[at + 3];
      if (told > most) {
        bytes[at + 2] = most >> 8;
        bytes[at + 3] = most & 0xff;
        mendChecksum(bytes, tcpAt, at + 2, told, most);
        isChanged = true;
      }
    }
    at += size;
  }
  return isChanged;
}

/** HC' = ~(~HC + ~m + m'); a value at an odd position lies in the sum with its bytes swapped. */
function mendChecksum(bytes: Uint8Array, tcpAt: number, valueAt: number, was: number, is: number): void {
  const isOdd = ((valueAt - tcpAt) & 1) === 1;
  const checksum = (bytes[tcpAt + 16] << 8) | bytes[tcpAt + 17];
  let sum = (~checksum & 0xffff) + (~(isOdd ? swap(was) : was) & 0xffff) + (isOdd ? swap(is) : is);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  bytes[tcpAt + 16] = (~sum >> 8) & 0xff;
  bytes[tcpAt + 17] = ~sum & 0xff;
}

function swap(word: number): number {
  return ((word & 0xff) << 8) | (word >> 8);
}
