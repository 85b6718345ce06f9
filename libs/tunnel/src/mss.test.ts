import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillHeaderChecksum, fillTcpChecksum, headerSum, transportSum } from '../test/checksums.js';
import { inSlab, ipv4, ipv6 } from '../test/packets.js';
import { clampMss } from './mss.js';

const SYN = 0x02;
const SYN_ACK = 0x12;
const ACK = 0x10;
const mss = (value: number): number[] => [2, 4, value >> 8, value & 0xff];
const NOP = [1];
const WINDOW_SCALE = [3, 3, 7];
const TIMESTAMPS = [8, 10, 1, 2, 3, 4, 0, 0, 0, 0];

/** A TCP segment without checksum; options are padded to a multiple of 4 with `pad`. */
function segment(options: readonly number[], flags = SYN, data: readonly number[] = [], pad = 0): number[] {
  const padded = [...options, ...new Array((4 - (options.length % 4)) % 4).fill(pad)];
  const offset = (20 + padded.length) / 4;
  const ports = [0x9c, 0x40, 0x14, 0x51];
  return [...ports, 1, 2, 3, 4, 5, 6, 7, 8, offset << 4, flags, 0xfa, 0xf0, 0, 0, 0, 0, ...padded, ...data];
}

function tcp4(payload: readonly number[]): Uint8Array {
  return fillHeaderChecksum(fillTcpChecksum(ipv4({ protocol: 6, payload }), 20));
}

function tcp6(
  payload: readonly number[],
  extensions: readonly (readonly [number, readonly number[]])[] = [],
): Uint8Array {
  const packet = ipv6({ protocol: 6, payload, extensions });
  return fillTcpChecksum(packet, packet.length - payload.length);
}

/** Says that the IPv4 header ends earlier: what a TCP header would be then has the SYN flag and options, too. */
function withHeaderWords(packet: Uint8Array, words: number): Uint8Array {
  packet[0] = 0x40 | words;
  const tcpAt = words * 4;
  packet[tcpAt + 12] = 0x80;
  packet[tcpAt + 13] = SYN;
  packet.set(mss(1460), tcpAt + 20);
  return packet;
}

/** Clamps in the middle of other bytes, which must not change. */
function clamp(packet: Uint8Array, largest: number): { changed: boolean; packet: Uint8Array } {
  const slab = inSlab(packet);
  const before = slab.slice();
  const changed = clampMss(slab, 13, packet.length, largest);
  const after = slab.slice(13, 13 + packet.length);
  expect(slab.subarray(0, 13)).toEqual(before.subarray(0, 13));
  expect(slab.subarray(13 + packet.length)).toEqual(before.subarray(13 + packet.length));
  expect(changed).toBe(!Buffer.from(after).equals(packet));
  return { changed, packet: after };
}

