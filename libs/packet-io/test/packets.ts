/**
 * Packets made by hand, and the plain way to split a super-packet: what the C++ must agree with. Written from the RFCs
 * and the virtio specification, byte by byte and without an eye on speed.
 */

export interface PacketShape {
  readonly version: 4 | 6;
  readonly protocol: 'tcp' | 'udp';
  readonly payload: Uint8Array;
  readonly sourcePort?: number;
  readonly sequence?: number;
  readonly acknowledgement?: number;
  readonly flags?: number;
  readonly window?: number;
  /** TCP options, a multiple of 4 bytes. */
  readonly options?: Uint8Array;
  /** IPv4 identification. */
  readonly id?: number;
  readonly dontFragment?: boolean;
  readonly trafficClass?: number;
  readonly hopLimit?: number;
}

export const FIN = 1;
export const PSH = 8;
export const ACK = 16;
export const CWR = 128;

/** RFC 1071, over big-endian words: the folded sum, not inverted. */
export function sum16(bytes: Uint8Array, initial = 0): number {
  let sum = initial;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i] << 8) | (i + 1 < bytes.length ? bytes[i + 1] : 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

function pseudoHeader(packet: Uint8Array, protocol: number, length: number): Uint8Array {
  const addresses = packet[0] >> 4 === 4 ? packet.slice(12, 20) : packet.slice(8, 40);
  return Uint8Array.of(
    ...addresses,
    0,
    protocol,
    length >>> 24,
    (length >>> 16) & 255,
    (length >>> 8) & 255,
    length & 255,
  );
}

function transportSum(packet: Uint8Array): number {
  const at = packet[0] >> 4 === 4 ? 20 : 40;
  const protocol = packet[0] >> 4 === 4 ? packet[9] : packet[6];
  const transport = packet.slice(at);
  return sum16(transport, sum16(pseudoHeader(packet, protocol, transport.length)));
}

/** Whether IP and transport checksums and lengths of a packet are right. */
export function isValid(packet: Uint8Array): boolean {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  if (packet[0] >> 4 === 4) {
    if (sum16(packet.slice(0, 20)) !== 0xffff || view.getUint16(2) !== packet.length) return false;
  } else if (view.getUint16(4) + 40 !== packet.length) {
    return false;
  }
  return transportSum(packet) === 0xffff;
}

/** A whole packet with right checksums. */
export function makePacket(shape: PacketShape): Uint8Array {
  const { version, protocol, payload, options = new Uint8Array(0) } = shape;
  const ipHeader = version === 4 ? 20 : 40;
  const transportHeader = protocol === 'tcp' ? 20 + options.length : 8;
  const packet = new Uint8Array(ipHeader + transportHeader + payload.length);
  const view = new DataView(packet.buffer);
  const number = protocol === 'tcp' ? 6 : 17;
  if (version === 4) {
    packet[0] = 0x45;
    packet[1] = shape.trafficClass ?? 0;
    view.setUint16(2, packet.length);
    view.setUint16(4, shape.id ?? 0);
    packet[6] = (shape.dontFragment ?? true) ? 0x40 : 0;
    packet[8] = shape.hopLimit ?? 64;
    packet[9] = number;
    packet.set([10, 1, 0, 1, 10, 1, 0, 2], 12);
    view.setUint16(10, ~sum16(packet.slice(0, 20)) & 0xffff);
  } else {
    view.setUint32(0, 0x6000_0000 | ((shape.trafficClass ?? 0) << 20));
    view.setUint16(4, packet.length - 40);
    packet[6] = number;
    packet[7] = shape.hopLimit ?? 64;
    packet.set([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 8);
    packet.set([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], 24);
  }
  view.setUint16(ipHeader, shape.sourcePort ?? 40_000);
  view.setUint16(ipHeader + 2, 5_001);
  if (protocol === 'tcp') {
    view.setUint32(ipHeader + 4, shape.sequence ?? 1);
    view.setUint32(ipHeader + 8, shape.acknowledgement ?? 77);
    packet[ipHeader + 12] = (transportHeader / 4) << 4;
    packet[ipHeader + 13] = shape.flags ?? ACK;
    view.setUint16(ipHeader + 14, shape.window ?? 512);
    packet.set(options, ipHeader + 20);
  } else {
    view.setUint16(ipHeader + 4, 8 + payload.length);
  }
  packet.set(payload, ipHeader + transportHeader);
  const check = ~transportSum(packet) & 0xffff || 0xffff;
  view.setUint16(ipHeader + (protocol === 'tcp' ? 16 : 6), check);
  return packet;
}

/** The frame (virtio header first) in which a kernel hands a packet over as a super-packet of `segment` bytes each. */
export function makeSuperFrame(shape: PacketShape, segment: number): Uint8Array {
  const packet = makePacket(shape);
  const ipHeader = shape.version === 4 ? 20 : 40;
  const tcp = shape.protocol === 'tcp';
  const transportHeader = tcp ? 20 + (shape.options?.length ?? 0) : 8;
  const checkOffset = tcp ? 16 : 6;
  const partial = sum16(pseudoHeader(packet, tcp ? 6 : 17, packet.length - ipHeader));
  new DataView(packet.buffer).setUint16(ipHeader + checkOffset, partial);
  const frame = new Uint8Array(10 + packet.length);
  const view = new DataView(frame.buffer);
  frame[0] = 1;
  frame[1] = tcp ? (shape.version === 4 ? 1 : 4) : 5;
  view.setUint16(2, ipHeader + transportHeader, true);
  view.setUint16(4, segment, true);
  view.setUint16(6, ipHeader, true);
  view.setUint16(8, checkOffset, true);
  frame.set(packet, 10);
  return frame;
}

/** The packets that a super-packet of `shape` stands for. */
export function referenceSplit(shape: PacketShape, segment: number): Uint8Array[] {
  const packets: Uint8Array[] = [];
  for (let at = 0; at < shape.payload.length; at += segment) {
    const last = at + segment >= shape.payload.length;
    let flags = shape.flags ?? ACK;
    if (!last) flags &= ~(FIN | PSH);
    if (at > 0) flags &= ~CWR;
    packets.push(
      makePacket({
        ...shape,
        payload: shape.payload.slice(at, at + segment),
        sequence: ((shape.sequence ?? 1) + at) >>> 0,
        flags,
        id: ((shape.id ?? 0) + packets.length) & 0xffff,
      }),
    );
  }
  return packets;
}

/** Bytes that differ everywhere and are the same in every run. */
export function pattern(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed | 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const fromHex = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
