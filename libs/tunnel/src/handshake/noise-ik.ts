/**
 * The IK pattern of Noise: the initiator knows the responder's static key beforehand and shows its own, sealed, in the
 * first message.
 *
 *     <- s
 *     ...
 *     -> e, es, s, ss
 *     <- e, ee, se
 */
import { copyBytes, KEY_BYTES, TAG_BYTES } from '@corridor/wire';
import type { HandshakePrimitives } from '../primitives.js';
import { SymmetricState } from './symmetric-state.js';

const SEALED_KEY_BYTES = KEY_BYTES + TAG_BYTES;

/** Keys of both directions as the one end sees them, 32 bytes each. */
export interface TransportKeys {
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}

/** One handshake attempt of an initiator. */
export class IkInitiator {
  readonly #state: SymmetricState;
  #ephemeral: Uint8Array = new Uint8Array(KEY_BYTES);

  constructor(
    private readonly primitives: HandshakePrimitives,
    private readonly staticKey: Uint8Array,
    private readonly responderKey: Uint8Array,
    prologue: Uint8Array,
  ) {
    this.#state = new SymmetricState(primitives, prologue);
    this.#state.mixHash(responderKey);
  }

  /** @throws Error when the responder's static key is a low-order point: a mistake in the configuration */
  writeMessage1(ephemeralKey: Uint8Array, payload: Uint8Array): Uint8Array {
    const state = this.#state;
    const { x25519, x25519PublicKey } = this.primitives;
    this.#ephemeral = ephemeralKey;
    const ephemeralPublic = x25519PublicKey(ephemeralKey);
    const es = x25519(ephemeralKey, this.responderKey);
    const ss = x25519(this.staticKey, this.responderKey);
    if (es === undefined || ss === undefined) throw new Error('the public key of the gateway is not usable');
    state.mixHash(ephemeralPublic);
    state.mixKey(es);
    const sealedStatic = state.encryptAndHash(x25519PublicKey(this.staticKey));
    state.mixKey(ss);
    return concatenate(ephemeralPublic, sealedStatic, state.encryptAndHash(payload));
  }

  /** Answers undefined when not authentic; a forgery leaves the attempt as it was. */
  readMessage2(message: Uint8Array): (TransportKeys & { payload: Uint8Array }) | undefined {
    const state = this.#state.copy();
    const remoteEphemeral = copyBytes(message, 0, KEY_BYTES);
    const ee = this.primitives.x25519(this.#ephemeral, remoteEphemeral);
    const se = this.primitives.x25519(this.staticKey, remoteEphemeral);
    if (ee === undefined || se === undefined) return undefined;
    state.mixHash(remoteEphemeral);
    state.mixKey(ee);
    state.mixKey(se);
    const payload = state.decryptAndHash(copyBytes(message, KEY_BYTES, message.length));
    if (payload === undefined) return undefined;
    const [sendKey, receiveKey] = state.split();
    return { payload, sendKey, receiveKey };
  }
}

/** One handshake attempt as the responder sees it; call the methods in their order. */
export class IkResponder {
  readonly #state: SymmetricState;
  #remoteEphemeral: Uint8Array = new Uint8Array(KEY_BYTES);
  #remoteStatic: Uint8Array = new Uint8Array(KEY_BYTES);

  /** @param publicKey the one of `staticKey`, given so that it is not worked out for every attempt */
  constructor(
    private readonly primitives: HandshakePrimitives,
    private readonly staticKey: Uint8Array,
    publicKey: Uint8Array,
    prologue: Uint8Array,
  ) {
    this.#state = new SymmetricState(primitives, prologue);
    this.#state.mixHash(publicKey);
  }

  /** Reads who is calling from message 1. Not proven yet: only {@link readPayload} does that. */
  readStatic(message: Uint8Array): Uint8Array | undefined {
    const state = this.#state;
    this.#remoteEphemeral = copyBytes(message, 0, KEY_BYTES);
    const es = this.primitives.x25519(this.staticKey, this.#remoteEphemeral);
    if (es === undefined) return undefined;
    state.mixHash(this.#remoteEphemeral);
    state.mixKey(es);
    const remoteStatic = state.decryptAndHash(copyBytes(message, KEY_BYTES, KEY_BYTES + SEALED_KEY_BYTES));
    if (remoteStatic !== undefined) this.#remoteStatic = remoteStatic;
    return remoteStatic;
  }

  /** Reads the payload of message 1; undefined when the caller does not have the static key. */
  readPayload(message: Uint8Array): Uint8Array | undefined {
    const ss = this.primitives.x25519(this.staticKey, this.#remoteStatic);
    if (ss === undefined) return undefined;
    this.#state.mixKey(ss);
    return this.#state.decryptAndHash(copyBytes(message, KEY_BYTES + SEALED_KEY_BYTES, message.length));
  }

  /** Only after {@link readPayload} succeeded. */
  writeMessage2(ephemeralKey: Uint8Array, payload: Uint8Array): TransportKeys & { message: Uint8Array } {
    const state = this.#state;
    const { x25519, x25519PublicKey } = this.primitives;
    const ee = x25519(ephemeralKey, this.#remoteEphemeral);
    const se = x25519(ephemeralKey, this.#remoteStatic);
    // Reading message 1 refused low-order points, and no other point gives an all-zero secret.
    if (ee === undefined || se === undefined) throw new Error('message 2 before message 1 was read');
    const ephemeralPublic = x25519PublicKey(ephemeralKey);
    state.mixHash(ephemeralPublic);
    state.mixKey(ee);
    state.mixKey(se);
    const message = concatenate(ephemeralPublic, state.encryptAndHash(payload));
    const [receiveKey, sendKey] = state.split();
    return { message, sendKey, receiveKey };
  }
}

function concatenate(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
