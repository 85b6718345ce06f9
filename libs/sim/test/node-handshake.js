/**
 * Handshake primitives for the tests and for simulate.mjs, from Node's crypto: the room itself is pure and takes them as
 * an argument. JavaScript, so that simulate.mjs runs without a test runner.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
} from 'node:crypto';

/** DER in front of a raw X25519 key (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex');
const SPKI = Buffer.from('302a300506032b656e032100', 'hex');

/** The last private keys that were used, by their bytes: parsing one takes longer than using it. @type {Map<string, import('node:crypto').KeyObject>} */
const known = new Map();
const KNOWN = 16;

/** @param {Uint8Array} raw */
function privateKeyOf(raw) {
  const bytes = Buffer.from(raw).toString('latin1');
  let key = known.get(bytes);
  if (key === undefined) {
    key = createPrivateKey({ key: Buffer.concat([PKCS8, raw]), format: 'der', type: 'pkcs8' });
    if (known.size >= KNOWN) known.clear();
    known.set(bytes, key);
  }
  return key;
}

/** @param {Uint8Array} raw */
const publicKeyOf = (raw) => createPublicKey({ key: Buffer.concat([SPKI, raw]), format: 'der', type: 'spki' });

/** @type {import('@corridor/tunnel').HandshakePrimitives} */
export const handshake = {
  x25519(privateKey, publicKey) {
    try {
      return Uint8Array.from(
        diffieHellman({ privateKey: privateKeyOf(privateKey), publicKey: publicKeyOf(publicKey) }),
      );
    } catch {
      return undefined;
    }
  },
  x25519PublicKey: (privateKey) =>
    Uint8Array.from(
      createPublicKey(privateKeyOf(privateKey)).export({ format: 'der', type: 'spki' }).subarray(SPKI.length),
    ),
  blake2s(...parts) {
    const hash = createHash('blake2s256');
    for (const part of parts) hash.update(part);
    return Uint8Array.from(hash.digest());
  },
  hmacBlake2s(key, ...parts) {
    const hmac = createHmac('blake2s256', key);
    for (const part of parts) hmac.update(part);
    return Uint8Array.from(hmac.digest());
  },
  chachaSeal(key, nonce, associated, plaintext) {
    const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
    cipher.setAAD(associated, { plaintextLength: plaintext.length });
    return Uint8Array.from(Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]));
  },
  chachaOpen(key, nonce, associated, sealed) {
    if (sealed.length < 16) return undefined;
    const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: 16 });
    const ciphertext = sealed.subarray(0, -16);
    decipher.setAAD(associated, { plaintextLength: ciphertext.length });
    decipher.setAuthTag(sealed.subarray(-16));
    try {
      return Uint8Array.from(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
    } catch {
      return undefined;
    }
  },
};
