/** The handshake's primitives from node:crypto, and a seeded source of bytes: for tests of this room only. */
import * as crypto from 'node:crypto';
import type { HandshakePrimitives, RandomBytes } from '../src/primitives.js';

const PRIVATE_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const AEAD_OPTIONS = { authTagLength: 16 };

export const testPrimitives: HandshakePrimitives = {
  x25519(privateKey, publicKey) {
    const spki = Buffer.concat([PUBLIC_PREFIX, publicKey]);
    const keys = {
      privateKey: privateKeyObject(privateKey),
      publicKey: crypto.createPublicKey({ key: spki, format: 'der', type: 'spki' }),
    };
    try {
      return new Uint8Array(crypto.diffieHellman(keys));
    } catch {
      return undefined;
    }
  },
  x25519PublicKey(privateKey) {
    const spki = crypto.createPublicKey(privateKeyObject(privateKey)).export({ format: 'der', type: 'spki' });
    return new Uint8Array(spki.subarray(PUBLIC_PREFIX.length));
  },
  blake2s(...parts) {
    return new Uint8Array(crypto.createHash('blake2s256').update(Buffer.concat(parts)).digest());
  },
  hmacBlake2s(key, ...parts) {
    return new Uint8Array(crypto.createHmac('blake2s256', key).update(Buffer.concat(parts)).digest());
  },
  chachaSeal(key, nonce, associated, plaintext) {
    const cipher = crypto.createCipheriv('chacha20-poly1305', key, nonce, AEAD_OPTIONS);
    cipher.setAAD(associated, { plaintextLength: plaintext.length });
    return new Uint8Array(Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]));
  },
  chachaOpen(key, nonce, associated, sealed) {
    const length = sealed.length - 16;
    if (length < 0) return undefined;
    const decipher = crypto.createDecipheriv('chacha20-poly1305', key, nonce, AEAD_OPTIONS);
    decipher.setAAD(associated, { plaintextLength: length });
    decipher.setAuthTag(sealed.subarray(length));
    try {
      return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(0, length)), decipher.final()]));
    } catch {
      return undefined;
    }
  },
};

/** Bytes that look random and are the same for the same seed. */
export function seededRandom(seed: string): RandomBytes {
  let counter = 0;
  return (length) => {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; at += 32) {
      const block = crypto.createHash('sha256').update(`${seed} ${counter++}`).digest();
      bytes.set(block.subarray(0, Math.min(32, length - at)), at);
    }
    return bytes;
  };
}

function privateKeyObject(raw: Uint8Array): crypto.KeyObject {
  return crypto.createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, raw]), format: 'der', type: 'pkcs8' });
}
