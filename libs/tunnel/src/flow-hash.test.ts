import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inSlab, ipv4, ipv6 } from '../test/packets.js';
import { flowHash } from './flow-hash.js';
import { isIpPacket } from './ip-packet.js';

const hash = (packet: Uint8Array) => flowHash(inSlab(packet), 13, packet.length);
const HOP_BY_HOP = [0, [0, 1, 4, 0, 0, 0, 0]] as const;
const ROUTING = [43, [1, 0, 0, ...new Array(12).fill(0)]] as const;
const AUTHENTICATION = [51, [4, ...new Array(22).fill(7)]] as const;

describe('the flow hash', () => {
  it('is the same for packets of one flow', () => {
    for (const build of [ipv4, ipv6]) {
      const first = build({ ports: [1000, 443], protocol: 6, dscp: 0 });
      const later = build({ ports: [1000, 443], protocol: 6, dscp: 46, payload: [3, 0xe8, 1, 0xbb, 9, 9, 9, 9] });
      expect(hash(later)).toBe(hash(first));
    }
  });

  it.each([
    ['source port', { ports: [1001, 53] as const }],
    ['destination port', { ports: [1000, 54] as const }],
    ['protocol', { protocol: 6 }],
    ['source', { source: new Array(16).fill(8) }],
    ['destination', { destination: new Array(16).fill(9) }],
  ])('differs with another %s', (_, change) => {
    const cut =
      'source' in change ? { source: [8, 8, 8, 8] } : 'destination' in change ? { destination: [9, 9, 9, 9] } : change;
    expect(hash(ipv4({ ports: [1000, 53], ...cut }))).not.toBe(hash(ipv4({ ports: [1000, 53] })));
    expect(hash(ipv6({ ports: [1000, 53], ...change }))).not.toBe(hash(ipv6({ ports: [1000, 53] })));
  });

  it('finds the ports behind IPv6 extension headers and IPv4 options', () => {
    const plain = hash(ipv6({ ports: [1000, 53] }));
    for (const extensions of [[HOP_BY_HOP], [ROUTING], [HOP_BY_HOP, ROUTING, AUTHENTICATION]]) {
      expect(hash(ipv6({ ports: [1000, 53], extensions }))).toBe(plain);
      expect(hash(ipv6({ ports: [1000, 54], extensions }))).not.toBe(plain);
    }
    const options = ipv4({ payload: [1, 1, 1, 1, 3, 0xe8, 0, 53] });
    options[0] = 0x46;
    expect(hash(options)).toBe(hash(ipv4({ ports: [1000, 53] })));
  });

  it.each([
    ['IPv4', ipv4, []],
    ['IPv6', ipv6, []],
    ['IPv6 with headers before', ipv6, [HOP_BY_HOP]],
  ] as const)('%s: all fragments of a datagram hash alike, the first one too', (_, build, extensions) => {
    const fragment = (id: number, position: number, more: boolean, payload?: number[]) =>
      hash(build({ fragment: [id, position, more], extensions, ...(payload && { payload }) }));
    const first = fragment(77, 0, true);
    expect(fragment(77, 1, true, [1, 2, 3, 4, 5, 6, 7, 8])).toBe(first);
    expect(fragment(77, 2, false, [9])).toBe(first);
    expect(fragment(78, 0, true)).not.toBe(first);
  });

  it('takes an IPv6 packet with a fragment header but nothing to follow for whole', () => {
    expect(hash(ipv6({ fragment: [5, 0, false] }))).toBe(hash(ipv6()));
  });

  it('fragments of IPv6 with further headers inside the fragmented part still hash alike', () => {
    const destinationOptions = [0, 1, 4, 0, 0, 0, 0];
    const first = ipv6({ protocol: 60, fragment: [9, 0, true], payload: [17, ...destinationOptions, 3, 0xe8, 0, 53] });
    const later = ipv6({ protocol: 60, fragment: [9, 3, false], payload: [1, 2, 3, 4] });
    expect(hash(first)).toBe(hash(later));
  });

  it('does not look beyond the packet, and never throws', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 80 }),
        fc.constantFrom(0x45, 0x4f, 0x60, 0x00),
        (bytes, lead) => {
          bytes[0] = lead;
          const a = inSlab(bytes);
          const b = a.slice();
          b.fill(0x11, 13 + bytes.length);
          expect(flowHash(a, 13, bytes.length)).toBe(flowHash(b, 13, bytes.length));
          expect(flowHash(a, 13, bytes.length) | 0).toBe(flowHash(a, 13, bytes.length));
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('spreads flows over its low 12 bits', () => {
    const seen = new Set<number>();
    for (let port = 0; port < 4096; port++) {
      const protocol = port % 2 === 0 ? 6 : 17;
      seen.add(hash(ipv4({ ports: [40_000 + port, 443], protocol })) & 0xfff);
    }
    // 4096 balls in 4096 urns fill 63 % of them.
    expect(seen.size).toBeGreaterThan(2450);
    expect(seen.size).toBeLessThan(2750);
  });
});

describe('the shape of an IP packet', () => {
  it('is that of exactly its length', () => {
    for (const packet of [ipv4(), ipv6()]) {
      expect(isIpPacket(inSlab(packet), 13, packet.length)).toBe(true);
      for (const length of [0, 1, 19, packet.length - 1, packet.length + 1]) {
        expect(isIpPacket(inSlab(packet), 13, length)).toBe(false);
      }
    }
    const short = ipv4();
    short[0] = 0x44;
    expect(isIpPacket(short, 0, short.length)).toBe(false);
  });
});
