import { describe, expect, it } from 'vitest';
import { inSlab, ipv4, ipv6 } from '../test/packets.js';
import { Classifier } from './classify.js';
import { PolicyError, type TrafficMatch, type TunnelPolicy } from './policy.js';

function policy(...matches: TrafficMatch[][]): TunnelPolicy {
  return {
    version: 1,
    default: { strategy: 's' },
    classes: matches.map((match, index) => ({ name: `c${index}`, strategy: 's', match })),
  };
}

function classOf(packet: Uint8Array, ...matches: TrafficMatch[][]): number {
  return new Classifier(policy(...matches)).classify(inSlab(packet), 13, packet.length);
}

const ICMP = { payload: [8, 0, 1, 2, 3, 4, 5, 6] };

describe('a match', () => {
  it.each<[string, TrafficMatch, Uint8Array, boolean]>([
    ['nothing', {}, ipv4(), true],
    ['a code point', { dscp: [46] }, ipv4({ dscp: 46 }), true],
    ['one of several code points', { dscp: [0, 31, 32, 63] }, ipv6({ dscp: 63 }), true],
    ['another code point', { dscp: [46] }, ipv6({ dscp: 44 }), false],
    ['code point 31 is not 63', { dscp: [31] }, ipv4({ dscp: 63 }), false],
    ['udp', { protocol: 'udp' }, ipv6(), true],
    ['udp is not tcp', { protocol: 'udp' }, ipv4({ protocol: 6 }), false],
    ['icmp', { protocol: 'icmp' }, ipv4({ protocol: 1, ...ICMP }), true],
    ['icmp means ICMPv6 too', { protocol: 'icmp' }, ipv6({ protocol: 58, ...ICMP }), true],
    ['a destination port', { ports: [53] }, ipv4({ ports: [4000, 53] }), true],
    ['a source port', { ports: [53] }, ipv6({ ports: [53, 4000], protocol: 6 }), true],
    ['first of a range', { ports: ['5000-5010'] }, ipv4({ ports: [1, 5000] }), true],
    ['last of a range', { ports: [7, '5000-5010'] }, ipv4({ ports: [1, 5010] }), true],
    ['beyond a range', { ports: ['5000-5010'] }, ipv4({ ports: [4999, 5011] }), false],
    ['ports of what has none', { ports: ['0-65535'] }, ipv4({ protocol: 1, ...ICMP }), false],
    [
      'a source prefix',
      { prefixes: ['10.77.0.0/24'] },
      ipv4({ source: [10, 77, 0, 9], destination: [1, 1, 1, 1] }),
      true,
    ],
    [
      'a destination prefix',
      { prefixes: ['10.77.0.0/24'] },
      ipv4({ source: [1, 1, 1, 1], destination: [10, 77, 0, 9] }),
      true,
    ],
    ['no prefix', { prefixes: ['10.77.1.0/24', 'fd77::/64'] }, ipv4(), false],
    ['an odd prefix', { prefixes: ['fd77::/63'] }, ipv6(), true],
    ['a whole address', { prefixes: ['fd77::2'] }, ipv6(), true],
    ['another whole address', { prefixes: ['fd77::3'] }, ipv6(), false],
    ['everything of a family', { prefixes: ['0.0.0.0/0'] }, ipv6(), false],
    ['all keys', { dscp: [46], protocol: 'udp', ports: [53], prefixes: ['10.0.0.0/8'] }, ipv4({ dscp: 46 }), true],
    [
      'all keys but one',
      { dscp: [46], protocol: 'udp', ports: [54], prefixes: ['10.0.0.0/8'] },
      ipv4({ dscp: 46 }),
      false,
    ],
  ])('%s', (_, match, packet, holds) => {
    expect(classOf(packet, [match])).toBe(holds ? 1 : 0);
  });
});

describe('the classifier', () => {
  it('takes the first class with any match that holds', () => {
    const rules: TrafficMatch[][] = [[{ ports: [1] }, { ports: [53] }], [{ protocol: 'udp' }], [{}]];
    expect(classOf(ipv4({ ports: [4, 53] }), ...rules)).toBe(1);
    expect(classOf(ipv4({ ports: [4, 5] }), ...rules)).toBe(2);
    expect(classOf(ipv4({ protocol: 6, ports: [4, 5] }), ...rules)).toBe(3);
  });

  it('puts what is no IP packet into the default class', () => {
    for (const packet of [
      new Uint8Array(0),
      Uint8Array.of(0x45, 0, 0),
      Uint8Array.of(0x10, 2, 3),
      ipv6().slice(0, 39),
    ]) {
      expect(classOf(packet, [{}])).toBe(0);
    }
  });

  it.each([
    ['IPv4', ipv4],
    ['IPv6', ipv6],
  ] as const)('%s: later fragments follow their first one', (_, build) => {
    const classifier = new Classifier(policy([{ ports: [53] }]));
    const classify = (packet: Uint8Array) => classifier.classify(packet, 0, packet.length);
    const later = (id: number) => build({ fragment: [id, 1, false], payload: [1, 2, 3, 4] });
    expect(classify(later(7))).toBe(0);
    expect(classify(build({ fragment: [7, 0, true], ports: [9, 53] }))).toBe(1);
    expect(classify(later(7))).toBe(1);
    expect(classify(later(8))).toBe(0);
    expect(classify(build({ fragment: [7, 0, true], ports: [9, 54] }))).toBe(0);
    expect(classify(later(7))).toBe(0);
  });

  it('classifies a later fragment by what it shows when its first one was not seen', () => {
    const later = ipv4({ fragment: [7, 1, false], payload: [1, 2, 3, 4], dscp: 46 });
    expect(classOf(later, [{ ports: ['0-65535'] }], [{ dscp: [46], prefixes: ['10.77.0.2'] }])).toBe(2);
  });

  it.each([
    [{ prefixes: ['10.0.0.0/33'] }, 'classes[0].match[0].prefixes'],
    [{ ports: ['9-8'] }, 'classes[0].match[0].ports'],
    [{ ports: [70_000] }, 'classes[0].match[0].ports'],
  ])('refuses %j', (match, key) => {
    expect(() => new Classifier(policy([match]))).toThrow(PolicyError);
    expect(() => new Classifier(policy([match]))).toThrow(`${key}: expected`);
  });
});
