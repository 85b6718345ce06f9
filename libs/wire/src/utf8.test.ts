import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeUtf8, encodeUtf8, utf8Length } from './index.js';

describe('UTF-8', () => {
  it('encodes like the platform does, lone surrogates included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const bytes = encodeUtf8(text);
        expect(bytes).toEqual(new TextEncoder().encode(text));
        expect(bytes.length).toBe(utf8Length(text));
      }),
    );
  });

  it('decodes what the platform accepts and refuses what it refuses', () => {
    const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
    const byte = fc.oneof(fc.nat({ max: 255 }), fc.constantFrom(0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0xed, 0xa0));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 12 }), (list) => {
        const bytes = Uint8Array.from(list);
        let wanted: string | undefined;
        try {
          wanted = strict.decode(bytes);
        } catch {}
        expect(decodeUtf8(bytes, 0, bytes.length)).toBe(wanted);
      }),
      { numRuns: 3000 },
    );
  });
});
