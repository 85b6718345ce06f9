import {
  ANSWER_ACCEPTED,
  ANSWER_BAD_VERSION,
  ANSWER_NO_COMMON_CIPHER,
  COOKIE_LIFETIME_US,
  COOKIE_NONCE_BYTES,
  COOKIE_REPLY_BYTES,
  COOKIE_REPLY_NONCE_AT,
  COOKIE_REPLY_SEALED_AT,
  copyBytes,
  decodeAnswer,
  encodeOffer,
  encodeUtf8,
  handshakeIndex,
  initiationDatagram,
  isCookieReply,
  isResponse,
  KEY_BYTES,
  MAC_BYTES,
  PROLOGUE,
  PROTOCOL_VERSION,
  RESPONSE_NOISE_AT,
} from '@corridor/wire';
import type { CipherId, HandshakePrimitives, RandomBytes } from '../primitives.js';
import { cookieReplyKey, equalConstantTime, mac, mac1Key, openCookie } from './macs.js';
import { IkInitiator } from './noise-ik.js';
import { type Established, type HandshakeRefusal, NO_INDEX } from './outcome.js';

/**
 * Attempts that wait for a response at the same time. Repeats go out every half second or so, and a response over a
 * satellite may be later than the next attempt.
 */
const MAX_PENDING = 8;

interface Pending {
  readonly senderIndex: number;
  readonly noise: IkInitiator;
  readonly ciphers: readonly CipherId[];
  /** The initiation with mac1 and a zero mac2. */
  readonly datagram: Uint8Array;
}

interface Cookie {
  readonly value: Uint8Array;
  readonly atUs: number;
}

/** The initiator's side: begins handshakes and takes in what comes back. Holds no session. */
export class VehicleHandshake {
  readonly #primitives: HandshakePrimitives;
  readonly #random: RandomBytes;
  readonly #privateKey: Uint8Array;
  readonly #gatewayKey: Uint8Array;
  /** For what is sent to the gateway, and for what comes from it. */
  readonly #gatewayMac1Key: Uint8Array;
  readonly #ownMac1Key: Uint8Array;
  readonly #cookieKey: Uint8Array;
  #pending: Pending[] = [];
  /** Cookies by path: each is bound to the source address that the gateway saw. */
  readonly #cookies = new Map<number, Cookie>();

  constructor(
    primitives: HandshakePrimitives,
    random: RandomBytes,
    privateKey: Uint8Array,
    gatewayPublicKey: Uint8Array,
  ) {
    this.#primitives = primitives;
    this.#random = random;
    this.#privateKey = privateKey;
    this.#gatewayKey = gatewayPublicKey;
    this.#gatewayMac1Key = mac1Key(primitives, gatewayPublicKey);
    this.#ownMac1Key = mac1Key(primitives, primitives.x25519PublicKey(privateKey));
    this.#cookieKey = cookieReplyKey(primitives, gatewayPublicKey);
  }

  /** True while an attempt waits for its response. */
  get pending(): boolean {
    return this.#pending.length > 0;
  }

