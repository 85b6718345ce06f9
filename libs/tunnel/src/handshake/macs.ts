/** The two cheap authenticators of a handshake datagram, and cookies. */
import { copyBytes, encodeUtf8, MAC_BYTES } from '@corridor/wire';
import type { HandshakePrimitives } from '../primitives.js';

const MAC1_LABEL = encodeUtf8('mac1----');
const COOKIE_LABEL = encodeUtf8('cookie--');
const ZERO_NONCE = new Uint8Array(12);

/** Key of mac1 for datagrams to the owner of `publicKey`: shows that the sender knows whom it talks to. */
export function mac1Key(primitives: HandshakePrimitives, publicKey: Uint8Array): Uint8Array {
  return primitives.blake2s(MAC1_LABEL, publicKey);
}

/** First 16 bytes of HMAC-BLAKE2s: mac1 with a {@link mac1Key}, mac2 with a cookie. */
export function mac(primitives: HandshakePrimitives, key: Uint8Array, data: Uint8Array): Uint8Array {
  return copyBytes(primitives.hmacBlake2s(key, data), 0, MAC_BYTES);
}

/** Key from which cookie replies of the owner of `publicKey` are sealed. */
export function cookieReplyKey(primitives: HandshakePrimitives, publicKey: Uint8Array): Uint8Array {
  return primitives.blake2s(COOKIE_LABEL, publicKey);
}

/**
 * Seals a cookie under a key of its own, made from the reply's random 24-byte nonce: two equal nonces in the life of a
 * key are out of reach, so that the cipher's own nonce may be zero.
 * @param initiationMac1 ties the reply to the initiation it answers
 */
export function sealCookie(
  primitives: HandshakePrimitives,
  replyKey: Uint8Array,
  nonce: Uint8Array,
  initiationMac1: Uint8Array,
  cookie: Uint8Array,
): Uint8Array {
  return primitives.chachaSeal(primitives.hmacBlake2s(replyKey, nonce), ZERO_NONCE, initiationMac1, cookie);
}

export function openCookie(
  primitives: HandshakePrimitives,
  replyKey: Uint8Array,
  nonce: Uint8Array,
  initiationMac1: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  return primitives.chachaOpen(primitives.hmacBlake2s(replyKey, nonce), ZERO_NONCE, initiationMac1, sealed);
}

/** Compares `expected` with the bytes at `bytes[at]` in a time that does not tell where they differ. */
export function equalConstantTime(expected: Uint8Array, bytes: Uint8Array, at: number): boolean {
  let difference = 0;
  for (let i = 0; i < expected.length; i++) difference |= expected[i] ^ bytes[at + i];
  return difference === 0;
}
