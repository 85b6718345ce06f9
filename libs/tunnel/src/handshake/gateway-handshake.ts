import {
  ANSWER_ACCEPTED,
  ANSWER_BAD_VERSION,
  ANSWER_NO_COMMON_CIPHER,
  type Answer,
  COOKIE_NONCE_BYTES,
  cookieReplyDatagram,
  copyBytes,
  decodeOffer,
  encodeAnswer,
  encodeUtf8,
  handshakeIndex,
  INITIATION_NOISE_AT,
  INSTANCE_BYTES,
  isInitiation,
  KEY_BYTES,
  MAC_BYTES,
  type Offer,
  PROLOGUE,
  PROTOCOL_VERSION,
  responseDatagram,
} from '@corridor/wire';
import type { CipherId, HandshakePrimitives, RandomBytes } from '../primitives.js';
import { Budget, CookieJar, LoadEstimate, SourceLimit } from './admission.js';
import { cookieReplyKey, equalConstantTime, mac, mac1Key, sealCookie } from './macs.js';
import { IkResponder, type TransportKeys } from './noise-ik.js';
import { type Established, type HandshakeRefusal, NO_INDEX } from './outcome.js';

/** Initiations a second that are handled without asking for cookies, unless the options say otherwise. */
const INITIATIONS_PER_SECOND = 200;
/**
 * What a flood may cost, so that the sessions beside it are not slowed down: mac1 checks (7 us each, measured) and work
 * with cookies (40 us), per second: a seventh of a core for each. What is beyond is dropped unseen. A handshake that is
 * followed costs 600 us.
 */
const MAC1_CHECKS_PER_SECOND = 20_000;
const COOKIE_WORK_PER_SECOND = 4_000;
/** How long an answered initiation that comes again (over another path, say) gets the same response. */
const REPEAT_US = 5_000_000;
/** Answered initiations that are remembered as such, so that none is followed twice. About 2 MB when full. */
const MAX_REMEMBERED = 16_384;
/** Family, port, scope and remote address: the part of an address record that names the remote end. */
const REMOTE_BYTES = 24;

export interface GatewayHandshakeOptions<P> {
  readonly primitives: HandshakePrimitives;
  readonly random: RandomBytes;
  /** X25519, 32 bytes. */
  readonly privateKey: Uint8Array;
  /** What this end can use; of these the vehicle's first choice is taken. */
  readonly ciphers: readonly CipherId[];
  /** Who owns a static public key; undefined for keys that nobody registered. */
  readonly lookup: (publicKey: Uint8Array) => P | undefined;
  /** Above this many a second, callers must prove their source address first. Default 200. */
  readonly initiationsPerSecond?: number;
}

/** An initiation that is authentic, from a known vehicle, and was not seen before. */
export interface Initiation<P> {
  readonly peer: P;
  readonly publicKey: Uint8Array;
  /** By which the vehicle wants to be addressed. */
  readonly remoteIndex: number;
  readonly cipher: CipherId;
  /** 8 bytes that name this run of the vehicle's engine. */
  readonly instance: Uint8Array;
  /** For {@link GatewayHandshake.respond}. */
  readonly noise: IkResponder;
  /** For {@link GatewayHandshake.respond}. */
  readonly ephemeral: string;
}

export type GatewayAnswer<P> =
  /** Nothing is sent; `reason` is for counters. */
  | { readonly kind: 'silent'; readonly reason: HandshakeRefusal }
  /** `datagram` goes back to where the initiation came from; no session is made. */
  | {
      readonly kind: 'reply';
      readonly datagram: Uint8Array;
      readonly reason: 'cookie' | 'repeated' | 'version' | 'cipher';
    }
  /** Call {@link GatewayHandshake.respond} with it. */
  | { readonly kind: 'initiation'; readonly initiation: Initiation<P> };

interface Remembered {
  readonly atUs: number;
  response: Uint8Array | undefined;
}

