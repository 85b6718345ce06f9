import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  ACK,
  CWR,
  FIN,
  fromHex,
  isValid,
  makePacket,
  makeSuperFrame,
  type PacketShape,
  PSH,
  pattern,
  referenceSplit,
  sum16,
  toHex,
} from '../test/packets.js';
import { fillSlab, makeSlab, takeSlab } from '../test/slab.js';
import { native } from './native.js';

interface Vector {
  readonly name: string;
  /** Virtio header (10 bytes) and super-packet. */
  readonly frame: string;
  readonly packets: readonly string[];
}

const file = new URL('../vectors/segmentation.json', import.meta.url);
const timestamps = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 9, 0, 0, 0, 7);

/** The cases from which the vectors were made; the file is what C++ and TypeScript have to agree on. */
const CASES: readonly [string, PacketShape, number][] = [
  ['IPv4 TCP, three segments, PSH on the last', tcp(4, 130, { flags: ACK | PSH, id: 65_535 }), 50],
  ['IPv4 TCP with timestamps, last segment full', tcp(4, 120, { options: timestamps, id: 9 }), 40],
  ['IPv4 TCP, sequence numbers wrap', tcp(4, 90, { sequence: 0xffff_fff0 }), 30],
  ['IPv6 TCP, odd segments', tcp(6, 101, {}), 33],
  ['IPv6 TCP, traffic class', tcp(6, 64, { trafficClass: 0xb8 }), 32],
  ['IPv4 UDP, last datagram shorter', udp(4, 110, { id: 300, dontFragment: false }), 40],
  ['IPv6 UDP, equal datagrams', udp(6, 96, {}), 48],
];

function tcp(version: 4 | 6, length: number, more: Partial<PacketShape>): PacketShape {
  return { version, protocol: 'tcp', payload: pattern(length, version), ...more };
}
function udp(version: 4 | 6, length: number, more: Partial<PacketShape>): PacketShape {
  return { version, protocol: 'udp', payload: pattern(length, version), ...more };
}

/** UPDATE_VECTORS=1 writes the file anew: only for a change of the cases, and then read the diff. */
if (process.env.UPDATE_VECTORS) {
  const vectors: Vector[] = CASES.map(([name, shape, segment]) => ({
    name,
    frame: toHex(makeSuperFrame(shape, segment)),
    packets: referenceSplit(shape, segment).map(toHex),
  }));
  writeFileSync(file, `${JSON.stringify(vectors, undefined, 2)}\n`);
}
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[];

function split(frame: Uint8Array, slots = 128): Uint8Array[] {
  const { slab, batch } = makeSlab(slots);
  return takeSlab(slab, batch, native.split(frame, slab, batch.offset, batch.length, batch.group, slots));
}

function coalesce(packets: readonly Uint8Array[]): Uint8Array[] {
  const { slab, batch } = makeSlab(Math.max(packets.length, 1));
  fillSlab(slab, batch, packets);
  return native.coalesce(slab, batch.offset, batch.length, packets.length);
}

/** What was merged, as the packets it stands for. */
const spelledOut = (frames: readonly Uint8Array[]): string[] => frames.flatMap((frame) => split(frame).map(toHex));

describe('segmentation vectors', () => {
  it.each(vectors)('TypeScript agrees: $name', (vector) => {
    const found = CASES.find(([name]) => name === vector.name)!;
    expect(toHex(makeSuperFrame(found[1], found[2]))).toBe(vector.frame);
    expect(referenceSplit(found[1], found[2]).map(toHex)).toEqual(vector.packets);
  });

  it.each(vectors)('C++ splits: $name', (vector) => {
    expect(split(fromHex(vector.frame)).map(toHex)).toEqual(vector.packets);
  });

  it.each(vectors)('C++ merges: $name', (vector) => {
    expect(coalesce(vector.packets.map(fromHex)).map(toHex)).toEqual([vector.frame]);
  });
});

describe('splitting', () => {
  it('gives every size of segment right lengths and checksums', () => {
    for (const version of [4, 6] as const) {
      for (let size = 1; size <= 1400; size += 37) {
        const shape = tcp(version, 2_900, { flags: ACK | FIN | PSH | CWR });
        const packets = split(makeSuperFrame(shape, size), 3_000);
        expect(packets.map(toHex)).toEqual(referenceSplit(shape, size).map(toHex));
        expect(packets.every(isValid)).toBe(true);
      }
    }
  });

  it('refuses headers that contradict the packet', () => {
    const good = makeSuperFrame(tcp(4, 300, {}), 100);
    const broken = (at: number, value: number): Uint8Array => {
      const frame = good.slice();
      frame[at] = value;
      return frame;
    };
    expect(split(good)).toHaveLength(3);
    for (const [at, value] of [
      [0, 0], // no partial checksum
      [1, 3], // UFO was never offered
      [1, 4], // IPv6 says the header, IPv4 the packet
      [4, 0], // segments of no bytes
      [6, 24], // transport header elsewhere than the IP header ends
      [7, 255], // beyond the packet
      [8, 6], // UDP's checksum field in TCP
      [10, 0x55], // IP version 5
      [10, 0x44], // IP header of 16 bytes
      [42, 0x10], // TCP header of 4 bytes
    ]) {
      expect(split(broken(at, value)), `byte ${at} = ${value}`).toHaveLength(0);
    }
    for (let length = 10; length < 50; length++) expect(split(good.slice(0, length))).toHaveLength(0);
  });
});

