/** Where the fields of the handshake datagrams lie. The cryptography is libs/tunnel's. */
import { copyBytes, readU16, readU32, writeU16, writeU32 } from './bytes.js';
import { DATAGRAM_COOKIE_REPLY, DATAGRAM_INITIATION, DATAGRAM_RESPONSE, TAG_BYTES } from './constants.js';

export const KEY_BYTES = 32;
export const MAC_BYTES = 16;
export const COOKIE_BYTES = 16;
export const COOKIE_NONCE_BYTES = 24;

/** Type u8, three zero bytes, sender index u32, then the Noise message, mac1, mac2. */
export const INITIATION_NOISE_AT = 8;
/** Ephemeral key, sealed static key, sealed payload of at least no bytes. */
const INITIATION_NOISE_LEAST = KEY_BYTES + KEY_BYTES + TAG_BYTES + TAG_BYTES;
/** Type u8, three zero bytes, receiver index u32, then the Noise message, mac1. */
export const RESPONSE_NOISE_AT = 8;
const RESPONSE_NOISE_LEAST = KEY_BYTES + TAG_BYTES;

/** Handshake datagrams are at most this long; longer ones are not looked at. */
export const MAX_HANDSHAKE_BYTES = 512;
/** Type u8, three zero bytes, receiver index u32, nonce, sealed cookie. */
export const COOKIE_REPLY_BYTES = 8 + COOKIE_NONCE_BYTES + COOKIE_BYTES + TAG_BYTES;
export const COOKIE_REPLY_NONCE_AT = 8;
export const COOKIE_REPLY_SEALED_AT = 8 + COOKIE_NONCE_BYTES;

/** True when `bytes[offset .. offset + length)` has the shape of a handshake initiation. */
export function isInitiation(bytes: Uint8Array, offset: number, length: number): boolean {
  return (
    length >= INITIATION_NOISE_AT + INITIATION_NOISE_LEAST + 2 * MAC_BYTES &&
    length <= MAX_HANDSHAKE_BYTES &&
    hasType(bytes, offset, DATAGRAM_INITIATION)
  );
}

export function isResponse(bytes: Uint8Array, offset: number, length: number): boolean {
  return (
    length >= RESPONSE_NOISE_AT + RESPONSE_NOISE_LEAST + MAC_BYTES &&
    length <= MAX_HANDSHAKE_BYTES &&
    hasType(bytes, offset, DATAGRAM_RESPONSE)
  );
}

export function isCookieReply(bytes: Uint8Array, offset: number, length: number): boolean {
  return length === COOKIE_REPLY_BYTES && hasType(bytes, offset, DATAGRAM_COOKIE_REPLY);
}

/** Lays out an initiation around a Noise message; mac1 and mac2, the last 32 bytes, are zero still. */
export function initiationDatagram(sender: number, noise: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(INITIATION_NOISE_AT + noise.length + 2 * MAC_BYTES);
  bytes[0] = DATAGRAM_INITIATION;
  writeU32(bytes, 4, sender);
  bytes.set(noise, INITIATION_NOISE_AT);
  return bytes;
}

/** Lays out a response around a Noise message; mac1, the last 16 bytes, is zero still. */
export function responseDatagram(receiver: number, noise: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(RESPONSE_NOISE_AT + noise.length + MAC_BYTES);
  bytes[0] = DATAGRAM_RESPONSE;
  writeU32(bytes, 4, receiver);
  bytes.set(noise, RESPONSE_NOISE_AT);
  return bytes;
}

export function cookieReplyDatagram(receiver: number, nonce: Uint8Array, sealed: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(COOKIE_REPLY_BYTES);
  bytes[0] = DATAGRAM_COOKIE_REPLY;
  writeU32(bytes, 4, receiver);
  bytes.set(nonce, COOKIE_REPLY_NONCE_AT);
  bytes.set(sealed, COOKIE_REPLY_SEALED_AT);
  return bytes;
}

/** Sender index of an initiation, receiver index of a response or a cookie reply. */
export function handshakeIndex(bytes: Uint8Array, offset: number): number {
  return readU32(bytes, offset + 4);
}

