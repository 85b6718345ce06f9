/** An AEAD for tests: keyed checksum and a keyed pad; not secret, but it notices every changed bit, key and header. */
import type { OpenBatch, SealBatch } from '../src/batch.js';
import type { AeadBatch } from '../src/primitives.js';

const CLEAR = 12;
const INNER = 12;
const TAG = 16;

export class ChecksumAead implements AeadBatch {
  private readonly keys: (Int32Array | undefined)[] = [];

  get keysInUse(): number {
    return this.keys.filter((key) => key !== undefined).length;
  }

  addKey(cipher: number, key: Uint8Array): number {
    const words = new Int32Array(2);
    words[0] = cipher;
    for (const byte of key) {
      words[0] = Math.imul(words[0] ^ byte, 0x01000193);
      words[1] = Math.imul(words[1] + byte + 1, 0x9e3779b1) ^ (words[0] >>> 7);
    }
    const free = this.keys.indexOf(undefined);
    const handle = free < 0 ? this.keys.length : free;
    this.keys[handle] = words;
    return handle;
  }

  dropKey(handle: number): void {
    if (this.keys[handle] === undefined) throw new Error(`key ${handle} is not there`);
    this.keys[handle] = undefined;
  }

  seal(batch: SealBatch, source: Uint8Array, target: Uint8Array): void {
    for (let i = 0; i < batch.count; i++) {
      const key = this.key(batch.key[i]);
      const to = batch.target[i];
      const length = batch.sourceLength[i];
      for (let j = 0; j < CLEAR + INNER; j++) target[to + j] = batch.header[i * 24 + j];
      const pad = key[1] ^ batch.headerWords[i * 6 + 2];
      for (let j = 0; j < INNER; j++) target[to + CLEAR + j] ^= pad >>> ((j & 3) * 8);
      for (let j = 0; j < length; j++)
        target[to + CLEAR + INNER + j] = source[batch.source[i] + j] ^ (pad >>> ((j & 3) * 8));
      const end = to + CLEAR + INNER + length;
      const sum = checksum(key[0], target, to, end);
      for (let j = 0; j < TAG; j++) target[end + j] = sum >>> ((j & 3) * 8);
    }
  }

  open(batch: OpenBatch, source: Uint8Array, target: Uint8Array): void {
    for (let i = 0; i < batch.count; i++) {
      const key = this.key(batch.key[i]);
      const from = batch.source[i];
      const end = from + batch.sourceLength[i] - TAG;
      const sum = checksum(key[0], source, from, end);
      let same = true;
      for (let j = 0; j < TAG; j++) if (source[end + j] !== ((sum >>> ((j & 3) * 8)) & 0xff)) same = false;
      batch.result[i] = same ? batch.sourceLength[i] - CLEAR - INNER - TAG : -1;
      if (!same) continue;
      const number = source[from + 8] | (source[from + 9] << 8) | (source[from + 10] << 16) | (source[from + 11] << 24);
      const pad = key[1] ^ number;
      const to = batch.target[i] - INNER;
      for (let j = 0; j < end - from - CLEAR; j++) target[to + j] = source[from + CLEAR + j] ^ (pad >>> ((j & 3) * 8));
    }
  }

  private key(handle: number): Int32Array {
    const key = this.keys[handle];
    if (key === undefined) throw new Error(`key ${handle} is not there`);
    return key;
  }
}

/** Murmur-like; the length goes in, so that a truncated datagram does not pass. */
function checksum(key: number, bytes: Uint8Array, from: number, end: number): number {
  let hash = key ^ (end - from);
  for (let i = from; i < end; i++) {
    hash = Math.imul(hash ^ bytes[i], 0x5bd1e995);
    hash ^= hash >>> 13;
  }
  return hash;
}
