import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type Algorithm, hash, verify } from '@node-rs/argon2';
import { DomainError } from '../kernel/domain-error.js';

/** The package's own enumeration is one that vanishes when it is compiled. */
const ARGON2ID = 2 satisfies Algorithm.Argon2id as Algorithm;

/** OWASP's first recommendation for argon2id: 19 MiB, 2 passes, 1 lane; about 20 ms on a core of a small server. */
const PARAMETERS = { algorithm: ARGON2ID, memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** At a time: the cores belong to the packets. */
const AT_ONCE = 2;
const MAX_WAITING = 32;

/** Hashes and checks passwords, a few at a time. */
@Injectable()
export class Passwords {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  #decoy: Promise<string> | undefined;

  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password, PARAMETERS));
  }

  /**
   * @param passwordHash undefined (no such operator) costs the same time and is never right: the time of an answer must
   *   not tell which usernames exist
   */
  async verify(passwordHash: string | undefined, password: string): Promise<boolean> {
    this.#decoy ??= hash(randomBytes(32), PARAMETERS);
    const against = passwordHash ?? (await this.#decoy);
    const right = await this.#inTurn(() => verify(against, password));
    return right && passwordHash !== undefined;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting.length >= MAX_WAITING) {
      throw new DomainError(
        'too-many',
        'busy',
        'Too many people are logging in at this moment; try again in a second.',
      );
    }
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      return await work();
    } finally {
      // Whoever waited longest takes over this turn.
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}

/** 20 characters without those that look alike: 116 bits. */
export function generatePassword(): string {
  const alphabet = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';
  let password = '';
  while (password.length < 20) {
    const [byte] = randomBytes(1);
    if (byte! < alphabet.length * 4) password += alphabet[byte! % alphabet.length];
  }
  return password;
}