  /**
   * Begins an attempt with fresh keys; earlier ones stay valid until one succeeds or {@link abandon} is called.
   * @param senderIndex by which the gateway shall address the new session: random, not 0, not in use
   * @param ciphers what this end can use, fastest first
   * @param instance 8 random bytes that name this run of the engine
   * @throws Error when the gateway's public key is not usable
   */
  begin(senderIndex: number, ciphers: readonly CipherId[], instance: Uint8Array): void {
    const noise = new IkInitiator(this.#primitives, this.#privateKey, this.#gatewayKey, encodeUtf8(PROLOGUE));
    const offer = encodeOffer({ version: PROTOCOL_VERSION, senderIndex, instance, ciphers });
    const datagram = initiationDatagram(senderIndex, noise.writeMessage1(this.#random(KEY_BYTES), offer));
    const mac1At = datagram.length - 2 * MAC_BYTES;
    datagram.set(mac(this.#primitives, this.#gatewayMac1Key, datagram.subarray(0, mac1At)), mac1At);
    if (this.#pending.length === MAX_PENDING) this.#pending.shift();
    this.#pending.push({ senderIndex, noise, ciphers, datagram });
  }

  /**
   * The newest initiation as it goes out over a path: with mac2 when the gateway gave that path a cookie.
   * @throws Error when no attempt is under way
   */
  datagram(pathId: number, nowUs: number): Uint8Array {
    const newest = this.#pending.at(-1);
    if (newest === undefined) throw new Error('no handshake is under way');
    const datagram = copyBytes(newest.datagram, 0, newest.datagram.length);
    const cookie = this.#cookies.get(pathId);
    if (cookie !== undefined && nowUs - cookie.atUs < COOKIE_LIFETIME_US) {
      const mac2At = datagram.length - MAC_BYTES;
      datagram.set(mac(this.#primitives, cookie.value, datagram.subarray(0, mac2At)), mac2At);
    }
    return datagram;
  }

  /** Takes a cookie in; the initiation should then go out over that path again. */
  consumeCookieReply(
    bytes: Uint8Array,
    offset: number,
    length: number,
    pathId: number,
    nowUs: number,
  ): HandshakeRefusal | 'ok' {
    if (!isCookieReply(bytes, offset, length)) return 'malformed';
    const reply = copyBytes(bytes, offset, offset + length);
    const pending = this.#find(handshakeIndex(reply, 0));
    if (pending === undefined) return 'no-handshake';
    const mac1At = pending.datagram.length - 2 * MAC_BYTES;
    const value = openCookie(
      this.#primitives,
      this.#cookieKey,
      copyBytes(reply, COOKIE_REPLY_NONCE_AT, COOKIE_REPLY_NONCE_AT + COOKIE_NONCE_BYTES),
      copyBytes(pending.datagram, mac1At, mac1At + MAC_BYTES),
      copyBytes(reply, COOKIE_REPLY_SEALED_AT, COOKIE_REPLY_BYTES),
    );
    if (value === undefined) return 'not-authentic';
    this.#cookies.set(pathId, { value, atUs: nowUs });
    return 'ok';
  }

  /**
   * Takes a response in. Success ends every other attempt. A forged one changes nothing; an authentic refusal
   * (`version`, `cipher`) ends the attempt it answers.
   */
  consumeResponse(bytes: Uint8Array, offset: number, length: number): Established | HandshakeRefusal {
    if (!isResponse(bytes, offset, length)) return 'malformed';
    const pending = this.#find(handshakeIndex(bytes, offset));
    if (pending === undefined) return 'no-handshake';
    const datagram = copyBytes(bytes, offset, offset + length);
    const mac1At = length - MAC_BYTES;
    const mac1 = mac(this.#primitives, this.#ownMac1Key, datagram.subarray(0, mac1At));
    if (!equalConstantTime(mac1, datagram, mac1At)) return 'bad-mac';
    const opened = pending.noise.readMessage2(copyBytes(datagram, RESPONSE_NOISE_AT, mac1At));
    if (opened === undefined) return 'not-authentic';
    return this.#conclude(pending, opened);
  }

  /** Forgets every attempt. */
  abandon(): void {
    this.#pending = [];
  }

  /** Forgets a path's cookie: its address changed, or it is gone. */
  forgetPath(pathId: number): void {
    this.#cookies.delete(pathId);
  }

  #conclude(
    pending: Pending,
    opened: { payload: Uint8Array; sendKey: Uint8Array; receiveKey: Uint8Array },
  ): Established | HandshakeRefusal {
    const answer = decodeAnswer(opened.payload);
    const cipher = pending.ciphers.find((offered) => offered === answer?.cipher);
    if (answer?.status === ANSWER_ACCEPTED && cipher !== undefined && answer.senderIndex !== NO_INDEX) {
      this.#pending = [];
      return {
        localIndex: pending.senderIndex,
        remoteIndex: answer.senderIndex,
        cipher,
        peerInstance: answer.instance,
        sendKey: opened.sendKey,
        receiveKey: opened.receiveKey,
      };
    }
    this.#pending = this.#pending.filter((other) => other !== pending);
    if (answer?.status === ANSWER_BAD_VERSION) return 'version';
    return answer?.status === ANSWER_NO_COMMON_CIPHER ? 'cipher' : 'malformed';
  }

  #find(senderIndex: number): Pending | undefined {
    return this.#pending.find((pending) => pending.senderIndex === senderIndex);
  }
}
