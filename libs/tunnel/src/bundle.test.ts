import { writeBundledHeader } from '@corridor/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inSlab, ipv4, ipv6 } from '../test/packets.js';
import { isBundle } from './bundle.js';
import { ipPacketBytes } from './ip-packet.js';

const u8 = fc.nat({ max: 255 });
const payload = fc.array(u8, { maxLength: 60 });
const packet = fc
  .tuple(fc.boolean(), payload)
  .map(([isV6, bytes]) => (isV6 ? ipv6({ payload: bytes }) : ipv4({ payload: bytes })));
const packets = fc.array(packet, { minLength: 1, maxLength: 12 });

function bundleOf(parts: readonly Uint8Array[], kind = 1): Uint8Array {
  const header = new Uint8Array(8);
  const bytes = parts.flatMap((part, i) => {
    writeBundledHeader(header, 0, kind, i, 0x1234, i);
    return i === 0 ? [...part] : [...header, ...part];
  });
  return Uint8Array.from(bytes);
}

const AT = 13;
const accepts = (bytes: Uint8Array, length = bytes.length) => isBundle(inSlab(bytes, AT), AT, length);

describe('a bundle', () => {
  it('is a row of packets with headers between them', () => {
    fc.assert(
      fc.property(packets, (parts) => {
        expect(accepts(bundleOf(parts))).toBe(true);
        for (const part of parts) expect(ipPacketBytes(inSlab(part, AT), AT, part.length)).toBe(part.length);
      }),
    );
  });

  it('is refused when it ends anywhere but behind a packet, or something follows', () => {
    fc.assert(
      fc.property(packets, (parts) => {
        const bytes = bundleOf(parts);
        const ends = new Set(parts.map((_, i) => bundleOf(parts.slice(0, i + 1)).length));
        for (let length = 0; length <= bytes.length; length++) expect(accepts(bytes, length)).toBe(ends.has(length));
        for (const more of [1, 7, 8, 9, 28])
          expect(accepts(Uint8Array.from([...bytes, ...new Array(more).fill(1)]))).toBe(false);
      }),
      { numRuns: 30 },
    );
  });

  it('is refused when a packet claims more or less than it has, reaching into the next or leaving a hole', () => {
    const parts = [ipv4(), ipv6(), ipv4()];
    const starts = parts.map((_, i) => (i === 0 ? 0 : bundleOf(parts.slice(0, i)).length + 8));
    // It may swallow others whole.
    const ends = parts.map((_, i) => bundleOf(parts.slice(0, i + 1)).length);
    for (const [i, at] of starts.entries()) {
      const lengthAt = at + (i === 1 ? 5 : 3);
      for (let length = 0; length < 256; length++) {
        const bytes = bundleOf(parts);
        bytes[lengthAt] = length;
        const end = at + length + (i === 1 ? 40 : 0);
        expect(accepts(bytes), `packet ${i} of ${length} bytes`).toBe(ends.indexOf(end) >= i);
      }
    }
  });

  it('is refused when it holds anything but packets', () => {
    for (let kind = 0; kind < 256; kind++) expect(accepts(bundleOf([ipv4(), ipv4()], kind))).toBe(kind === 1);
  });

  it('never reads behind its end, whatever it holds', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const seen = new Set<boolean>();
        for (const around of [0x00, 0x45, 0xff]) {
          const slab = new Uint8Array(AT + bytes.length + 80).fill(around);
          slab.set(bytes, AT);
          seen.add(isBundle(slab, AT, bytes.length));
        }
        expect(seen.size).toBe(1);
      }),
    );
  });
});
