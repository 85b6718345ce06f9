import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nativeGf256 } from './gf256.js';
import { native } from './native.js';

/** The product by the book: polynomials over GF(2), modulo x^8 + x^4 + x^3 + x^2 + 1. */
function product(a: number, b: number): number {
  let sum = 0;
  for (let bit = 0; bit < 8; bit++) if ((b >> bit) & 1) sum ^= a << bit;
  for (let bit = 15; bit >= 8; bit--) if ((sum >> bit) & 1) sum ^= 0x11d << (bit - 8);
  return sum;
}

const all = Uint8Array.from({ length: 256 }, (_, i) => i);

describe.each(native.gf256.map((kernel) => [kernel.name, kernel] as const))('GF(256) by %s', (_name, kernel) => {
  it('multiplies every element by every coefficient', () => {
    for (let coefficient = 0; coefficient < 256; coefficient++) {
      const target = new Uint8Array(256);
      kernel.mul(target, 0, all, 0, 256, coefficient);
      expect(target).toEqual(all.map((x) => product(coefficient, x)));
    }
  });

  it('does so for any length and alignment, and leaves the rest alone', () => {
    const range = fc.tuple(fc.nat({ max: 300 }), fc.nat({ max: 70 }), fc.nat({ max: 70 }), fc.nat({ max: 255 }));
    fc.assert(
      fc.property(range, fc.boolean(), ([length, targetAt, sourceAt, coefficient], add) => {
        const source = Uint8Array.from({ length: 400 }, (_, i) => Math.imul(i + length, 0x9e3779b1) >>> 24);
        const target = Uint8Array.from({ length: 400 }, (_, i) => Math.imul(i + coefficient, 0x85ebca6b) >>> 24);
        const expected = target.slice();
        for (let i = 0; i < length; i++) {
          expected[targetAt + i] = (add ? target[targetAt + i] : 0) ^ product(coefficient, source[sourceAt + i]);
        }
        if (add) kernel.mulAdd(target, targetAt, source, sourceAt, length, coefficient);
        else kernel.mul(target, targetAt, source, sourceAt, length, coefficient);
        expect(target).toEqual(expected);
      }),
      { numRuns: 1000 },
    );
  });

  it('scales in place', () => {
    const bytes = all.slice();
    kernel.mul(bytes, 3, bytes, 3, 200, 29);
    expect(bytes).toEqual(all.map((x) => (x >= 3 && x < 203 ? product(29, x) : x)));
  });

  it('refuses ranges outside their bytes and coefficients that are none', () => {
    const bytes = new Uint8Array(64);
    const outside = expect.objectContaining({ code: 'ERR_OUT_OF_BOUNDS' });
    expect(() => kernel.mulAdd(bytes, 1, bytes.slice(), 0, 64, 2)).toThrow(outside);
    expect(() => kernel.mulAdd(bytes, 0, bytes.slice(), 1, 64, 2)).toThrow(outside);
    expect(() => kernel.mul(bytes, -1, bytes.slice(), 0, 3, 2)).toThrow(outside);
    expect(() => kernel.mul(bytes, 0, bytes.slice(), 0, -1, 2)).toThrow(outside);
    const bad = expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' });
    expect(() => kernel.mul(bytes, 0, bytes.slice(), 0, 3, 256)).toThrow(bad);
    expect(() => kernel.mul(bytes, 0, bytes.slice(), 0, 3, -1)).toThrow(bad);
    expect(bytes).toEqual(new Uint8Array(64));
  });
});

it('uses the fastest that the processor has', () => {
  expect(native.gf256.map(({ name }) => name).at(-1)).toBe('portable');
  expect(nativeGf256).toBe(native.gf256[0]);
});