/** The responder's side: decides which initiations are followed, and answers them. Holds no session. */
export class GatewayHandshake<P> {
  readonly #options: GatewayHandshakeOptions<P>;
  readonly #publicKey: Uint8Array;
  readonly #mac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  readonly #load: LoadEstimate;
  readonly #cookies: CookieJar;
  readonly #sources = new SourceLimit();
  readonly #mac1Checks = new Budget(MAC1_CHECKS_PER_SECOND);
  readonly #cookieWork = new Budget(COOKIE_WORK_PER_SECOND);
  /** By ephemeral key, which nobody can change and keep the seals whole; oldest first. */
  readonly #remembered = new Map<string, Remembered>();

  constructor(options: GatewayHandshakeOptions<P>) {
    const { primitives } = options;
    this.#options = options;
    this.#publicKey = primitives.x25519PublicKey(options.privateKey);
    this.#mac1Key = mac1Key(primitives, this.#publicKey);
    this.#cookieKey = cookieReplyKey(primitives, this.#publicKey);
    this.#load = new LoadEstimate(options.initiationsPerSecond ?? INITIATIONS_PER_SECOND);
    this.#cookies = new CookieJar(primitives, options.random);
  }

  /**
   * Looks at a datagram of type 1. Cheap checks come first: a shape, two hashes, a table; only then X25519.
   * @param address buffer with the {@link AddressRecord} of the sender at `addressAt`
   */
  receive(
    bytes: Uint8Array,
    offset: number,
    length: number,
    address: Uint8Array,
    addressAt: number,
    nowUs: number,
  ): GatewayAnswer<P> {
    if (!isInitiation(bytes, offset, length)) return silent('malformed');
    if (!this.#mac1Checks.take(nowUs)) return silent('rate-limited');
    const datagram = copyBytes(bytes, offset, offset + length);
    const mac2At = length - MAC_BYTES;
    const mac1At = mac2At - MAC_BYTES;
    const expected = mac(this.#options.primitives, this.#mac1Key, datagram.subarray(0, mac1At));
    if (!equalConstantTime(expected, datagram, mac1At)) return silent('bad-mac');

    const message = copyBytes(datagram, INITIATION_NOISE_AT, mac1At);
    const ephemeral = String.fromCharCode(...message.subarray(0, KEY_BYTES));
    const remembered = this.#remembered.get(ephemeral);
    if (remembered !== undefined) return repeat(remembered, nowUs);

    if (this.#load.note(nowUs)) {
      if (!this.#cookieWork.take(nowUs)) return silent('rate-limited');
      const source = copyBytes(address, addressAt, addressAt + REMOTE_BYTES);
      const mac2 = datagram.subarray(mac2At);
      const shown = mac2.some((byte) => byte !== 0);
      if (!shown || !this.#cookies.proves(source, datagram.subarray(0, mac2At), mac2, nowUs)) {
        return this.#cookieReply(datagram, expected, source, nowUs);
      }
      if (!this.#sources.admits(address, addressAt, nowUs)) return silent('rate-limited');
    }
    return this.#consume(message, ephemeral, handshakeIndex(datagram, 0), nowUs);
  }

  /**
   * Answers an initiation. The caller must keep the session it makes of this beside the established one, and switch
   * only when a datagram sealed with the new keys arrives: an initiation may be a recording.
   * @param localIndex by which the vehicle shall address the new session: random, not 0, not in use
   * @param instance 8 random bytes that name this run of the engine
   */
  respond(
    initiation: Initiation<P>,
    localIndex: number,
    instance: Uint8Array,
  ): { readonly datagram: Uint8Array; readonly established: Established } {
    const { remoteIndex, cipher } = initiation;
    const made = this.#answer(initiation.noise, remoteIndex, initiation.publicKey, {
      version: PROTOCOL_VERSION,
      status: ANSWER_ACCEPTED,
      cipher,
      senderIndex: localIndex,
      instance,
    });
    const remembered = this.#remembered.get(initiation.ephemeral);
    if (remembered !== undefined) remembered.response = made.datagram;
    const { sendKey, receiveKey } = made;
    return {
      datagram: made.datagram,
      established: { localIndex, remoteIndex, cipher, peerInstance: initiation.instance, sendKey, receiveKey },
    };
  }

  #consume(message: Uint8Array, ephemeral: string, remoteIndex: number, nowUs: number): GatewayAnswer<P> {
    const { primitives, privateKey, lookup } = this.#options;
    const noise = new IkResponder(primitives, privateKey, this.#publicKey, encodeUtf8(PROLOGUE));
    const publicKey = noise.readStatic(message);
    if (publicKey === undefined) return silent('not-authentic');
    const peer = lookup(publicKey);
    if (peer === undefined) return silent('unknown-key');
    const payload = noise.readPayload(message);
    if (payload === undefined) return silent('not-authentic');
    const offer = decodeOffer(payload);
    if (offer === undefined || offer.senderIndex !== remoteIndex || remoteIndex === NO_INDEX)
      return silent('malformed');

    this.#remember(ephemeral, nowUs);
    const cipher = this.#choose(offer);
    if (typeof cipher === 'number') {
      return {
        kind: 'initiation',
        initiation: { peer, publicKey, remoteIndex, cipher, instance: offer.instance, noise, ephemeral },
      };
    }
    const status = cipher === 'version' ? ANSWER_BAD_VERSION : ANSWER_NO_COMMON_CIPHER;
    const answer = {
      version: PROTOCOL_VERSION,
      status,
      cipher: 0,
      senderIndex: NO_INDEX,
      instance: new Uint8Array(INSTANCE_BYTES),
    };
    const refused = this.#answer(noise, remoteIndex, publicKey, answer);
    return { kind: 'reply', datagram: refused.datagram, reason: cipher };
  }

  /** The vehicle's first choice that this end can use too, or why there is none. */
  #choose(offer: Offer): CipherId | 'version' | 'cipher' {
    if (offer.version !== PROTOCOL_VERSION) return 'version';
    for (const wanted of offer.ciphers) {
      const cipher = this.#options.ciphers.find((own) => own === wanted);
      if (cipher !== undefined) return cipher;
    }
    return 'cipher';
  }

  #answer(
    noise: IkResponder,
    remoteIndex: number,
    remoteKey: Uint8Array,
    answer: Answer,
  ): TransportKeys & { datagram: Uint8Array } {
    const { primitives, random } = this.#options;
    const written = noise.writeMessage2(random(KEY_BYTES), encodeAnswer(answer));
    const datagram = responseDatagram(remoteIndex, written.message);
    const mac1At = datagram.length - MAC_BYTES;
    datagram.set(mac(primitives, mac1Key(primitives, remoteKey), datagram.subarray(0, mac1At)), mac1At);
    return { datagram, sendKey: written.sendKey, receiveKey: written.receiveKey };
  }

