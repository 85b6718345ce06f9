import { createCipheriv, createDecipheriv } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { pattern, toHex } from '../test/packets.js';
import { AEAD_IMPLEMENTATIONS, type AeadImplementation, NativeAead, type NativeCipherId } from './aead.js';
import type { OpenBatchLike, SealBatchLike } from './batches.js';

const CIPHERS: readonly [NativeCipherId, 'chacha20-poly1305' | 'aes-256-gcm', AeadImplementation][] =
  AEAD_IMPLEMENTATIONS.flatMap((implementation) => [
    [1, 'chacha20-poly1305', implementation],
    [2, 'aes-256-gcm', implementation],
  ]);

function sealBatch(capacity: number): SealBatchLike {
  const ints = (): Int32Array => new Int32Array(capacity);
  return {
    count: 0,
    key: ints(),
    header: new Uint8Array(24 * capacity),
    source: ints(),
    sourceLength: ints(),
    target: ints(),
  };
}
function openBatch(capacity: number): OpenBatchLike {
  const ints = (): Int32Array => new Int32Array(capacity);
  return { count: 0, key: ints(), source: ints(), sourceLength: ints(), target: ints(), result: ints() };
}

/** An outer header as on the wire, and the nonce that follows from it, by docs/protocol.md. */
function outerHeader(pathId: number, packetNumber: number): { header: Uint8Array; nonce: Uint8Array } {
  const header = new Uint8Array(12);
  const view = new DataView(header.buffer);
  const high = Math.floor(packetNumber / 2 ** 32);
  view.setUint32(0, (4 | (pathId << 8) | (high << 16)) >>> 0, true);
  view.setUint32(4, 0xcafe_f00d, true);
  view.setUint32(8, packetNumber >>> 0, true);
  const nonce = new Uint8Array(12);
  const nonceView = new DataView(nonce.buffer);
  nonceView.setUint32(0, pathId, true);
  nonceView.setBigUint64(4, BigInt(packetNumber), true);
  return { header, nonce };
}

describe.each(CIPHERS)('cipher %i (%s) by %s', (cipher, name, implementation) => {
  const key = pattern(32, cipher);

  it('seals as node:crypto does and opens what node:crypto sealed, at every length', () => {
    const aead = new NativeAead(implementation);
    const handle = aead.addKey(cipher, key);
    // Every length of a last block, whole runs of 16 blocks with and without a rest, full packets.
    const lengths = [...Array.from({ length: 65 }, (_, i) => i), 200, 243, 244, 245, 256, 500, 512, 756, 1_400, 1_900];
    const seal = sealBatch(lengths.length);
    const open = openBatch(lengths.length);
    const slab = new Uint8Array(lengths.length * 2_048);
    const sealed = new Uint8Array(lengths.length * 2_048);
    const opened = new Uint8Array(lengths.length * 2_048);
    const expected = lengths.map((length, i) => {
      const payload = pattern(length, 100 + i);
      const inner = pattern(12, 200 + i);
      const { header, nonce } = outerHeader((i * 31) & 255, 2 ** 32 * i + 0xffff_fff0 + i);
      slab.set(payload, i * 2_048 + 64);
      seal.key[i] = open.key[i] = handle;
      seal.header.set(header, 24 * i);
      seal.header.set(inner, 24 * i + 12);
      seal.source[i] = i * 2_048 + 64;
      seal.sourceLength[i] = length;
      seal.target[i] = open.source[i] = i * 2_048;
      open.sourceLength[i] = 40 + length;
      open.target[i] = i * 2_048 + 64;
      const node = createCipheriv(name as 'aes-256-gcm', key, nonce, { authTagLength: 16 });
      node.setAAD(header, { plaintextLength: 12 + length });
      const ciphertext = Buffer.concat([node.update(inner), node.update(payload), node.final()]);
      return {
        datagram: Buffer.concat([header, ciphertext, node.getAuthTag()]),
        plain: Buffer.concat([inner, payload]),
      };
    });
    seal.count = open.count = lengths.length;
    aead.seal(seal, slab, sealed);
    lengths.forEach((length, i) => {
      expect(toHex(sealed.subarray(i * 2_048, i * 2_048 + 40 + length))).toBe(toHex(expected[i].datagram));
    });
    aead.open(open, sealed, opened);
    expect([...open.result]).toEqual(lengths);
    lengths.forEach((length, i) => {
      expect(toHex(opened.subarray(i * 2_048 + 52, i * 2_048 + 64 + length))).toBe(toHex(expected[i].plain));
    });
    expect([...aead.counters]).toEqual([lengths.length, lengths.length, 0]);
  });

  it('answers -1 for one flipped bit anywhere, for a short datagram and for another key', () => {
    const aead = new NativeAead(implementation);
    const handle = aead.addKey(cipher, key);
    const other = aead.addKey(cipher, pattern(32, 77));
    const { header, nonce } = outerHeader(3, 9);
    const node = createCipheriv(name as 'aes-256-gcm', key, nonce, { authTagLength: 16 });
    node.setAAD(header, { plaintextLength: 32 });
    const datagram = Buffer.concat([header, node.update(pattern(32)), node.final(), node.getAuthTag()]);
    const open = openBatch(1);
    const target = new Uint8Array(2_048);
    const result = (bytes: Uint8Array, length = bytes.length, withKey = handle): number => {
      open.count = 1;
      open.key[0] = withKey;
      open.sourceLength[0] = length;
      open.target[0] = 64;
      aead.open(open, bytes, target);
      return open.result[0];
    };
    expect(result(datagram)).toBe(20);
    for (let bit = 0; bit < datagram.length * 8; bit++) {
      const byte = bit >> 3;
      // Type, receiver index: authenticated, too. Nonce bytes change the nonce.
      const flipped = Uint8Array.from(datagram);
      flipped[byte] ^= 1 << (bit & 7);
      expect(result(flipped), `bit ${bit}`).toBe(-1);
    }
    for (let length = 0; length < datagram.length; length++) expect(result(datagram, length)).toBe(-1);
    expect(result(datagram, datagram.length, other)).toBe(-1);
    expect(result(datagram)).toBe(20);
  });

  it('is what node:crypto can open', () => {
    const aead = new NativeAead(implementation);
    const seal = sealBatch(1);
    const { header, nonce } = outerHeader(255, 2 ** 48 - 1);
    seal.header.set(header);
    seal.key[0] = aead.addKey(cipher, key);
    seal.source[0] = 12;
    seal.sourceLength[0] = 300;
    seal.count = 1;
    const slab = pattern(400, 8);
    const payload = slab.slice(12, 312);
    const target = new Uint8Array(340);
    aead.seal(seal, slab, target);
    const node = createDecipheriv(name as 'aes-256-gcm', key, nonce, { authTagLength: 16 });
    node.setAAD(header, { plaintextLength: 312 });
    node.setAuthTag(target.subarray(324));
    const plain = Buffer.concat([node.update(target.subarray(12, 324)), node.final()]);
    expect(toHex(plain.subarray(12))).toBe(toHex(payload));
  });
});

