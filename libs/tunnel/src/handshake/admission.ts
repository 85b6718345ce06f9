/** Who may cost the gateway a handshake: load, cookies and a limit per source. No I/O, no clock. */
import { COOKIE_LIFETIME_US } from '@corridor/wire';
import type { HandshakePrimitives, RandomBytes } from '../primitives.js';
import { equalConstantTime, mac } from './macs.js';

const SECOND_US = 1_000_000;

/** A token bucket for work of one kind, filled with a tenth of a second's worth. */
export class Budget {
  #tokens: number;
  #atUs = 0;

  constructor(private readonly perSecond: number) {
    this.#tokens = perSecond / 10;
  }

  /** Takes one token; false when there is none. */
  take(nowUs: number): boolean {
    const earned = ((nowUs - this.#atUs) * this.perSecond) / SECOND_US;
    this.#tokens = Math.min(this.perSecond / 10, this.#tokens + earned);
    this.#atUs = nowUs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}

/** Tells whether more initiations arrived in this second or the one before than are handled without cookies. */
export class LoadEstimate {
  #windowStartUs = 0;
  #count = 0;
  #countBefore = 0;

  constructor(private readonly initiationsPerSecond: number) {}

  /** Counts one initiation and answers whether the gateway is under load. */
  note(nowUs: number): boolean {
    const windows = Math.floor((nowUs - this.#windowStartUs) / SECOND_US);
    if (windows > 0) {
      this.#countBefore = windows === 1 ? this.#count : 0;
      this.#count = 0;
      this.#windowStartUs += windows * SECOND_US;
    }
    this.#count++;
    return Math.max(this.#count, this.#countBefore) > this.initiationsPerSecond;
  }
}

/** Makes and checks cookies: proof that a caller receives what is sent to its source address. */
export class CookieJar {
  #secret: Uint8Array;
  #secretBefore: Uint8Array;
  #changedAtUs = 0;

  constructor(
    private readonly primitives: HandshakePrimitives,
    private readonly random: RandomBytes,
  ) {
    this.#secret = random(32);
    this.#secretBefore = random(32);
  }

  /** @param source the part of the address record that names the remote end */
  cookie(source: Uint8Array, nowUs: number): Uint8Array {
    this.#rotate(nowUs);
    return mac(this.primitives, this.#secret, source);
  }

  /** Checks mac2 over `data`, made with the current cookie of `source` or the one before. */
  proves(source: Uint8Array, data: Uint8Array, mac2: Uint8Array, nowUs: number): boolean {
    this.#rotate(nowUs);
    const current = this.#matches(this.#secret, source, data, mac2);
    return this.#matches(this.#secretBefore, source, data, mac2) || current;
  }

  #matches(secret: Uint8Array, source: Uint8Array, data: Uint8Array, mac2: Uint8Array): boolean {
    const cookie = mac(this.primitives, secret, source);
    return equalConstantTime(mac(this.primitives, cookie, data), mac2, 0);
  }

  #rotate(nowUs: number): void {
    const age = nowUs - this.#changedAtUs;
    if (age < COOKIE_LIFETIME_US) return;
    this.#secretBefore = age < 2 * COOKIE_LIFETIME_US ? this.#secret : this.random(32);
    this.#secret = this.random(32);
    this.#changedAtUs = nowUs;
  }
}

/** Handshakes per source while under load: this many at once, then this many a second. */
const BURST = 20;
const PER_SECOND = 20;
/** Sources that are remembered; when they are all busy, new ones have to wait. */
const MAX_SOURCES = 4096;

interface Bucket {
  tokens: number;
  atUs: number;
}

/** A token bucket for each IPv4 address or IPv6 /64. Only proven sources get here, so that the table cannot be spoofed full. */
export class SourceLimit {
  readonly #buckets = new Map<string, Bucket>();

  /** Takes one token of the source's; false when there is none. */
  admits(address: Uint8Array, at: number, nowUs: number): boolean {
    const key = sourceKey(address, at);
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) {
      if (this.#buckets.size >= MAX_SOURCES) this.#forgetIdle(nowUs);
      if (this.#buckets.size >= MAX_SOURCES) return false;
      bucket = { tokens: BURST, atUs: nowUs };
      this.#buckets.set(key, bucket);
    }
    bucket.tokens = Math.min(BURST, bucket.tokens + ((nowUs - bucket.atUs) * PER_SECOND) / SECOND_US);
    bucket.atUs = nowUs;
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }

  #forgetIdle(nowUs: number): void {
    for (const [key, bucket] of this.#buckets) {
      if (nowUs - bucket.atUs >= (BURST / PER_SECOND) * SECOND_US) this.#buckets.delete(key);
    }
  }
}

function sourceKey(address: Uint8Array, at: number): string {
  const bytes = address[at] === 4 ? 4 : 8;
  return String.fromCharCode(...address.subarray(at + 8, at + 8 + bytes));
}
