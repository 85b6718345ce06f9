import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressRecord, formatAddress, formatIp, parseAddress, parseIp, sameRemote } from './address.js';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
/** Mostly zeros, so that there are runs to shorten. */
const sparse = fc
  .array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 })
  .map((list) => Uint8Array.from(list));

describe('IP addresses as text', () => {
  it.each([
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['192.0.2.1', '192.0.2.1'],
  ])('%s is written %s (RFC 5952)', (text, canonical) => {
    const ip = parseIp(text) as Uint8Array;
    expect(formatIp(ip, 0, ip.length === 4 ? 4 : 6)).toBe(canonical);
  });

  it('are read back as they were written', () => {
    fc.assert(
      fc.property(bytes(4), fc.oneof(bytes(16), sparse), (v4, v6) => {
        expect(parseIp(formatIp(v4, 0, 4))).toEqual(v4);
        expect(parseIp(formatIp(v6, 0, 6))).toEqual(v6);
      }),
    );
  });

  it('are accepted and refused like Node does', () => {
    const junk = fc.array(
      fc.constantFrom(':', '::', '0', 'f', 'ffff', '1.2.3.4', '.', '255', '256', '01', 'g', '12345'),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          junk.map((parts) => parts.join('')),
          fc.ipV4(),
          fc.ipV6(),
        ),
        (text) => {
          const ip = parseIp(text);
          expect(ip === undefined ? 0 : ip.length === 4 ? 4 : 6).toBe(isIP(text));
        },
      ),
      { numRuns: 3000 },
    );
  });
});

describe('address records', () => {
  it.each(['192.0.2.1:4510', '[2001:db8::1]:65535', '[fe80::1%3]:1', '[::]:0'])('%s', (text) => {
    const record = parseAddress(text) as Uint8Array;
    expect(record.length).toBe(40);
    expect(formatAddress(record)).toBe(text);
  });

  it('lie as the engine expects them', () => {
    expect(Array.from(parseAddress('192.0.2.1:4510') as Uint8Array)).toEqual([
      ...[4, 0, 0x9e, 0x11, 0, 0, 0, 0, 192, 0, 2, 1],
      ...new Array(28).fill(0),
    ]);
    expect(Array.from((parseAddress('[fe80::1%258]:1') as Uint8Array).subarray(0, 10))).toEqual([
      6, 0, 1, 0, 2, 1, 0, 0, 0xfe, 0x80,
    ]);
  });

  it.each([
    '',
    '192.0.2.1',
    '192.0.2.1:',
    '192.0.2.1:65536',
    '::1:80',
    '[192.0.2.1]:80',
    '[::1]',
    '[::1%eth0]:80',
    '[::1%4294967296]:80',
    ' 192.0.2.1:80',
    'host:80',
  ])('refuse %j', (text) => expect(parseAddress(text)).toBeUndefined());

  it('are compared by their remote end', () => {
    const a = addressRecord(Uint8Array.of(192, 0, 2, 1), 80);
    const local = a.slice();
    local[24] = 99;
    const arena = new Uint8Array(100);
    arena.set(local, 41);
    expect(sameRemote(a, 0, arena, 41)).toBe(true);
    for (const at of [0, 2, 3, 4, 8, 11, 23]) {
      const other = a.slice();
      other[at] ^= 1;
      expect(sameRemote(a, 0, other, 0)).toBe(false);
    }
  });
});
