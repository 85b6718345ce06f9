import { encodeUtf8 } from '@corridor/wire';
import type { HandshakePrimitives } from '../primitives.js';

/** Name of the handshake; it is hashed in, so that both ends mean the same one. */
export const NOISE_NAME = 'Noise_IK_25519_ChaChaPoly_BLAKE2s';

const EMPTY = new Uint8Array(0);

/**
 * The SymmetricState of the Noise specification (revision 34, section 5.2), for ChaChaPoly and BLAKE2s: chaining key,
 * transcript hash, and the cipher key once there is one.
 */
export class SymmetricState {
  readonly #primitives: HandshakePrimitives;
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #key: Uint8Array = EMPTY;
  #nonce = 0;

  constructor(primitives: HandshakePrimitives, prologue: Uint8Array) {
    this.#primitives = primitives;
    // The name is longer than the hash (33 bytes), hence hashed instead of padded.
    this.#hash = primitives.blake2s(encodeUtf8(NOISE_NAME));
    this.#chainingKey = this.#hash;
    this.mixHash(prologue);
  }

  mixHash(data: Uint8Array): void {
    this.#hash = this.#primitives.blake2s(this.#hash, data);
  }

  mixKey(inputKeyMaterial: Uint8Array): void {
    const [chainingKey, key] = this.#hkdf(inputKeyMaterial);
    this.#chainingKey = chainingKey;
    this.#key = key;
    this.#nonce = 0;
  }

  /** Seals under the transcript. A key must have been mixed in. */
  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const sealed = this.#primitives.chachaSeal(this.#key, this.#nextNonce(), this.#hash, plaintext);
    this.mixHash(sealed);
    return sealed;
  }

  /** Answers undefined when not authentic; the state is of no use then. */
  decryptAndHash(sealed: Uint8Array): Uint8Array | undefined {
    const plaintext = this.#primitives.chachaOpen(this.#key, this.#nextNonce(), this.#hash, sealed);
    if (plaintext !== undefined) this.mixHash(sealed);
    return plaintext;
  }

  /** An independent copy: what is read into it costs the original nothing. */
  copy(): SymmetricState {
    const copy = new SymmetricState(this.#primitives, EMPTY);
    copy.#chainingKey = this.#chainingKey;
    copy.#hash = this.#hash;
    copy.#key = this.#key;
    copy.#nonce = this.#nonce;
    return copy;
  }

  /** The two transport keys: initiator to responder, then back. */
  split(): [Uint8Array, Uint8Array] {
    return this.#hkdf(EMPTY);
  }

  /** HKDF of Noise section 4.3 with two outputs: RFC 5869 with the chaining key as salt and no info. */
  #hkdf(inputKeyMaterial: Uint8Array): [Uint8Array, Uint8Array] {
    const { hmacBlake2s } = this.#primitives;
    const temporary = hmacBlake2s(this.#chainingKey, inputKeyMaterial);
    const first = hmacBlake2s(temporary, Uint8Array.of(1));
    return [first, hmacBlake2s(temporary, first, Uint8Array.of(2))];
  }

  /** 32 zero bits, then the counter as u64 (Noise section 12.3); a handshake uses each key once or twice. */
  #nextNonce(): Uint8Array {
    const nonce = new Uint8Array(12);
    nonce[4] = this.#nonce++;
    return nonce;
  }
}
