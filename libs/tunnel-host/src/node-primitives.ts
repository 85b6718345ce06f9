/** The handshake's primitives from Node's own OpenSSL. */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import type { HandshakePrimitives, RandomBytes } from '@corridor/tunnel';

/** ASN.1 in front of a raw X25519 key: PKCS #8 and SubjectPublicKeyInfo as RFC 8410 section 7 and 4 lay them out. */
const PRIVATE_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const CIPHER = 'chacha20-poly1305';
const TAG_BYTES = 16;

/** X25519, BLAKE2s and ChaCha20-Poly1305 as the engine wants them. */
export const nodeHandshakePrimitives: HandshakePrimitives = {
  x25519(privateKey, publicKey) {
    const keys = { privateKey: importPrivate(privateKey), publicKey: importPublic(publicKey) };
    try {
      return new Uint8Array(diffieHellman(keys));
    } catch {
      // OpenSSL refuses to derive the all-zero secret that low-order points give.
      return undefined;
    }
  },

  x25519PublicKey(privateKey) {
    const spki = createPublicKey(importPrivate(privateKey)).export({ format: 'der', type: 'spki' });
    return new Uint8Array(spki.subarray(PUBLIC_PREFIX.length));
  },

  blake2s(...parts) {
    const hash = createHash('blake2s256');
    for (const part of parts) hash.update(part);
    return new Uint8Array(hash.digest());
  },

  hmacBlake2s(key, ...parts) {
    const hmac = createHmac('blake2s256', key);
    for (const part of parts) hmac.update(part);
    return new Uint8Array(hmac.digest());
  },

  chachaSeal(key, nonce, associated, plaintext) {
    const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associated, { plaintextLength: plaintext.length });
    return new Uint8Array(Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]));
  },

  chachaOpen(key, nonce, associated, sealed) {
    const length = sealed.length - TAG_BYTES;
    if (length < 0) return undefined;
    const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(associated, { plaintextLength: length });
    decipher.setAuthTag(sealed.subarray(length));
    try {
      return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(0, length)), decipher.final()]));
    } catch {
      return undefined;
    }
  },
};

/** A cryptographic source of random bytes. */
export const nodeRandom: RandomBytes = (length) => new Uint8Array(randomBytes(length));

function importPrivate(raw: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_PREFIX, raw]), format: 'der', type: 'pkcs8' });
}

function importPublic(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([PUBLIC_PREFIX, raw]), format: 'der', type: 'spki' });
}
