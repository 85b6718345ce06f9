/**
 * Bundles: datagrams of one moment on their way between the two threads, in one buffer that changes hands. Layout, in
 * the machine's own byte order:
 *
 *     when it was made, f64, microseconds of the monotonic clock | count u32 | zero u32
 *     socket u32, length u32                                     | count times
 *     the datagrams, one behind the other
 */

const HEAD_BYTES = 16;
const ENTRY_BYTES = 8;

/** Bytes of a bundle of `count` datagrams that are `bytes` long together. */
export function bundleBytes(count: number, bytes: number): number {
  return HEAD_BYTES + count * ENTRY_BYTES + bytes;
}

/** Fills a fresh buffer: exactly `count` calls of {@link add}, then {@link buffer}. */
export class BundleWriter {
  readonly buffer: ArrayBuffer;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  #entry = HEAD_BYTES / 4;
  #at: number;

  constructor(count: number, bytes: number, atUs: number) {
    this.buffer = new ArrayBuffer(bundleBytes(count, bytes));
    this.#bytes = new Uint8Array(this.buffer);
    this.#words = new Uint32Array(this.buffer, 0, (HEAD_BYTES + count * ENTRY_BYTES) / 4);
    new Float64Array(this.buffer, 0, 1)[0] = atUs;
    this.#words[2] = count;
    this.#at = HEAD_BYTES + count * ENTRY_BYTES;
  }

  add(socket: number, from: Uint8Array, offset: number, length: number): void {
    this.#words[this.#entry] = socket;
    this.#words[this.#entry + 1] = length;
    this.#entry += 2;
    this.#bytes.set(from.subarray(offset, offset + length), this.#at);
    this.#at += length;
  }
}

/** Reads a bundle from front to back: {@link next} moves to the next datagram. */
export class BundleReader {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly count: number;
  readonly atUs: number;
  socket = 0;
  /** Where the datagram lies in {@link bytes}. */
  offset = 0;
  length = 0;
  readonly #words: Uint32Array;
  #index = 0;
  #at: number;

  constructor(buffer: ArrayBuffer) {
    this.bytes = new Uint8Array(buffer);
    this.atUs = new Float64Array(buffer, 0, 1)[0];
    this.count = new Uint32Array(buffer, 8, 1)[0];
    this.#words = new Uint32Array(buffer, 0, (HEAD_BYTES + this.count * ENTRY_BYTES) / 4);
    this.#at = HEAD_BYTES + this.count * ENTRY_BYTES;
  }

  /** False when there is none left. */
  next(): boolean {
    if (this.#index === this.count) return false;
    const entry = HEAD_BYTES / 4 + 2 * this.#index++;
    this.socket = this.#words[entry];
    this.length = this.#words[entry + 1];
    this.offset = this.#at;
    this.#at += this.length;
    return true;
  }
}