describe('MSS clamping', () => {
  it.each([
    ['IPv4 SYN', tcp4(segment(mss(1460))), tcp4(segment(mss(1360)))],
    ['IPv4 SYN-ACK', tcp4(segment(mss(8960), SYN_ACK)), tcp4(segment(mss(1360), SYN_ACK))],
    ['IPv6 SYN', tcp6(segment(mss(1440))), tcp6(segment(mss(1340)))],
    [
      'among other options',
      tcp4(segment([...TIMESTAMPS, ...WINDOW_SCALE, ...NOP, ...mss(1460)])),
      tcp4(segment([...TIMESTAMPS, ...WINDOW_SCALE, ...NOP, ...mss(1360)])),
    ],
    ['at an odd position', tcp4(segment([...NOP, ...mss(1460)])), tcp4(segment([...NOP, ...mss(1360)]))],
    ['twice', tcp4(segment([...mss(1460), ...mss(1400)])), tcp4(segment([...mss(1360), ...mss(1360)]))],
    ['with data (TCP fast open)', tcp4(segment(mss(1460), SYN, [1, 2, 3])), tcp4(segment(mss(1360), SYN, [1, 2, 3]))],
    [
      'behind IPv6 extension headers',
      tcp6(segment(mss(1440)), [
        [0, [0, 5, 2, 0, 0, 1, 0]],
        [60, [1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
        [44, [0, 0, 0, 0, 0, 0, 9]],
      ]),
      tcp6(segment(mss(1340)), [
        [0, [0, 5, 2, 0, 0, 1, 0]],
        [60, [1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
        [44, [0, 0, 0, 0, 0, 0, 9]],
      ]),
    ],
  ])('lowers what a SYN offers: %s', (_name, packet, expected) => {
    expect(clamp(packet, 1400)).toEqual({ changed: true, packet: expected });
  });

  it.each([
    ['a value that fits', tcp4(segment(mss(1360)))],
    ['a segment that is no SYN', tcp4(segment(mss(1460), ACK))],
    ['a SYN without the option', tcp4(segment(WINDOW_SCALE))],
    ['a SYN without options', tcp4(segment([]))],
    ['an option behind the end of options', tcp4(segment([0, ...mss(1460)]))],
    ['an option of size 0', tcp4(segment([8, 0, ...mss(1460)]))],
    ['an option of size 1', tcp4(segment([8, 1, ...mss(1460)]))],
    ['an option beyond the header', tcp4(segment([8, 40, ...mss(1460)]))],
    ['an MSS option of size 3', tcp4(segment([2, 3, 5, 1]))],
    ['an option kind as last byte', tcp4(segment([1, 1, 1, 2]))],
    ['UDP', ipv4({ protocol: 17, payload: segment(mss(1460)) })],
    ['a later fragment', ipv4({ protocol: 6, payload: segment(mss(1460)), fragment: [7, 1, false] })],
    ['a later fragment, far behind', ipv4({ protocol: 6, payload: segment(mss(1460)), fragment: [7, 512, true] })],
    ['a later fragment of IPv6', ipv6({ protocol: 6, payload: segment(mss(1460)), fragment: [7, 1, false] })],
    [
      'what IPsec authenticates',
      tcp6(segment(mss(1440)), [[51, [4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, ...new Array(12).fill(7)]]]),
    ],
    ['an IPv4 header shorter than it can be', withHeaderWords(tcp4(segment([...mss(1460), ...mss(1460)])), 4)],
    ['an IPv6 header without anything behind it', ipv6({ protocol: 6, payload: [] })],
    ['too many extension headers', tcp6(segment(mss(1440)), new Array(6).fill([60, [0, 1, 4, 0, 0, 0, 0]]))],
  ])('leaves alone: %s', (_name, packet) => {
    expect(clamp(packet, 1400)).toEqual({ changed: false, packet });
  });

  it('clamps a first fragment', () => {
    const packet = ipv4({ protocol: 6, payload: segment(mss(1460)), fragment: [7, 0, true] });
    expect(clamp(packet, 1400).changed).toBe(true);
  });

  it('leaves alone what would carry less than TCP can live with', () => {
    expect(clamp(tcp4(segment(mss(1460))), 87).changed).toBe(false);
    expect(clamp(tcp4(segment(mss(1460))), 88)).toEqual({ changed: true, packet: tcp4(segment(mss(48))) });
  });

  it('keeps both checksums right, whatever the values, positions and sizes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(NOP, WINDOW_SCALE, TIMESTAMPS), { maxLength: 2 }),
        fc.integer({ min: 0, max: 65_535 }),
        fc.integer({ min: 60, max: 9_000 }),
        fc.uint8Array({ maxLength: 9 }),
        fc.boolean(),
        (before, told, largest, data, isIpv6) => {
          const make = (value: number) => {
            const payload = segment([...before.flat(), ...mss(value)], SYN, [...data], 1);
            return isIpv6 ? tcp6(payload) : tcp4(payload);
          };
          const most = largest - (isIpv6 ? 60 : 40);
          const { packet } = clamp(make(told), largest);
          expect(packet).toEqual(make(most >= 48 && told > most ? most : told));
          expect(transportSum(packet, isIpv6 ? 40 : 20, 6)).toBe(0xffff);
          if (!isIpv6) expect(headerSum(packet)).toBe(0xffff);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('mends every checksum that there is', () => {
    const packet = tcp4(segment([...NOP, ...mss(9_000), ...NOP]));
    for (let port = 0; port < 65_536; port++) {
      packet.set([port >> 8, port & 0xff], 20);
      packet.set(mss(9_000), 41);
      fillTcpChecksum(packet, 20);
      clampMss(packet, 0, packet.length, 1_400);
      if (transportSum(packet, 20, 6) !== 0xffff) expect.fail(`wrong for source port ${port}`);
    }
  });

  it('never touches a byte outside the packet nor leaves a wrong checksum in any mutilated one', () => {
    let clamped = 0;
    const seeds = [
      tcp4(segment([...NOP, ...mss(1460), ...TIMESTAMPS])),
      tcp6(segment(mss(1440)), [[0, [0, 5, 2, 0, 0, 1, 0]]]),
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
        fc.nat(80),
        (seed, changes, length) => {
          const packet = seed.slice(0, length);
          if (packet.length === 0) return;
          for (const [at, value] of changes) packet[at % packet.length] = value;
          const { changed, packet: after } = clamp(packet, 1000);
          // Whatever it took for TCP: the sum of its words is the same as before.
          if (changed) expect(wordSum(after)).toBe(wordSum(packet));
          if (changed) clamped++;
        },
      ),
      { numRuns: 10_000 },
    );
    expect(clamped).toBeGreaterThan(500);
  });
});

function wordSum(packet: Uint8Array): number {
  // As an even number of bytes precedes the TCP header in both, where it begins does not matter.
  let sum = 0;
  for (let i = 0; i < packet.length; i += 2) sum += (packet[i] << 8) | (packet[i + 1] ?? 0);
  return sum % 0xffff;
}