describe('merging', () => {
  const two = (a: Partial<PacketShape>, b: Partial<PacketShape>, version: 4 | 6 = 4): Uint8Array[] => [
    makePacket(tcp(version, 100, a)),
    makePacket(tcp(version, 100, { sequence: 101, id: 1, ...b })),
  ];

  it('keeps apart what GRO keeps apart', () => {
    expect(coalesce(two({}, {}))).toHaveLength(1);
    expect(coalesce(two({}, {}, 6))).toHaveLength(1);
    const reasons: [string, Uint8Array[]][] = [
      ['a hole', two({}, { sequence: 102 })],
      ['acknowledgement', two({}, { acknowledgement: 78 })],
      ['window', two({}, { window: 513 })],
      ['options', two({ options: timestamps }, {})],
      ['PSH on the first', two({ flags: ACK | PSH }, {})],
      ['FIN', two({}, { flags: ACK | FIN })],
      ['CWR', two({}, { flags: ACK | CWR })],
      ['ECE on one', two({}, { flags: ACK | 0x40 })],
      ['hop limit', two({}, { hopLimit: 63 })],
      ['hop limit, IPv6', two({}, { hopLimit: 63 }, 6)],
      ['traffic class', two({}, { trafficClass: 4 })],
      ['traffic class, IPv6', two({}, { trafficClass: 4 }, 6)],
      ['DF on one', two({}, { dontFragment: false })],
      ['identification that jumps', two({ dontFragment: false }, { dontFragment: false, id: 2 })],
      ['another flow', two({}, { sourcePort: 40_001 })],
      ['a longer one', [makePacket(tcp(4, 100, {})), makePacket(tcp(4, 101, { sequence: 101 }))]],
    ];
    for (const [reason, packets] of reasons) {
      const frames = coalesce(packets);
      expect(frames, reason).toHaveLength(2);
      expect(frames.map((frame) => toHex(frame.slice(10)))).toEqual(packets.map(toHex));
    }
  });

  it('never changes a packet whose checksum is wrong', () => {
    for (const bad of [0, 1, 2]) {
      const packets = [0, 1, 2].map((i) => makePacket(tcp(4, 100, { sequence: 1 + 100 * i, id: i })));
      packets[bad][60] ^= 1;
      const frames = coalesce(packets);
      expect(spelledOut(frames)).toEqual(packets.map(toHex));
      expect(frames.some((frame) => frame[1] === 0 && toHex(frame.slice(10)) === toHex(packets[bad]))).toBe(true);
    }
  });

  it('leaves UDP without checksum alone', () => {
    const packets = [0, 1].map((i) => makePacket(udp(4, 100, { id: i })));
    for (const packet of packets) packet.fill(0, 26, 28);
    expect(coalesce(packets).map((frame) => toHex(frame.slice(10)))).toEqual(packets.map(toHex));
  });

  it('keeps the order of each flow when flows interleave', () => {
    const flows = 40;
    const packets: Uint8Array[] = [];
    for (let round = 0; round < 5; round++) {
      for (let flow = 0; flow < flows; flow++) {
        // Every third flow acknowledges without data in between: not mergeable, but part of the order.
        const bare = flow % 3 === 0 && round === 2;
        packets.push(
          makePacket(tcp(4, bare ? 0 : 60, { sourcePort: 1_000 + flow, sequence: 1 + 60 * round, id: round })),
        );
      }
    }
    const written = spelledOut(coalesce(packets));
    const portOf = (hex: string): string => hex.slice(40, 44);
    expect([...written].sort()).toEqual(packets.map(toHex).sort());
    for (let flow = 0; flow < flows; flow++) {
      const port = (1_000 + flow).toString(16).padStart(4, '0');
      expect(written.filter((hex) => portOf(hex) === port)).toEqual(
        packets.map(toHex).filter((hex) => portOf(hex) === port),
      );
    }
  });

  it('writes what waits before a fragment of perhaps the same flow', () => {
    const first = makePacket(udp(4, 100, {}));
    const fragment = makePacket(udp(4, 100, { id: 1 }));
    fragment[6] = 0x20;
    const last = makePacket(udp(4, 100, { id: 2 }));
    const frames = coalesce([first, fragment, last]);
    expect(frames.map((frame) => toHex(frame.slice(10)))).toEqual([first, fragment, last].map(toHex));
  });

  it('stops at 64 KB and at 64 packets', () => {
    const full = Array.from({ length: 60 }, (_, i) => makePacket(tcp(4, 1_400, { sequence: 1 + 1_400 * i, id: i })));
    const frames = coalesce(full);
    expect(frames.map((frame) => split(frame).length)).toEqual([46, 14]);
    expect(Math.max(...frames.map((frame) => frame.length))).toBeLessThanOrEqual(10 + 65_535);
    const small = Array.from({ length: 70 }, (_, i) => makePacket(udp(6, 20, { id: i })));
    expect(coalesce(small).map((frame) => split(frame).length)).toEqual([64, 6]);
  });
});

describe('checksum', () => {
  it('agrees with the plain sum at every length and position', () => {
    const bytes = pattern(4_096, 5);
    for (let length = 0; length < 600; length++) {
      expect(native.checksum(bytes, length % 7, length)).toBe(sum16(bytes.slice(length % 7, (length % 7) + length)));
    }
    const ones = new Uint8Array(65_535).fill(255);
    expect(native.checksum(ones, 0, ones.length)).toBe(sum16(ones));
  });
});
