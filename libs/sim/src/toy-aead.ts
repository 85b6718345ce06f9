/**
 * A transport AEAD for simulations: as fast as plain JavaScript allows, seeded, and **not secret in any way**. It
 * xors a keyed stream and adds a keyed checksum, so that the engine meets what it would meet in production: bytes
 * that differ with key, path and packet number, and datagrams that do not open when a bit of them was changed.
 */
import type { AeadBatch, CipherId, OpenBatch, SealBatch } from '@corridor/tunnel';

const OUTER = 12;
const INNER = 12;
const TAG = 16;

export class ToyAead implements AeadBatch {
  private readonly keys: (Int32Array | undefined)[] = [];

  addKey(cipher: CipherId, key: Uint8Array): number {
    if (key.length !== 32) throw new RangeError(`a key of 32 bytes was expected, got ${key.length}`);
    const words = new Int32Array(8);
    for (let i = 0; i < 8; i++) words[i] = word(key, i * 4) ^ Math.imul(cipher, 0x9e3779b1);
    const free = this.keys.indexOf(undefined);
    const handle = free < 0 ? this.keys.length : free;
    this.keys[handle] = words;
    return handle;
  }

  dropKey(handle: number): void {
    this.keys[handle] = undefined;
  }

  seal(batch: SealBatch, source: Uint8Array, target: Uint8Array): void {
    for (let i = 0; i < batch.count; i++) {
      const key = this.key(batch.key[i]);
      const at = batch.target[i];
      const from = batch.source[i];
      const length = batch.sourceLength[i];
      for (let j = 0; j < OUTER + INNER; j++) target[at + j] = batch.header[i * 24 + j];
      target.set(source.subarray(from, from + length), at + OUTER + INNER);
      applyStream(key, target, at, target, at + OUTER, INNER + length);
      writeTag(key, target, at, OUTER + INNER + length);
    }
  }

  open(batch: OpenBatch, source: Uint8Array, target: Uint8Array): void {
    for (let i = 0; i < batch.count; i++) {
      const key = this.key(batch.key[i]);
      const from = batch.source[i];
      const sealed = batch.sourceLength[i] - OUTER - TAG;
      if (sealed < INNER || !isTag(key, source, from, OUTER + sealed)) {
        batch.result[i] = -1;
        continue;
      }
      const at = batch.target[i] - INNER;
      target.set(source.subarray(from + OUTER, from + OUTER + sealed), at);
      applyStream(key, source, from, target, at, sealed);
      batch.result[i] = sealed - INNER;
    }
  }

  private key(handle: number): Int32Array {
    const key = this.keys[handle];
    if (key === undefined) throw new RangeError(`no key has handle ${handle}`);
    return key;
  }
}

/** Xors `length` bytes at `at` with the stream of the key and of the header (path id, packet number) at `header`. */
function applyStream(
  key: Int32Array,
  headerBytes: Uint8Array,
  header: number,
  target: Uint8Array,
  at: number,
  length: number,
): void {
  let state = mix(key[0] ^ word(headerBytes, header), key[1] ^ word(headerBytes, header + 8)) | 1;
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    state = step(state);
    target[at + i] ^= state;
    target[at + i + 1] ^= state >>> 8;
    target[at + i + 2] ^= state >>> 16;
    target[at + i + 3] ^= state >>> 24;
  }
  for (state = step(state); i < length; i++) target[at + i] ^= state >>> (8 * (i & 3));
}

/** Checksum of header and ciphertext: each step is a bijection, so that no single changed word goes unnoticed. */
function checksum(key: Int32Array, bytes: Uint8Array, at: number, length: number): number {
  let hash = key[2] ^ Math.imul(length, 0x85ebca6b);
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    hash = Math.imul(hash ^ word(bytes, at + i), 0xcc9e2d51);
    hash ^= hash >>> 15;
  }
  for (; i < length; i++) hash = Math.imul(hash ^ bytes[at + i], 0x1b873593);
  return hash;
}

function writeTag(key: Int32Array, bytes: Uint8Array, at: number, length: number): void {
  const hash = checksum(key, bytes, at, length);
  for (let i = 0; i < 4; i++) {
    const part = mix(hash, key[4 + i]);
    for (let j = 0; j < 4; j++) bytes[at + length + i * 4 + j] = part >>> (8 * j);
  }
}

function isTag(key: Int32Array, bytes: Uint8Array, at: number, length: number): boolean {
  const hash = checksum(key, bytes, at, length);
  for (let i = 0; i < 4; i++) if (word(bytes, at + length + i * 4) !== mix(hash, key[4 + i])) return false;
  return true;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
}

/** xorshift32 (Marsaglia 2003). */
function step(state: number): number {
  let next = state;
  next ^= next << 13;
  next ^= next >>> 17;
  next ^= next << 5;
  return next;
}

/** Finaliser of MurmurHash3 over both. */
function mix(a: number, b: number): number {
  let hash = Math.imul(a, 0x85ebca6b) ^ b;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
