import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipv4, ipv6 } from '../test/packets.js';
import { formatPrefix, hasHostBits, type Prefix, PrefixTable, parsePrefix } from './prefixes.js';

const prefix = (text: string) => parsePrefix(text) as Prefix;

function covers(of: Prefix, address: Uint8Array): boolean {
  for (let bit = 0; bit < of.length; bit++) {
    if (((of.address[bit >> 3] ^ address[bit >> 3]) & (0x80 >> (bit & 7))) !== 0) return false;
  }
  return true;
}

/** Few different bits, so that prefixes overlap. */
const address = (bytes: number) =>
  fc
    .array(fc.constantFrom(0, 1, 128, 255), { minLength: bytes, maxLength: bytes })
    .map((list) => Uint8Array.from(list));
const somePrefix: fc.Arbitrary<Prefix> = fc.oneof(
  fc.record({ family: fc.constant(4 as const), address: address(4), length: fc.nat({ max: 32 }) }),
  fc.record({ family: fc.constant(6 as const), address: address(16), length: fc.nat({ max: 128 }) }),
);

describe('prefixes as text', () => {
  it.each(['10.77.0.0/24', '0.0.0.0/0', '255.255.255.255/32', 'fd77::/64', '::/0', '2001:db8::1/128'])('%s', (text) => {
    expect(formatPrefix(prefix(text))).toBe(text);
    expect(hasHostBits(prefix(text))).toBe(false);
  });

  it('an address alone is the prefix of all its bits', () => {
    expect(prefix('10.77.0.2').length).toBe(32);
    expect(prefix('fd77::2').length).toBe(128);
  });

  it('keeps bits beyond the length, for interface addresses', () => {
    expect(formatPrefix(prefix('10.77.0.1/24'))).toBe('10.77.0.1/24');
    expect(hasHostBits(prefix('10.77.0.1/24'))).toBe(true);
    expect(hasHostBits(prefix('fd77::1/64'))).toBe(true);
  });

  it.each([
    '',
    '/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0/8',
    '::/129',
    '::/64/1',
    '10.0.0.0/',
    'fd77::/a',
  ])('refuses %j', (text) => expect(parsePrefix(text)).toBeUndefined());
});

describe('the prefix table', () => {
  it('agrees with a linear search, whatever is inserted and removed', () => {
    const step = fc.record({ prefix: somePrefix, remove: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), address(4), address(16), (steps, v4, v6) => {
        const table = new PrefixTable();
        const model: { prefix: Prefix; value: number }[] = [];
        steps.forEach((each, value) => {
          const same = model.findIndex(
            (entry) =>
              entry.prefix.family === each.prefix.family &&
              entry.prefix.length === each.prefix.length &&
              covers(entry.prefix, each.prefix.address),
          );
          if (same >= 0) model.splice(same, 1);
          if (each.remove) expect(table.remove(each.prefix)).toBe(same >= 0);
          else {
            table.insert(each.prefix, value);
            model.push({ prefix: each.prefix, value });
          }
        });
        expect(table.size).toBe(model.length);
        for (const [family, wanted] of [
          [4, v4],
          [6, v6],
        ] as const) {
          const best = model
            .filter((entry) => entry.prefix.family === family && covers(entry.prefix, wanted))
            .sort((a, b) => b.prefix.length - a.prefix.length)[0];
          expect(table.lookup(family, Uint8Array.of(9, ...wanted), 1)).toBe(best?.value ?? -1);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('finds source and destination of packets in place', () => {
    const table = new PrefixTable();
    table.insert(prefix('10.77.0.2/32'), 1);
    table.insert(prefix('10.77.0.0/24'), 2);
    table.insert(prefix('fd77::/64'), 3);
    table.insert(prefix('::/0'), 4);
    const v4 = ipv4({ source: [10, 77, 0, 2], destination: [10, 77, 0, 9] });
    expect([table.lookupSource(v4, 0), table.lookupDestination(v4, 0)]).toEqual([1, 2]);
    expect(table.lookupDestination(ipv4({ destination: [192, 0, 2, 1] }), 0)).toBe(-1);
    const v6 = ipv6({ destination: [0x20, 1, ...new Array(14).fill(0)] });
    expect([table.lookupSource(v6, 0), table.lookupDestination(v6, 0)]).toEqual([3, 4]);
  });

  it('stays small when prefixes come and go', () => {
    const table = new PrefixTable();
    for (let i = 0; i < 50_000; i++) {
      const each: Prefix = { family: 4, address: Uint8Array.of(10, i >> 16, i >> 8, i), length: 32 };
      table.insert(each, i);
      expect(table.remove(each)).toBe(true);
    }
    expect(table.size).toBe(0);
    expect(table.lookup(4, Uint8Array.of(10, 0, 0, 1), 0)).toBe(-1);
  });

  it('holds 10,000 prefixes of several lengths', () => {
    const table = new PrefixTable();
    for (let i = 0; i < 10_000; i++) {
      table.insert({ family: 4, address: Uint8Array.of(10, i >> 8, i, 0), length: i % 3 === 0 ? 24 : 32 }, i);
    }
    expect(table.size).toBe(10_000);
    for (let i = 0; i < 10_000; i++) {
      expect(table.lookup(4, Uint8Array.of(10, i >> 8, i, 0), 0)).toBe(i);
      expect(table.lookup(4, Uint8Array.of(10, i >> 8, i, 7), 0)).toBe(i % 3 === 0 ? i : -1);
    }
  });
});
