import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fillHeaderChecksum, headerSum } from '../../test/checksums.js';
import { inSlab, ipv4, ipv6 } from '../../test/packets.js';
import { markCongestion } from './ecn.js';

const octets = fc.uint8Array({ minLength: 20, maxLength: 20 });

function mark(packet: Uint8Array): { marked: boolean; packet: Uint8Array } {
  const slab = inSlab(packet);
  const before = slab.slice();
  const marked = markCongestion(slab, 13);
  expect(slab.subarray(0, 13)).toEqual(before.subarray(0, 13));
  expect(slab.subarray(13 + packet.length)).toEqual(before.subarray(13 + packet.length));
  return { marked, packet: slab.slice(13, 13 + packet.length) };
}

it('marks IPv4 packets of senders that take part, and their header checksum stays right', () => {
  fc.assert(
    fc.property(octets, fc.nat(3), (noise, ecn) => {
      const original = ipv4({ dscp: noise[0] & 63, source: [...noise.subarray(1, 5)], protocol: noise[5] });
      original.set(noise.subarray(6, 8), 4);
      original[1] |= ecn;
      fillHeaderChecksum(original);
      const { marked, packet } = mark(original);
      expect(marked).toBe(ecn !== 0);
      expect(headerSum(packet)).toBe(0xffff);
      const expected = original.slice();
      if (ecn !== 0) expected[1] |= 3;
      expect(packet).toEqual(fillHeaderChecksum(expected));
    }),
    { numRuns: 2_000 },
  );
});

it.each([0x0000, 0x0001, 0xfffe])('mends a checksum of %i', (checksum) => {
  for (const ecn of [1, 2]) {
    const original = fillHeaderChecksum(ipv4());
    original[1] |= ecn;
    fillHeaderChecksum(original);
    // The identification takes what the checksum is not to have.
    const id = ((original[10] << 8) | original[11]) + (checksum === 0 ? 0 : 0xffff - checksum);
    original[4] = (id + (id >> 16)) >> 8;
    original[5] = id + (id >> 16);
    fillHeaderChecksum(original);
    expect((original[10] << 8) | original[11]).toBe(checksum);
    expect(headerSum(mark(original).packet)).toBe(0xffff);
  }
});

it('marks IPv6 packets in their traffic class and leaves DSCP and flow label', () => {
  fc.assert(
    fc.property(octets, fc.nat(3), (noise, ecn) => {
      const original = ipv6({ dscp: noise[0] & 63 });
      original[1] |= (ecn << 4) | (noise[1] & 0xf);
      original.set(noise.subarray(2, 4), 2);
      const { marked, packet } = mark(original);
      expect(marked).toBe(ecn !== 0);
      const expected = original.slice();
      if (ecn !== 0) expected[1] |= 0x30;
      expect(packet).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});
