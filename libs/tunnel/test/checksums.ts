/** Internet checksums (RFC 1071) computed from scratch, to hold those that were mended in place against. */

/** Sum of 16-bit words in ones' complement; 0xffff over bytes that contain their right checksum. */
export function onesSum(...parts: readonly ArrayLike<number>[]): number {
  let sum = 0;
  for (const bytes of parts) for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

/** Sum over an IPv4 packet's header. */
export function headerSum(packet: Uint8Array): number {
  return onesSum(packet.subarray(0, (packet[0] & 0xf) * 4));
}

/** Sum over pseudo-header and segment of a packet whose transport header begins at `at`. */
export function transportSum(packet: Uint8Array, at: number, protocol: number): number {
  const addresses = packet[0] >> 4 === 4 ? packet.subarray(12, 20) : packet.subarray(8, 40);
  const segment = packet.subarray(at);
  return onesSum(addresses, [0, protocol, segment.length >> 8, segment.length & 0xff], segment);
}

/** Puts the right checksum into an IPv4 header. */
export function fillHeaderChecksum(packet: Uint8Array): Uint8Array {
  packet[10] = 0;
  packet[11] = 0;
  const checksum = ~headerSum(packet) & 0xffff;
  packet[10] = checksum >> 8;
  packet[11] = checksum & 0xff;
  return packet;
}

/** Likewise into a TCP header at `at`. */
export function fillTcpChecksum(packet: Uint8Array, at: number): Uint8Array {
  packet[at + 16] = 0;
  packet[at + 17] = 0;
  const checksum = ~transportSum(packet, at, 6) & 0xffff;
  packet[at + 16] = checksum >> 8;
  packet[at + 17] = checksum & 0xff;
  return packet;
}
