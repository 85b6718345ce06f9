import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Challenge } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../kernel/clock.js';
import { DomainError } from '../kernel/domain-error.js';

export const CHALLENGE_SECONDS = 60;
const NONCE_BYTES = 16;
const TIME_BYTES = 8;
const MAC_BYTES = 32;
const CHALLENGE_BYTES = NONCE_BYTES + TIME_BYTES + MAC_BYTES;
/** Proofs within a lifetime: far more than a fleet makes, and a bound for a device gone mad. */
const MAX_USED = 100_000;

/**
 * Challenges that devices sign. One is good once, for its device, for a minute, in this process. Giving one out costs no
 * memory, however many an attacker asks for: it says itself, under a key that only this process has, when and for whom it
 * was made. What is remembered are those that a device has used, until they would have expired anyway.
 */
@Injectable()
export class Challenges {
  readonly #key = randomBytes(32);
  /** By their text: monotonic time of expiry, ms. In the order of their use. */
  readonly #used = new Map<string, number>();

  constructor(@Inject(Clock) private readonly clock: Clock) {}

  give(deviceId: string): Challenge {
    const head = Buffer.alloc(NONCE_BYTES + TIME_BYTES);
    randomBytes(NONCE_BYTES).copy(head);
    head.writeDoubleBE(this.clock.monotonicMs(), NONCE_BYTES);
    const challenge = Buffer.concat([head, this.#mac(head, deviceId)]).toString('base64url');
    return { kind: 'challenge', v: 1, challenge, expiresInSeconds: CHALLENGE_SECONDS };
  }

  /**
   * Takes a challenge that the device has signed.
   *
   * @throws DomainError `challenge-unknown` for one that is not ours, of another device, too old, or used before
   */
  take(deviceId: string, challenge: string): void {
    const now = this.clock.monotonicMs();
    this.#forget(now);
    const madeAtMs = this.#madeAt(deviceId, challenge);
    if (madeAtMs === undefined || now - madeAtMs >= CHALLENGE_SECONDS * 1000 || this.#used.has(challenge)) {
      throw new DomainError('unauthenticated', 'challenge-unknown', 'The challenge was used, expired or never given.');
    }
    if (this.#used.size >= MAX_USED) {
      throw new DomainError('too-many', 'too-many-proofs', 'Too many proofs at the moment; try again in a minute.');
    }
    this.#used.set(challenge, now + CHALLENGE_SECONDS * 1000);
  }

  #madeAt(deviceId: string, challenge: string): number | undefined {
    const bytes = Buffer.from(challenge, 'base64url');
    // The text counts as well as the bytes: another spelling of a used challenge must not be another challenge.
    if (bytes.length !== CHALLENGE_BYTES || bytes.toString('base64url') !== challenge) return undefined;
    const head = bytes.subarray(0, NONCE_BYTES + TIME_BYTES);
    if (!timingSafeEqual(bytes.subarray(head.length), this.#mac(head, deviceId))) return undefined;
    return head.readDoubleBE(NONCE_BYTES);
  }

  #mac(head: Uint8Array, deviceId: string): Buffer {
    return createHmac('sha256', this.#key).update(head).update(deviceId).digest();
  }

  #forget(nowMs: number): void {
    for (const [challenge, expiresMs] of this.#used) {
      if (expiresMs > nowMs) return;
      this.#used.delete(challenge);
    }
  }
}
