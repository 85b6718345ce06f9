/** Explicit congestion notification (RFC 3168): the mark that stands in for a drop. */

const ECN_MASK = 0b11;
const NOT_ECT = 0b00;
const CE = 0b11;

/**
 * Marks the IP packet at `bytes[at]` "congestion experienced" if its sender takes part in ECN, and mends the IPv4 header
 * checksum (RFC 1624, equation 3). Answers false for a packet that can only be dropped.
 */
export function markCongestion(bytes: Uint8Array, at: number): boolean {
  return bytes[at] >> 4 === 4 ? markIpv4(bytes, at) : markIpv6(bytes, at);
}

function markIpv4(bytes: Uint8Array, at: number): boolean {
  const ecn = bytes[at + 1] & ECN_MASK;
  if (ecn === NOT_ECT) return false;
  const checksum = (bytes[at + 10] << 8) | bytes[at + 11];
  // HC' = ~(~HC + ~m + m'); of the word m only these two bits differ.
  let sum = (~checksum & 0xffff) + (CE - ecn);
  sum = (sum & 0xffff) + (sum >> 16);
  bytes[at + 1] |= CE;
  bytes[at + 10] = (~sum >> 8) & 0xff;
  bytes[at + 11] = ~sum & 0xff;
  return true;
}

/** The traffic class lies across two bytes, its ECN field in bits 5 and 4 of the second; no checksum covers it. */
function markIpv6(bytes: Uint8Array, at: number): boolean {
  if (((bytes[at + 1] >> 4) & ECN_MASK) === NOT_ECT) return false;
  bytes[at + 1] |= CE << 4;
  return true;
}
