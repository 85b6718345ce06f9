import { type Prefix, parsePrefix } from '@corridor/tunnel';
import { describe, expect, test } from 'vitest';
import {
  networkOf,
  parseEndpoint,
  parseWrittenPrefix,
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
    expect(parseEndpoint(text)).toMatchObject({ family, address, port });
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
    '',
  ])('"%s" is refused', (text) => {
    expect(parseEndpoint(text)).toBeUndefined();
  });
});

describe('prefixes', () => {
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

  test('an address without a length is no prefix here', () => {
    expect(parseWrittenPrefix('10.77.0.2')).toBeUndefined();
    expect(parseWrittenPrefix('10.77.0.2/24')).toBeDefined();
  });

  test('host bits are cleared for routes', () => {
    expect(networkOf(prefix('10.77.3.9/22'))).toBe('10.77.0.0/22');
    expect(networkOf(prefix('192.168.77.200/25'))).toBe('192.168.77.128/25');
    expect(networkOf(prefix('fd77::2/64'))).toBe('fd77::/64');
  });

  test('default routes are split into halves', () => {
    expect(routeHalves(prefix('0.0.0.0/0'))).toEqual(['0.0.0.0/1', '128.0.0.0/1']);
    expect(routeHalves(prefix('::/0'))).toEqual(['::/1', '8000::/1']);
    expect(routeHalves(prefix('10.77.0.9/24'))).toEqual(['10.77.0.0/24']);
  });
});
