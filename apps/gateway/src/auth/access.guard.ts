import type { IncomingHttpHeaders } from 'node:http';
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { databaseUnavailable, unlessDatabaseGoes } from '../http/database-gate.js';
import { RateLimit } from '../http/rate-limit.js';
import { Clock } from '../kernel/clock.js';
import { DomainError } from '../kernel/domain-error.js';
import { DeviceTokens } from '../provisioning/device-tokens.js';
import { PrismaService } from '../store/prisma.service.js';
import { ACCESS, type Access, WITHOUT_DATABASE } from './access.js';
import type { DeviceActor, OperatorActor, RequestWithActor } from './actor.js';
import { CSRF_HEADER, OperatorSessions, sameText } from './operator-sessions.js';
import { originAllowed } from './origin.js';

const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Requests of one address that nobody vouches for. Carriers hide whole fleets behind one address: it is generous. */
const ANONYMOUS = { perSecond: 100, burst: 2_000, maxKeys: 10_000 };

interface GuardedRequest extends RequestWithActor {
  /** Missing on the unix socket without a proxy's header. */
  readonly ip?: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
}

/** Stands before every route and opens it for those whom its declaration names, and for nobody where it declares nothing. */
@Injectable()
export class AccessGuard implements CanActivate {
  readonly #limit: RateLimit;

  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(OperatorSessions) private readonly sessions: OperatorSessions,
    @Inject(DeviceTokens) private readonly devices: DeviceTokens,
    @Inject(PrismaService) private readonly store: PrismaService,
    @Inject(Clock) clock: Clock,
  ) {
    this.#limit = new RateLimit(ANONYMOUS, () => clock.monotonicMs());
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const declared = [context.getHandler(), context.getClass()];
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS, declared);
    if (access === undefined) throw new DomainError('forbidden', 'route-closed', 'Nobody may use this route.');
    const withoutDatabase = this.reflector.getAllAndOverride<boolean | undefined>(WITHOUT_DATABASE, declared);
    if (!withoutDatabase && !this.store.ready) throw databaseUnavailable();
    const request = context.switchToHttp().getRequest<GuardedRequest>();
    if (access.kind === 'public') this.#public(request, withoutDatabase === true);
    else request.actor = await unlessDatabaseGoes(this.store, this.#actor(request, access));
    return true;
  }

  /** Nothing to prove, but no other site's page may log its visitors in here. */
  #public(request: GuardedRequest, cheap: boolean): void {
    if (!cheap) this.#count(request);
    if (!SAFE_METHODS.has(request.method) && !originAllowed(request.headers)) throw foreignOrigin();
  }

  /** Wrong proofs cost as much as none: they are counted together. */
  async #actor(request: GuardedRequest, access: Access): Promise<OperatorActor | DeviceActor> {
    try {
      return await (access.kind === 'device' ? this.#device(request) : this.#operator(request, access));
    } catch (error) {
      if (error instanceof DomainError && error.kind === 'unauthenticated') this.#count(request);
      throw error;
    }
  }

  #count({ ip }: GuardedRequest): void {
    if (this.#limit.take(ip ?? 'local')) return;
    throw new DomainError('too-many', 'rate-limited', 'Too many requests from this address; slow down.', 1);
  }

  async #operator({ method, headers }: GuardedRequest, access: Access): Promise<OperatorActor> {
    const { actor, csrfToken } = await this.sessions.authenticateHeaders(headers);
    if (csrfToken !== null && !SAFE_METHODS.has(method)) checkCsrf(headers, csrfToken);
    const needed = access.kind === 'permissions' ? access.permissions : [];
    const missing = needed.filter((permission) => !actor.permissions.has(permission));
    if (missing.length === 0) return actor;
    throw new DomainError('forbidden', 'permission-missing', `This needs the permission ${missing.join(', ')}.`);
  }

  async #device({ headers }: GuardedRequest): Promise<DeviceActor> {
    const token = /^Bearer ([\w-]+\.[\w-]+\.[\w-]*)$/i.exec(headers.authorization ?? '')?.[1];
    if (token === undefined) {
      throw new DomainError('unauthenticated', 'device-token-required', 'This needs the access token of a device.');
    }
    return { kind: 'device', ...(await this.devices.verify(token)) };
  }
}

function checkCsrf(headers: IncomingHttpHeaders, expected: string): void {
  if (!originAllowed(headers)) throw foreignOrigin();
  const given = headers[CSRF_HEADER];
  if (typeof given === 'string' && sameText(given, expected)) return;
  throw new DomainError('forbidden', 'csrf', `Send the session's csrfToken in the header ${CSRF_HEADER}.`);
}

function foreignOrigin(): DomainError {
  return new DomainError('forbidden', 'foreign-origin', 'The request comes from a page of another site.');
}
