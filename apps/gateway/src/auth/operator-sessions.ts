import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { type Permission, ROLE_PERMISSIONS, type Session } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { GatewayConfig } from '../config/gateway-config.js';
import { Clock } from '../kernel/clock.js';
import { DomainError } from '../kernel/domain-error.js';
import { CredentialRepository, type Holder, type SessionRecord } from '../store/credential-repository.js';
import type { OperatorActor } from './actor.js';

export const SESSION_COOKIE = 'corridor_session';
export const TOKEN_PREFIX = 'corridor_';
export const CSRF_HEADER = 'x-corridor-csrf';

/** A session ends after a shift without requests, and after a week in any case. */
export const IDLE_MS = 12 * 3_600_000;
export const ABSOLUTE_MS = 7 * 24 * 3_600_000;
/** Extensions and last uses are written at most this often, per credential. */
const WRITE_EVERY_MS = 60_000;

/** What the guard needs to know about a request: `csrfToken` is what a cookie's request must bring along. */
export interface Authenticated {
  readonly actor: OperatorActor;
  readonly csrfToken: string | null;
}

/** Which operator a request belongs to, by cookie or by API token; both are looked up each time, so that an end is an end. */
@Injectable()
export class OperatorSessions {
  constructor(
    @Inject(CredentialRepository) private readonly credentials: CredentialRepository,
    @Inject(GatewayConfig) private readonly config: GatewayConfig,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** Answers the value of the cookie. */
  async begin(operatorId: string): Promise<string> {
    const value = randomBytes(32).toString('base64url');
    const now = this.clock.nowMs();
    await this.credentials.addSession({
      idHash: sha256(value),
      operatorId,
      csrfToken: randomBytes(32).toString('base64url'),
      createdAt: new Date(now),
      expiresAt: new Date(now + IDLE_MS),
    });
    return value;
  }

  /** The operator of a request. @throws DomainError unauthenticated */
  async authenticate(request: { readonly headers: IncomingHttpHeaders }): Promise<OperatorActor> {
    return (await this.authenticateHeaders(request.headers)).actor;
  }

  /** @throws DomainError unauthenticated */
  async authenticateHeaders(headers: IncomingHttpHeaders): Promise<Authenticated> {
    // The header wins: a script that shows a token means the token, whatever cookies its browser adds.
    if (headers.authorization !== undefined)
      return { actor: await this.#byToken(headers.authorization), csrfToken: null };
    const value = cookieOf(headers.cookie);
    if (value === undefined) throw new DomainError('unauthenticated', 'login-required', 'Log in first.');
    return this.#bySession(value);
  }

  /** The same for a session that has just begun. */
  async describeCookie(value: string): Promise<Session> {
    return this.describe((await this.#bySession(value)).actor);
  }

  /** What `GET /session` answers. */
  async describe(actor: OperatorActor): Promise<Session> {
    const { holder, csrfToken, expiresAt } = await this.#holder(actor);
    return {
      operator: holder.operator,
      organisation: { ...holder.organisation },
      permissions: [...actor.permissions],
      csrfToken,
      expiresAt,
      features: {
        linkDrills: this.config.drillSocket !== null,
        baseMap: this.config.baseMap === null ? null : '/api/v1/map/base',
      },
    };
  }

  async end(actor: OperatorActor): Promise<void> {
    await this.credentials.endSession(sessionHash(actor));
  }

  async #bySession(value: string): Promise<Authenticated> {
    const idHash = sha256(value);
    const session = await this.credentials.session(idHash);
    const now = this.clock.nowMs();
    if (session === undefined || session.expiresAt.getTime() <= now || session.operator.disabled) throw sessionEnded();
    await this.#extend(idHash, session, now);
    const id = Buffer.from(idHash).toString('hex');
    return { actor: actorOf(session, { kind: 'session', id }, () => true), csrfToken: session.csrfToken };
  }

  async #extend(idHash: Uint8Array, session: SessionRecord, now: number): Promise<void> {
    const expiresMs = Math.min(now + IDLE_MS, session.createdAt.getTime() + ABSOLUTE_MS);
    if (expiresMs - session.expiresAt.getTime() < WRITE_EVERY_MS) return;
    await this.credentials.extendSession(idHash, new Date(expiresMs));
  }

  async #byToken(authorization: string): Promise<OperatorActor> {
    const text = /^Bearer (corridor_[A-Za-z0-9_-]{43})$/i.exec(authorization)?.[1];
    const record = text === undefined ? undefined : await this.credentials.token(sha256(text));
    const now = this.clock.nowMs();
    if (record === undefined || Date.parse(record.token.expiresAt) <= now || record.operator.disabled) {
      throw new DomainError('unauthenticated', 'token-invalid', 'The API token is not valid, or no longer.');
    }
    const { id, scopes, lastUsedAt } = record.token;
    if (lastUsedAt === null || now - Date.parse(lastUsedAt) > WRITE_EVERY_MS) {
      await this.credentials.rememberTokenUse(id, new Date(now));
    }
    return actorOf(record, { kind: 'token', id }, (permission) => scopes.includes(permission));
  }

  async #holder(actor: OperatorActor): Promise<{ holder: Holder; csrfToken: string; expiresAt: string }> {
    if (actor.credential.kind === 'session') {
      const session = await this.credentials.session(sessionHash(actor));
      if (session === undefined) throw sessionEnded();
      return { holder: session, csrfToken: session.csrfToken, expiresAt: session.expiresAt.toISOString() };
    }
    const record = await this.credentials.tokenById(actor.credential.id);
    if (record === undefined) throw sessionEnded();
    // A token needs no CSRF token: no browser adds it by itself.
    return { holder: record, csrfToken: '', expiresAt: record.token.expiresAt };
  }
}

/** @throws DomainError forbidden where an API token tries what only a person may do */
export function sessionHash(actor: OperatorActor): Uint8Array {
  if (actor.credential.kind === 'session') return Buffer.from(actor.credential.id, 'hex');
  throw new DomainError('forbidden', 'session-required', 'This needs a login; an API token cannot do it.');
}

/** In a time that tells nothing about where they differ. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(sha256(a), sha256(b));
}

export function sha256(text: string): Uint8Array {
  return createHash('sha256').update(text).digest();
}

function actorOf(
  { operator, organisation }: Holder,
  credential: OperatorActor['credential'],
  inScope: (permission: Permission) => boolean,
): OperatorActor {
  const { id: operatorId, username, role } = operator;
  const permissions = new Set(ROLE_PERMISSIONS[role].filter(inScope));
  return { kind: 'operator', operatorId, username, organisationId: organisation.id, role, permissions, credential };
}

function sessionEnded(): DomainError {
  return new DomainError('unauthenticated', 'session-ended', 'The session has ended; log in again.');
}

function cookieOf(header: string | undefined): string | undefined {
  return new RegExp(`(?:^|; *)${SESSION_COOKIE}=([A-Za-z0-9_-]{43})(?:;|$)`).exec(header ?? '')?.[1];
}
