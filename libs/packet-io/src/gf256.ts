import { native } from './native.js';

/** Arithmetic over GF(256) (polynomial 0x11d) on ranges of bytes; fulfils the engine's `Gf256`. */
export interface Gf256Operations {
  /**
   * `target[targetAt + i] ^= coefficient * source[sourceAt + i]` for i below `length`. The ranges do not overlap.
   * @param coefficient 0 to 255
   * @throws ERR_OUT_OF_BOUNDS for a range outside its array, ERR_BAD_ARGUMENT for a coefficient that is none
   */
  mulAdd(
    target: Uint8Array,
    targetAt: number,
    source: Uint8Array,
    sourceAt: number,
    length: number,
    coefficient: number,
  ): void;
  /** The same without the addition. The ranges are one or do not overlap; with coefficient 1 it copies. */
  mul(
    target: Uint8Array,
    targetAt: number,
    source: Uint8Array,
    sourceAt: number,
    length: number,
    coefficient: number,
  ): void;
}

/** By the widest vector instructions that this processor has: AVX2, SSSE3, NEON, or none. */
export const nativeGf256: Gf256Operations & {
  /** "avx2", "ssse3", "neon" or "portable". */
  readonly name: string;
} = native.gf256[0];
