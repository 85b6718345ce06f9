/**
 * Inner packets of the traffic models: real IPv4/UDP bytes (RFC 791, RFC 768, checksum of UDP left out as RFC 768
 * allows) with flow, sequence and send time inside, so that the receiver knows exactly what was lost and how late.
 *
 * Payload: magic u32, flow u32, sequence u32, send time in microseconds as two u32 (low, high), then a pattern that
 * depends on the sequence; all big-endian like the headers.
 */

export const STAMP_HEADER_BYTES = 28;
export const STAMP_BYTES = 20;
export const SMALLEST_STAMPED_PACKET = STAMP_HEADER_BYTES + STAMP_BYTES;
const MAGIC = 0x434f5252; // "CORR"

export interface StampedPacket {
  source: number;
  destination: number;
  sourcePort: number;
  destinationPort: number;
  dscp: number;
  flow: number;
  sequence: number;
  sentAtUs: number;
}

/** Writes a packet of `length` bytes at `at`. */
export function writeStampedPacket(bytes: Uint8Array, at: number, length: number, packet: StampedPacket): void {
  if (length < SMALLEST_STAMPED_PACKET) throw new RangeError(`at least ${SMALLEST_STAMPED_PACKET} bytes are needed`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, length);
  view.setUint16(0, 0x4500 | (packet.dscp << 2));
  view.setUint16(2, length);
  view.setUint32(4, 0x4000); // identification 0, do not fragment
  view.setUint32(8, 0x40110000); // 64 hops, UDP, checksum to come
  view.setUint32(12, packet.source);
  view.setUint32(16, packet.destination);
  view.setUint16(10, ipv4Checksum(view));
  view.setUint16(20, packet.sourcePort);
  view.setUint16(22, packet.destinationPort);
  view.setUint16(24, length - 20);
  view.setUint16(26, 0);
  view.setUint32(28, MAGIC);
  view.setUint32(32, packet.flow);
  view.setUint32(36, packet.sequence);
  view.setUint32(40, packet.sentAtUs % 0x1_0000_0000);
  view.setUint32(44, Math.floor(packet.sentAtUs / 0x1_0000_0000));
  bytes.fill(pattern(packet.sequence), at + SMALLEST_STAMPED_PACKET, at + length);
}

/** Reads a packet back, or answers undefined when any byte of it is not as it was written. */
export function readStampedPacket(bytes: Uint8Array, at: number, length: number): StampedPacket | undefined {
  if (length < SMALLEST_STAMPED_PACKET) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, length);
  if (view.getUint8(0) !== 0x45 || view.getUint16(2) !== length || view.getUint32(28) !== MAGIC) return undefined;
  if (ipv4Checksum(view) !== 0 || view.getUint16(24) !== length - 20) return undefined;
  const sequence = view.getUint32(36);
  const expected = pattern(sequence);
  for (let i = at + SMALLEST_STAMPED_PACKET; i < at + length; i++) if (bytes[i] !== expected) return undefined;
  return {
    source: view.getUint32(12),
    destination: view.getUint32(16),
    sourcePort: view.getUint16(20),
    destinationPort: view.getUint16(22),
    dscp: view.getUint8(1) >> 2,
    flow: view.getUint32(32),
    sequence,
    sentAtUs: view.getUint32(40) + view.getUint32(44) * 0x1_0000_0000,
  };
}

function pattern(sequence: number): number {
  return (sequence * 31 + 7) & 0xff;
}

/** RFC 1071 over the 20 bytes of header; 0 when a checksum in place is right. */
function ipv4Checksum(view: DataView): number {
  let sum = 0;
  for (let i = 0; i < 20; i += 2) sum += view.getUint16(i);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
}
