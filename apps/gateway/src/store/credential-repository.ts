import type { ApiToken, Operator, Permission } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { newId } from '../kernel/ids.js';
import { type Author, writeAudit } from './audit-writer.js';
import { Prisma } from './generated/client.js';
import { type OrganisationRecord, operatorOf } from './operator-repository.js';
import { PrismaService } from './prisma.service.js';

/** Whose credential it is. */
export interface Holder {
  readonly operator: Operator;
  readonly organisation: OrganisationRecord;
}

export interface SessionRecord extends Holder {
  readonly csrfToken: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

export interface TokenRecord extends Holder {
  readonly token: ApiToken;
}

const WITH_HOLDER = { operator: { include: { organisation: true } } } as const;

/** Sessions and API tokens: only their SHA-256 is kept, so that a stolen dump opens nothing. */
@Injectable()
export class CredentialRepository {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  async addSession(session: {
    readonly idHash: Uint8Array;
    readonly operatorId: string;
    readonly csrfToken: string;
    readonly createdAt: Date;
    readonly expiresAt: Date;
  }): Promise<void> {
    await this.prisma.client.operatorSession.create({ data: { ...session, idHash: new Uint8Array(session.idHash) } });
  }

  /** One statement: every request of the console begins here. */
  async session(idHash: Uint8Array): Promise<SessionRecord | undefined> {
    const [row] = await this.prisma.client.$queryRaw<(SessionRow & HolderRow)[]>`
      SELECT s.csrf_token, s.created_at AS begun_at, s.expires_at, ${HOLDER}
      FROM operator_session s ${HOLDER_OF_S}
      WHERE s.id_hash = ${Buffer.from(idHash)}`;
    if (row === undefined) return undefined;
    return { csrfToken: row.csrf_token, createdAt: row.begun_at, expiresAt: row.expires_at, ...holderOfRow(row) };
  }

  /** Does nothing when the session has ended meanwhile. */
  async extendSession(idHash: Uint8Array, expiresAt: Date): Promise<void> {
    await this.prisma.client.operatorSession.updateMany({
      where: { idHash: new Uint8Array(idHash) },
      data: { expiresAt },
    });
  }

  async endSession(idHash: Uint8Array): Promise<void> {
    await this.prisma.client.operatorSession.deleteMany({ where: { idHash: new Uint8Array(idHash) } });
  }

  /** Forgets sessions and tokens that ended before `now`. */
  async sweep(now: Date): Promise<void> {
    await this.prisma.client.operatorSession.deleteMany({ where: { expiresAt: { lt: now } } });
    await this.prisma.client.apiToken.deleteMany({ where: { expiresAt: { lt: now } } });
  }

  async addToken(
    author: Author,
    token: {
      readonly hash: Uint8Array;
      readonly operatorId: string;
      readonly name: string;
      readonly scopes: readonly Permission[];
      readonly expiresAt: Date;
    },
  ): Promise<ApiToken> {
    const { name, scopes } = token;
    const data = { ...token, id: newId(), hash: new Uint8Array(token.hash), scopes: [...scopes] };
    return this.prisma.client.$transaction(async (tx) => {
      const created = tokenOf(await tx.apiToken.create({ data }));
      const target = `token:${created.id}`;
      await writeAudit(tx, author, { action: 'token.created', target, detail: { name, scopes } });
      return created;
    });
  }

  async token(hash: Uint8Array): Promise<TokenRecord | undefined> {
    const where = { hash: new Uint8Array(hash) };
    const row = await this.prisma.client.apiToken.findUnique({ where, include: WITH_HOLDER });
    return row === null ? undefined : { token: tokenOf(row), ...holderOf(row.operator) };
  }

  async tokenById(id: string): Promise<TokenRecord | undefined> {
    const row = await this.prisma.client.apiToken.findUnique({ where: { id }, include: WITH_HOLDER });
    return row === null ? undefined : { token: tokenOf(row), ...holderOf(row.operator) };
  }

  async rememberTokenUse(id: string, at: Date): Promise<void> {
    await this.prisma.client.apiToken.updateMany({ where: { id }, data: { lastUsedAt: at } });
  }

  /** The newest first, behind the token `before`. */
  async tokens(operatorId: string, before: string | undefined, limit: number): Promise<ApiToken[]> {
    const rows = await this.prisma.client.apiToken.findMany({
      where: { operatorId, ...(before === undefined ? {} : { id: { lt: before } }) },
      orderBy: { id: 'desc' },
      take: limit,
    });
    return rows.map(tokenOf);
  }

  /** Whether there was such a token of this operator. */
  async removeToken(author: Author, operatorId: string, id: string): Promise<boolean> {
    return this.prisma.client.$transaction(async (tx) => {
      const { count } = await tx.apiToken.deleteMany({ where: { id, operatorId } });
      if (count === 1) await writeAudit(tx, author, { action: 'token.removed', target: `token:${id}` });
      return count === 1;
    });
  }
}

/** Columns of the operator `o` and the organisation `g`. */
const HOLDER = Prisma.sql`o.id, o.organisation_id AS "organisationId", o.username, o.name, o.role::text AS role,
  o.password_hash AS "passwordHash", o.disabled_at AS "disabledAt", o.created_at AS "createdAt",
  o.last_login_at AS "lastLoginAt", g.name AS "organisationName"`;
const HOLDER_OF_S = Prisma.sql`JOIN operator o ON o.id = s.operator_id JOIN organisation g ON g.id = o.organisation_id`;

interface SessionRow {
  readonly csrf_token: string;
  readonly begun_at: Date;
  readonly expires_at: Date;
}

type HolderRow = Prisma.OperatorGetPayload<object> & { readonly organisationName: string };

function holderOfRow(row: HolderRow): Holder {
  return { operator: operatorOf(row), organisation: { id: row.organisationId, name: row.organisationName } };
}

function holderOf(row: Prisma.OperatorGetPayload<{ include: { organisation: true } }>): Holder {
  const { id, name } = row.organisation;
  return { operator: operatorOf(row), organisation: { id, name } };
}

function tokenOf(row: Prisma.ApiTokenGetPayload<object>): ApiToken {
  return {
    id: row.id,
    name: row.name,
    scopes: row.scopes as Permission[],
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt.toISOString(),
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  };
}
