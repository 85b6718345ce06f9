/**
 * Arithmetic over GF(256), on ranges of bytes. In production packet-io does it with vector instructions; the plain one
 * below is for simulations and tests, and small work.
 */
import { GF256_POLYNOMIAL } from '@corridor/wire';

/** Operations over byte ranges. Both ranges lie inside their arrays (callers have checked); nothing allocates. */
export interface Gf256 {
  /** `dst[i] += coefficient * src[i]`, which is an exclusive or. The ranges do not overlap. */
  mulAdd(dst: Uint8Array, dstAt: number, src: Uint8Array, srcAt: number, length: number, coefficient: number): void;
  /** `dst[i] = coefficient * src[i]`. The ranges are the same or do not overlap; with coefficient 1 it copies. */
  mul(dst: Uint8Array, dstAt: number, src: Uint8Array, srcAt: number, length: number, coefficient: number): void;
}

/** Powers of 2, twice over so that sums of two logarithms need no modulo; and logarithms to base 2, that of 0 unused. */
const POWER = new Uint8Array(510);
const LOGARITHM = new Uint8Array(256);
/** All products, at [a * 256 + b]. */
const PRODUCT = new Uint8Array(65536);
fillTables();

/** Product of two elements. */
export function gfMultiply(a: number, b: number): number {
  return PRODUCT[(a << 8) | b];
}

/** The element whose product with `a` is 1; `a` is not 0. */
export function gfInverse(a: number): number {
  return POWER[255 - LOGARITHM[a]];
}

/** Table look-ups, about 1 GB/s: a fiftieth of what packet-io does. */
export const plainGf256: Gf256 = {
  mulAdd(dst, dstAt, src, srcAt, length, coefficient) {
    const row = coefficient << 8;
    for (let i = 0; i < length; i++) dst[dstAt + i] ^= PRODUCT[row | src[srcAt + i]];
  },
  mul(dst, dstAt, src, srcAt, length, coefficient) {
    const row = coefficient << 8;
    for (let i = 0; i < length; i++) dst[dstAt + i] = PRODUCT[row | src[srcAt + i]];
  },
};

function fillTables(): void {
  let power = 1;
  for (let exponent = 0; exponent < 255; exponent++) {
    POWER[exponent] = power;
    POWER[exponent + 255] = power;
    LOGARITHM[power] = exponent;
    power <<= 1;
    if (power > 255) power ^= GF256_POLYNOMIAL;
  }
  for (let a = 1; a < 256; a++) {
    for (let b = 1; b < 256; b++) PRODUCT[(a << 8) | b] = POWER[LOGARITHM[a] + LOGARITHM[b]];
  }
}
