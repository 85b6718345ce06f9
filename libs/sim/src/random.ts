/**
 * Seeded random numbers: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state, fast and good enough for link
 * models. Not cryptographic.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private counter = 1;

  /** @param seed any integer; equal seeds give equal sequences. */
  constructor(seed: number) {
    this.a = seed | 0;
    this.b = Math.floor(seed / 0x1_0000_0000) | 0;
    this.c = 0x9e3779b9 | 0;
    // Small seeds leave most of the state alike: stir until they have nothing in common.
    for (let i = 0; i < 12; i++) this.nextInt32();
  }

  /** Uniform over all signed 32-bit integers. */
  nextInt32(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = ((this.c << 21) | (this.c >>> 11)) + sum;
    this.c |= 0;
    return sum;
  }

  /** Uniform in [0, 1), steps of 2^-32. */
  next(): number {
    return (this.nextInt32() >>> 0) / 0x1_0000_0000;
  }

  /** Uniform integer in [0, limit), limit at most 2^32. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** `length` random bytes in a new array. */
  bytes(length: number): Uint8Array {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.nextInt32() >>> 24;
    return out;
  }

  /** A generator of its own for part `label` of the same run: parts do not disturb each other's sequences. */
  fork(label: string): Random {
    let hash = 0x811c9dc5; // FNV-1a
    for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193);
    return new Random((this.a ^ hash) + (this.c >>> 0) * 0x1_0000_0000);
  }
}