/** Bytes that name one run of an end's engine: another instance has other flow sequences. */
export const INSTANCE_BYTES = 8;
const OFFER_FIXED_BYTES = 8 + INSTANCE_BYTES;
const ANSWER_BYTES = 8 + INSTANCE_BYTES;

/** Payload of handshake message 1. */
export interface Offer {
  /** Protocol version, u16. */
  readonly version: number;
  /**
   * By which the gateway shall address the vehicle. The same as in the clear header, which anybody could change: here
   * it is sealed.
   */
  readonly senderIndex: number;
  /** {@link INSTANCE_BYTES} random bytes, drawn when the vehicle's engine started. */
  readonly instance: Uint8Array;
  /** Transport ciphers that the vehicle can use, fastest first, u8 each; 1 to 255 of them. */
  readonly ciphers: readonly number[];
}

/** Version u16, number of ciphers u8, zero u8, sender index u32, instance, ciphers u8 each. */
export function encodeOffer(offer: Offer): Uint8Array {
  const bytes = new Uint8Array(OFFER_FIXED_BYTES + offer.ciphers.length);
  writeU16(bytes, 0, offer.version);
  bytes[2] = offer.ciphers.length;
  writeU32(bytes, 4, offer.senderIndex);
  bytes.set(offer.instance, 8);
  bytes.set(offer.ciphers, OFFER_FIXED_BYTES);
  return bytes;
}

/** Answers undefined when malformed. Bytes behind the list belong to later versions and are ignored. */
export function decodeOffer(bytes: Uint8Array): Offer | undefined {
  if (bytes.length < OFFER_FIXED_BYTES || bytes[2] === 0 || bytes.length < OFFER_FIXED_BYTES + bytes[2]) {
    return undefined;
  }
  return {
    version: readU16(bytes, 0),
    senderIndex: readU32(bytes, 4),
    instance: copyBytes(bytes, 8, OFFER_FIXED_BYTES),
    ciphers: Array.from(bytes.subarray(OFFER_FIXED_BYTES, OFFER_FIXED_BYTES + bytes[2])),
  };
}

export const ANSWER_ACCEPTED = 0;
export const ANSWER_BAD_VERSION = 1;
export const ANSWER_NO_COMMON_CIPHER = 2;

/** Payload of handshake message 2. */
export interface Answer {
  /** The gateway's own protocol version, u16. */
  readonly version: number;
  /** ANSWER_ACCEPTED, or why no session was made. */
  readonly status: number;
  /** The chosen cipher; 0 when refused. */
  readonly cipher: number;
  /** By which the vehicle shall address the gateway; 0 when refused. */
  readonly senderIndex: number;
  /** {@link INSTANCE_BYTES} random bytes, drawn when the gateway's engine started; zero when refused. */
  readonly instance: Uint8Array;
}

/** Version u16, status u8, cipher u8, sender index u32, instance. */
export function encodeAnswer(answer: Answer): Uint8Array {
  const bytes = new Uint8Array(ANSWER_BYTES);
  writeU16(bytes, 0, answer.version);
  bytes[2] = answer.status;
  bytes[3] = answer.cipher;
  writeU32(bytes, 4, answer.senderIndex);
  bytes.set(answer.instance, 8);
  return bytes;
}

/** Answers undefined when malformed. Bytes behind belong to later versions and are ignored. */
export function decodeAnswer(bytes: Uint8Array): Answer | undefined {
  if (bytes.length < ANSWER_BYTES) return undefined;
  return {
    version: readU16(bytes, 0),
    status: bytes[2],
    cipher: bytes[3],
    senderIndex: readU32(bytes, 4),
    instance: copyBytes(bytes, 8, ANSWER_BYTES),
  };
}

function hasType(bytes: Uint8Array, offset: number, type: number): boolean {
  return bytes[offset] === type && bytes[offset + 1] === 0 && bytes[offset + 2] === 0 && bytes[offset + 3] === 0;
}