  #cookieReply(datagram: Uint8Array, mac1: Uint8Array, source: Uint8Array, nowUs: number): GatewayAnswer<P> {
    const { primitives, random } = this.#options;
    const nonce = random(COOKIE_NONCE_BYTES);
    const sealed = sealCookie(primitives, this.#cookieKey, nonce, mac1, this.#cookies.cookie(source, nowUs));
    return {
      kind: 'reply',
      datagram: cookieReplyDatagram(handshakeIndex(datagram, 0), nonce, sealed),
      reason: 'cookie',
    };
  }

  #remember(ephemeral: string, nowUs: number): void {
    if (this.#remembered.size >= MAX_REMEMBERED) {
      const oldest = this.#remembered.keys().next();
      if (!oldest.done) this.#remembered.delete(oldest.value);
    }
    this.#remembered.set(ephemeral, { atUs: nowUs, response: undefined });
  }
}

function repeat<P>(remembered: Remembered, nowUs: number): GatewayAnswer<P> {
  if (nowUs - remembered.atUs >= REPEAT_US) remembered.response = undefined;
  return remembered.response === undefined
    ? silent('replayed')
    : { kind: 'reply', datagram: remembered.response, reason: 'repeated' };
}

function silent<P>(reason: HandshakeRefusal): GatewayAnswer<P> {
  return { kind: 'silent', reason };
}