it('always has OpenSSL, and refuses what is not here', () => {
  expect(AEAD_IMPLEMENTATIONS.at(-1)).toBe('openssl');
  expect(() => new NativeAead('rot13' as AeadImplementation)).toThrow(
    expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }),
  );
});

describe('keys and bounds', () => {
  it('gives handles out again and refuses dropped ones', () => {
    const aead = new NativeAead();
    const first = aead.addKey(2, pattern(32));
    const second = aead.addKey(1, pattern(32));
    expect(second).not.toBe(first);
    aead.dropKey(first);
    aead.dropKey(first);
    const open = openBatch(1);
    open.count = 1;
    open.key[0] = first;
    expect(() => aead.open(open, new Uint8Array(100), new Uint8Array(100))).toThrow(
      expect.objectContaining({ code: 'ERR_UNKNOWN_KEY' }),
    );
    expect(aead.addKey(2, pattern(32))).toBe(first);
  });

  it('refuses entries that lie outside, before it touches anything', () => {
    const aead = new NativeAead();
    const key = aead.addKey(2, pattern(32));
    const bytes = new Uint8Array(1_000);
    const outside = expect.objectContaining({ code: 'ERR_OUT_OF_BOUNDS' });
    for (const [source, length, target] of [
      [11, 10, 0],
      [12, -1, 0],
      [12, 989, 0],
      [12, 10, -1],
      [12, 10, 951],
      [2 ** 31 - 1, 2 ** 31 - 1, 0],
    ]) {
      const seal = sealBatch(2);
      seal.key.fill(key);
      seal.source.set([12, source]);
      seal.sourceLength.set([10, length]);
      seal.target.set([0, target]);
      seal.count = 2;
      expect(() => aead.seal(seal, bytes, bytes)).toThrow(outside);
      expect(bytes.every((byte) => byte === 0)).toBe(true);
    }
    const open = openBatch(1);
    open.key[0] = key;
    open.sourceLength[0] = 60;
    open.target[0] = 11;
    open.count = 1;
    expect(() => aead.open(open, bytes, bytes)).toThrow(outside);
    open.count = 2;
    open.target[0] = 64;
    expect(() => aead.open(open, bytes, bytes)).toThrow(outside);
    expect(() => aead.addKey(3 as NativeCipherId, pattern(32))).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }),
    );
    expect(() => aead.addKey(1, pattern(31))).toThrow(expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }));
  });
});
