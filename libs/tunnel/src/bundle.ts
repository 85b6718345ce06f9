/**
 * Payload of a bundle (kind 4): an IP packet, and behind it any number of others, each after a header of its own. The first
 * one's header is that of the datagram. Every packet says how long it is, so nothing else does.
 */
import { BUNDLED_HEADER_BYTES, innerKind, KIND_PACKET } from '@corridor/wire';
import { ipPacketBytes } from './ip-packet.js';

/** Whether `bytes[at .. at + length)` is a row of whole packets with their headers between them, and nothing else. */
export function isBundle(bytes: Uint8Array, at: number, length: number): boolean {
  const end = at + length;
  for (let packetAt = at; ; ) {
    const size = ipPacketBytes(bytes, packetAt, end - packetAt);
    if (size === 0) return false;
    const headerAt = packetAt + size;
    if (headerAt === end) return true;
    packetAt = headerAt + BUNDLED_HEADER_BYTES;
    if (packetAt >= end || innerKind(bytes, headerAt) !== KIND_PACKET) return false;
  }
}
