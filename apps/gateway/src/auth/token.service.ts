import { randomBytes } from 'node:crypto';
import type { ApiToken, CreatedApiToken, Page, PageQuery, Permission } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { Clock } from '../kernel/clock.js';
import { DomainError } from '../kernel/domain-error.js';
import { CredentialRepository } from '../store/credential-repository.js';
import { authorOf, type OperatorActor } from './actor.js';
import { sha256, TOKEN_PREFIX } from './operator-sessions.js';

const DAY_MS = 86_400_000;

/** API tokens of the operator who asks: each acts for that operator, with some of the operator's permissions. */
@Injectable()
export class TokenService {
  constructor(
    @Inject(CredentialRepository) private readonly credentials: CredentialRepository,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  async list(actor: OperatorActor, { cursor, limit }: PageQuery): Promise<Page<ApiToken>> {
    const rows = await this.credentials.tokens(actor.operatorId, cursor, limit + 1);
    const items = rows.slice(0, limit);
    return { items, nextCursor: rows.length > limit ? items.at(-1)!.id : null };
  }

  /** @throws DomainError `scope-not-held`: nobody gives away what he does not have, tokens included */
  async create(
    actor: OperatorActor,
    { name, scopes, expiresInDays }: { name: string; scopes: readonly Permission[]; expiresInDays: number },
  ): Promise<z.infer<typeof CreatedApiToken>> {
    const missing = scopes.filter((scope) => !actor.permissions.has(scope));
    if (missing.length > 0) {
      throw new DomainError('forbidden', 'scope-not-held', `You do not have ${missing.join(', ')} yourself.`);
    }
    const token = `${TOKEN_PREFIX}${randomBytes(32).toString('base64url')}`;
    const expiresAt = new Date(this.clock.nowMs() + expiresInDays * DAY_MS);
    const record = { hash: sha256(token), operatorId: actor.operatorId, name, scopes: [...new Set(scopes)], expiresAt };
    return { ...(await this.credentials.addToken(authorOf(actor), record)), token };
  }

  /** @throws DomainError `token-unknown`, also for a token of another operator */
  async remove(actor: OperatorActor, id: string): Promise<void> {
    if (await this.credentials.removeToken(authorOf(actor), actor.operatorId, id)) return;
    throw new DomainError('not-found', 'token-unknown', 'You have no such token.');
  }
}
