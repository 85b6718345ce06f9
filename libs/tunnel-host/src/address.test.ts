import { describe, expect, test } from 'vitest';
import {
  addressBytes,
  addressRecord,
  networkOf,
  type Prefix,
  parseEndpoint,
  parsePrefix,
  prefixContains,
  prefixesOverlap,
  routeHalves,
} from './address.js';

const prefix = (text: string) => parsePrefix(text) as Prefix;

describe('endpoints', () => {
  test.each([
    ['203.0.113.10:4510', 4, '203.0.113.10', 4510],
    ['[2001:db8::1]:65535', 6, '2001:db8::1', 65535],
    ['[::]:1', 6, '::', 1],
  ])('%s is read', (text, family, address, port) => {
    expect(parseEndpoint(text)).toEqual({ family, address, port });
  });

  test.each([
    '203.0.113.10',
    '203.0.113.10:0',
    '203.0.113.10:65536',
    '203.0.113.256:4510',
    '2001:db8::1:4510',
    '[203.0.113.10]:4510',
    '[2001:db8::1]',
    'gw.example:4510',
    '1.2.3:4',
    '',
  ])('"%s" is refused', (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });

  test('port 0 is read where any port will do', () => {
    expect(parseEndpoint('127.0.0.1:0', true)?.port).toBe(0);
  });
});

describe('prefixes', () => {
  test.each(['10.77.0.2/24', '0.0.0.0/0', '::/0', 'fd77::2/128', '1.2.3.4/32'])('%s is read', (text) => {
    expect(parsePrefix(text)).toBeDefined();
  });

  test.each(['10.77.0.2', '10.77.0.2/33', 'fd77::/129', '10.77.0/24', '/24', 'x/8', '10.77.0.2/-1'])('"%s" is refused', (text) => {
    expect(parsePrefix(text)).toBeUndefined();
  });

  test('IPv6 text becomes bytes', () => {
    expect(addressBytes('2001:db8::ff:1')).toEqual(Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0, 1));
    expect(addressBytes('::')).toEqual(new Uint8Array(16));
    expect(addressBytes('1::').subarray(0, 3)).toEqual(Uint8Array.of(0, 1, 0));
    expect(addressBytes('::ffff:192.0.2.1').subarray(10)).toEqual(Uint8Array.of(0xff, 0xff, 192, 0, 2, 1));
  });

  test.each([
    ['10.77.0.0/24', '10.77.0.2/32', true, true],
    ['10.77.0.2/32', '10.77.0.0/24', true, false],
    ['10.77.0.0/25', '10.77.0.128/25', false, false],
    ['0.0.0.0/0', '192.0.2.0/24', true, true],
    ['::/0', '192.0.2.0/24', false, false],
    ['fd77::/63', 'fd77:0:0:1::/64', true, true],
  ])('%s and %s: overlap %s, contains %s', (a, b, overlap, contains) => {
    expect(prefixesOverlap(prefix(a), prefix(b))).toBe(overlap);
    expect(prefixContains(prefix(a), prefix(b))).toBe(contains);
  });

  test('host bits are cleared for routes', () => {
    expect(networkOf(prefix('10.77.3.9/22'))).toBe('10.77.0.0/22');
    expect(networkOf(prefix('192.168.77.200/25'))).toBe('192.168.77.128/25');
    expect(networkOf(prefix('fd77::2/64'))).toBe('fd77:0:0:0:0:0:0:0/64');
  });

  test('default routes are split into halves', () => {
    expect(routeHalves(prefix('0.0.0.0/0'))).toEqual(['0.0.0.0/1', '128.0.0.0/1']);
    expect(routeHalves(prefix('::/0'))).toEqual(['::/1', '8000::/1']);
    expect(routeHalves(prefix('10.77.0.9/24'))).toEqual(['10.77.0.0/24']);
  });
});

test('an address record has family, port and address where the engine reads them', () => {
  const record = addressRecord({ family: 4, address: '203.0.113.10', port: 0x1234 });
  expect([...record.subarray(0, 12)]).toEqual([4, 0, 0x34, 0x12, 0, 0, 0, 0, 203, 0, 113, 10]);
});
