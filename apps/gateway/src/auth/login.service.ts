import type { LoginRequest } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { Clock } from '../kernel/clock.js';
import { DomainError } from '../kernel/domain-error.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { OperatorRepository } from '../store/operator-repository.js';
import { authorOf, type OperatorActor } from './actor.js';
import { Attempts } from './attempts.js';
import { OperatorSessions, sessionHash } from './operator-sessions.js';
import { Passwords } from './passwords.js';

const WINDOW_MS = 5 * 60_000;
/** A person who mistypes is stopped for a while; one who guesses across users or from many addresses, too. */
export const FAILURES = { perUserAndAddress: 5, perAddress: 30, perUser: 50 } as const;

/** Logging in and out, and the own password. */
@Injectable()
export class LoginService {
  readonly #limits: { readonly attempts: Attempts; readonly keyOf: (username: string, address: string) => string }[];

  constructor(
    @Inject(OperatorRepository) private readonly operators: OperatorRepository,
    @Inject(OperatorSessions) private readonly sessions: OperatorSessions,
    @Inject(Passwords) private readonly passwords: Passwords,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    const limit = (failures: number) => new Attempts({ failures, windowMs: WINDOW_MS }, () => this.clock.monotonicMs());
    this.#limits = [
      { attempts: limit(FAILURES.perUserAndAddress), keyOf: (username, address) => `${username} ${address}` },
      { attempts: limit(FAILURES.perAddress), keyOf: (_, address) => address },
      { attempts: limit(FAILURES.perUser), keyOf: (username) => username },
    ];
  }

  /**
   * Answers the value of the session's cookie.
   *
   * @throws DomainError `login-failed` for every wrong pair alike, `login-limited` after too many of them
   */
  async login({ username, password }: LoginRequest, address: string): Promise<string> {
    this.#refuseWhenLimited(username, address);
    // Counted before it is known: of many attempts at the same time none comes for free.
    for (const { attempts, keyOf } of this.#limits) attempts.failed(keyOf(username, address));
    const record = await this.operators.byUsername(username);
    const right = await this.passwords.verify(record?.passwordHash, password);
    if (!right || record === undefined || record.operator.disabled) {
      throw new DomainError('unauthenticated', 'login-failed', 'Username or password is wrong.');
    }
    this.#forgive(username, address);
    await this.operators.rememberLogin(record.operator.id, new Date(this.clock.nowMs()));
    return this.sessions.begin(record.operator.id);
  }

  async logout(actor: OperatorActor): Promise<void> {
    await this.sessions.end(actor);
    this.events.emit('operator-changed', { operatorId: actor.operatorId });
  }

  /** Ends every other session of the operator. @throws DomainError `password-wrong` */
  async changePassword(
    actor: OperatorActor,
    change: { current: string; next: string },
    address: string,
  ): Promise<void> {
    const keepSession = sessionHash(actor);
    this.#refuseWhenLimited(actor.username, address);
    const record = await this.operators.byId(actor.operatorId);
    if (!(await this.passwords.verify(record?.passwordHash, change.current))) {
      for (const { attempts, keyOf } of this.#limits) attempts.failed(keyOf(actor.username, address));
      throw new DomainError('forbidden', 'password-wrong', 'The current password is wrong.');
    }
    const passwordHash = await this.passwords.hash(change.next);
    const action = 'operator.password-changed';
    await this.operators.update(authorOf(actor), actor.operatorId, { passwordHash }, action, keepSession);
    this.events.emit('operator-changed', { operatorId: actor.operatorId });
  }

  #refuseWhenLimited(username: string, address: string): void {
    const waits = this.#limits.map(({ attempts, keyOf }) => attempts.waitSeconds(keyOf(username, address)));
    const seconds = Math.max(...waits);
    if (seconds === 0) return;
    throw new DomainError('too-many', 'login-limited', `Too many wrong attempts; try again in ${seconds} s.`, seconds);
  }

  /** The pair starts afresh; address and user only get this attempt back: one known password must not open a door to guess on. */
  #forgive(username: string, address: string): void {
    const [pair, ...wider] = this.#limits;
    pair!.attempts.forget(pair!.keyOf(username, address));
    for (const { attempts, keyOf } of wider) attempts.takeBack(keyOf(username, address));
  }
}
