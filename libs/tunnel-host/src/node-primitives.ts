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

const CIPHER = 'chacha20-poly1305';
const TAG_BYTES = 16;

/**
 * X25519, BLAKE2s and ChaCha20-Poly1305 as the engine wants them. An array that was passed as a private key must not
 * be changed afterwards: what it holds is remembered.
 */
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
    const { x } = createPublicKey(importPrivate(privateKey)).export({ format: 'jwk' });
    return new Uint8Array(Buffer.from(x as string, 'base64url'));
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

/** Key objects by the array that holds the private key: static keys and ephemeral ones are used several times. */
const privateKeys = new WeakMap<Uint8Array, KeyObject>();

/**
 * As JWK (RFC 8037), because OpenSSL takes ten times longer over DER: 400 us where a whole X25519 takes 40. The public
 * part must be there, but Node works it out from the private one and never reads it.
 */
function importPrivate(raw: Uint8Array): KeyObject {
  let key = privateKeys.get(raw);
  if (key === undefined) {
    const d = base64url(raw);
    key = createPrivateKey({ key: { kty: 'OKP', crv: 'X25519', x: d, d }, format: 'jwk' });
    privateKeys.set(raw, key);
  }
  return key;
}

function importPublic(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: base64url(raw) }, format: 'jwk' });
}

function base64url(raw: Uint8Array): string {
  return Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('base64url');
}
