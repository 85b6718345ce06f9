/** Inner packets for tests, built field by field. */

export interface PacketSpec {
  source?: readonly number[];
  destination?: readonly number[];
  protocol?: number;
  dscp?: number;
  /** Source and destination port, the first bytes behind the headers. */
  ports?: readonly [number, number];
  /** Bytes behind the headers in place of ports. */
  payload?: readonly number[];
  /** Identification, position in units of 8 bytes, and whether more fragments follow. */
  fragment?: readonly [id: number, position: number, more: boolean];
}

export interface Ipv6Spec extends PacketSpec {
  /** Extension headers in front: the header number and its bytes after "next header". */
  extensions?: readonly (readonly [header: number, bytes: readonly number[]])[];
}

const V4_SOURCE = [10, 77, 0, 2];
const V4_DESTINATION = [10, 77, 0, 1];
const V6_SOURCE = [0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
const V6_DESTINATION = [0xfd, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

export function ipv4(spec: PacketSpec = {}): Uint8Array {
  const payload = payloadOf(spec);
  const [id, position, more] = spec.fragment ?? [0, 0, false];
  const total = 20 + payload.length;
  return Uint8Array.of(
    0x45,
    (spec.dscp ?? 0) << 2,
    ...u16(total),
    ...u16(id),
    ...u16(position | (more ? 0x2000 : 0)),
    64,
    spec.protocol ?? 17,
    ...[0, 0],
    ...(spec.source ?? V4_SOURCE),
    ...(spec.destination ?? V4_DESTINATION),
    ...payload,
  );
}

export function ipv6(spec: Ipv6Spec = {}): Uint8Array {
  const headers = [...(spec.extensions ?? [])];
  if (spec.fragment !== undefined) {
    const [id, position, more] = spec.fragment;
    headers.push([44, [0, ...u16((position << 3) | (more ? 1 : 0)), ...u16(id >>> 16), ...u16(id)]]);
  }
  const numbers = [...headers.map(([header]) => header), spec.protocol ?? 17];
  const chain = headers.flatMap(([, bytes], index) => [numbers[index + 1], ...bytes]);
  const payload = [...chain, ...payloadOf(spec)];
  const dscp = spec.dscp ?? 0;
  return Uint8Array.of(
    0x60 | (dscp >> 2),
    (dscp & 3) << 6,
    ...[0, 0],
    ...u16(payload.length),
    numbers[0],
    64,
    ...(spec.source ?? V6_SOURCE),
    ...(spec.destination ?? V6_DESTINATION),
    ...payload,
  );
}

/** The packet in the middle of other bytes, as it lies in a slab. */
export function inSlab(packet: Uint8Array, at = 13): Uint8Array {
  const slab = new Uint8Array(at + packet.length + 50).fill(0xdb);
  slab.set(packet, at);
  return slab;
}

function payloadOf(spec: PacketSpec): readonly number[] {
  return spec.payload ?? [...u16(spec.ports?.[0] ?? 4000), ...u16(spec.ports?.[1] ?? 53), 0, 12, 0, 0, 1, 2, 3, 4];
}

function u16(value: number): [number, number] {
  return [(value >>> 8) & 0xff, value & 0xff];
}
