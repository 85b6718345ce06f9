import { describe, expect, it } from 'vitest';
import { ipv4Length, mayFragment, splitIpv4 } from './ipv4-fragments.js';

/** A packet of `payload` bytes that count up, at offset 0 of a large buffer. */
function packet(payload: number, options: readonly number[] = [], flags = 0, position = 0): Uint8Array {
  const header = 20 + options.length;
  const bytes = new Uint8Array(8192).fill(0xee);
  const length = header + payload;
  bytes.set([0x40 | (header / 4), 0, length >> 8, length & 0xff, 0x12, 0x34, flags | (position >> 8), position & 0xff]);
  bytes.set([64, 17, 0, 0, 10, 77, 0, 2, 10, 77, 0, 1, ...options], 8);
  for (let i = 0; i < payload; i++) bytes[header + i] = i * 7 + (i >> 8);
  return bytes;
}

interface Fragment {
  readonly position: number;
  readonly more: boolean;
  readonly payload: Uint8Array;
  readonly header: Uint8Array;
}

function read(bytes: Uint8Array, at: number): Fragment {
  const header = (bytes[at] & 0xf) * 4;
  let sum = 0;
  for (let i = 0; i < header; i += 2) sum += (bytes[at + i] << 8) | bytes[at + i + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  expect(sum, 'header checksum').toBe(0xffff);
  return {
    position: (((bytes[at + 6] & 0x1f) << 8) | bytes[at + 7]) * 8,
    more: (bytes[at + 6] & 0x20) !== 0,
    payload: bytes.slice(at + header, at + ipv4Length(bytes, at)),
    header: bytes.slice(at, at + header),
  };
}

/** Splits until everything fits `mtu`. */
function fragments(bytes: Uint8Array, mtu: number): Fragment[] {
  const found: Fragment[] = [];
  let at = 0;
  while (ipv4Length(bytes, at) > mtu) {
    const rest = splitIpv4(bytes, at, ipv4Length(bytes, at), mtu, at + 2048);
    expect(ipv4Length(bytes, at)).toBeLessThanOrEqual(mtu);
    expect(rest).toBe(ipv4Length(bytes, at + 2048));
    found.push(read(bytes, at));
    at += 2048;
  }
  return [...found, read(bytes, at)];
}

describe('fragments of an IPv4 packet', () => {
  it.each([
    ['two', 1380, 1192, 2],
    ['three', 1380, 576, 3],
    ['a last one of a single byte', 1169, 1188, 2],
  ])('make %s with all bytes in place', (_name, payload, mtu, count) => {
    const whole = packet(payload).slice(20, 20 + payload);
    const pieces = fragments(packet(payload), mtu);
    expect(pieces).toHaveLength(count);
    let next = 0;
    for (const [i, piece] of pieces.entries()) {
      expect(piece.position).toBe(next);
      expect(piece.more).toBe(i < count - 1);
      expect(piece.payload).toEqual(whole.subarray(next, next + piece.payload.length));
      expect([...piece.header.subarray(4, 6)]).toEqual([0x12, 0x34]);
      next += piece.payload.length;
    }
    expect(next).toBe(payload);
  });

  it('of a fragment keep its place, and its flag that more follow', () => {
    const pieces = fragments(packet(1380, [], 0x20, 100), 1192);
    expect(pieces.map((piece) => [piece.position, piece.more])).toEqual([
      [800, true],
      [800 + pieces[0].payload.length, true],
    ]);
  });

  it('carry the options that are to be copied, and no others', () => {
    // Record route (7, not copied), then a security option (130, copied), then the end.
    const options = [7, 3, 4, 130, 4, 9, 9, 0];
    const [first, second] = fragments(packet(1372, options), 1192);
    expect([...first.header.subarray(20)]).toEqual(options);
    expect([...second.header.subarray(20)]).toEqual([1, 1, 1, 130, 4, 9, 9, 0]);
  });

  it('are not made where the header leaves no room', () => {
    const bytes = packet(100);
    const before = bytes.slice();
    expect(splitIpv4(bytes, 0, 120, 27, 2048)).toBe(0);
    expect(bytes).toEqual(before);
  });

  it('are made of IPv4 without "don\'t fragment" only', () => {
    expect(mayFragment(packet(8), 0)).toBe(true);
    expect(mayFragment(packet(8, [], 0x40), 0)).toBe(false);
    expect(mayFragment(Uint8Array.of(0x60, 0, 0, 0, 0, 0, 0, 0), 0)).toBe(false);
  });
});
