import type { Operator, Role } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../kernel/domain-error.js';
import { newId } from '../kernel/ids.js';
import { type Author, writeAudit } from './audit-writer.js';
import { Prisma } from './generated/client.js';
import { PrismaService } from './prisma.service.js';

export interface OrganisationRecord {
  readonly id: string;
  readonly name: string;
}

/** An operator with what only `auth/` may see. */
export interface OperatorRecord {
  readonly operator: Operator;
  readonly organisation: OrganisationRecord;
  /** argon2id, PHC string. */
  readonly passwordHash: string;
}

export interface NewOperator {
  readonly username: string;
  readonly name: string;
  readonly role: Role;
  readonly passwordHash: string;
}

export interface OperatorChange {
  readonly name?: string | undefined;
  readonly role?: Role | undefined;
  readonly disabled?: boolean | undefined;
  readonly passwordHash?: string | undefined;
}

const UNIQUE_VIOLATION = 'P2002';

type Row = Prisma.OperatorGetPayload<{ include: { organisation: true } }>;

@Injectable()
export class OperatorRepository {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** Whether the registry is as empty as before the first start. */
  async isFirstStart(): Promise<boolean> {
    return (await this.prisma.client.organisation.findFirst({ select: { id: true } })) === null;
  }

  /** Creates the organisation and its administrator, unless another gateway was faster: then answers false. */
  async begin(organisationName: string, admin: NewOperator): Promise<boolean> {
    return this.prisma.client.$transaction(async (tx) => {
      // One at a time: "no organisation yet" cannot be a unique key.
      await tx.$executeRaw`LOCK TABLE organisation IN EXCLUSIVE MODE`;
      if ((await tx.organisation.findFirst({ select: { id: true } })) !== null) return false;
      const organisation = await tx.organisation.create({ data: { id: newId(), name: organisationName } });
      await tx.operator.create({ data: { id: newId(), organisationId: organisation.id, ...admin } });
      const author = { organisationId: organisation.id, name: 'system' };
      const target = `organisation:${organisation.id}`;
      await writeAudit(tx, author, { action: 'organisation.created', target, detail: { name: organisationName } });
      return true;
    });
  }

  async byUsername(username: string): Promise<OperatorRecord | undefined> {
    const where = { username };
    const row = await this.prisma.client.operator.findUnique({ where, include: { organisation: true } });
    return row === null ? undefined : recordOf(row);
  }

  async byId(id: string): Promise<OperatorRecord | undefined> {
    const row = await this.prisma.client.operator.findUnique({ where: { id }, include: { organisation: true } });
    return row === null ? undefined : recordOf(row);
  }

  /** In order of their usernames, behind `after`. */
  async list(organisationId: string, after: string | undefined, limit: number): Promise<Operator[]> {
    const rows = await this.prisma.client.operator.findMany({
      where: { organisationId, ...(after === undefined ? {} : { username: { gt: after } }) },
      orderBy: { username: 'asc' },
      take: limit,
    });
    return rows.map(operatorOf);
  }

  /** @throws DomainError `username-taken` */
  async create(author: Author, operator: NewOperator): Promise<Operator> {
    const { username, role } = operator;
    try {
      return await this.prisma.client.$transaction(async (tx) => {
        const data = { id: newId(), organisationId: author.organisationId, ...operator };
        const created = operatorOf(await tx.operator.create({ data }));
        const target = `operator:${created.id}`;
        await writeAudit(tx, author, { action: 'operator.created', target, detail: { username, role } });
        return created;
      });
    } catch (error) {
      if (!(error instanceof Prisma.PrismaClientKnownRequestError) || error.code !== UNIQUE_VIOLATION) throw error;
      throw new DomainError('conflict', 'username-taken', `There is an operator "${username}" already.`);
    }
  }

  /**
   * Changes an operator and, where rights or password change, ends the sessions in the same transaction; disabling
   * ends the API tokens, too.
   *
   * @param action as the audit log names it
   * @param keepSession hash of the session that stays: who changes the own password goes on working
   * @throws DomainError `last-admin`
   */
  async update(
    author: Author,
    id: string,
    change: OperatorChange,
    action: string,
    keepSession?: Uint8Array,
  ): Promise<{ readonly operator: Operator; readonly endsSessions: boolean } | undefined> {
    return this.prisma.client.$transaction(async (tx) => {
      const { organisationId } = author;
      const admins = await lockAdmins(tx, organisationId);
      const row = await tx.operator.findUnique({ where: { id, organisationId } });
      if (row === null) return undefined;
      const role = change.role ?? row.role;
      const disabled = change.disabled ?? row.disabledAt !== null;
      if ((role !== 'admin' || disabled) && admins.length === 1 && admins[0] === id) {
        throw new DomainError('conflict', 'last-admin', 'The last administrator must stay one, and enabled.');
      }
      const { name, passwordHash } = change;
      const operator = await tx.operator.update({
        where: { id },
        data: {
          role,
          disabledAt: disabled ? (row.disabledAt ?? new Date()) : null,
          ...(name === undefined ? {} : { name }),
          ...(passwordHash === undefined ? {} : { passwordHash }),
        },
      });
      const endsSessions = role !== row.role || disabled || passwordHash !== undefined;
      const kept = keepSession === undefined ? {} : { NOT: { idHash: new Uint8Array(keepSession) } };
      if (endsSessions) await tx.operatorSession.deleteMany({ where: { operatorId: id, ...kept } });
      if (disabled) await tx.apiToken.deleteMany({ where: { operatorId: id } });
      await writeAudit(tx, author, { action, target: `operator:${id}`, detail: noteOf(change) });
      return { operator: operatorOf(operator), endsSessions };
    });
  }

  async rememberLogin(id: string, at: Date): Promise<void> {
    await this.prisma.client.operator.update({ where: { id }, data: { lastLoginAt: at } });
  }
}

/** Ids of the enabled administrators, locked, so that two of them cannot demote each other at the same time. */
async function lockAdmins(tx: Prisma.TransactionClient, organisationId: string): Promise<string[]> {
  const rows = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM operator
    WHERE organisation_id = ${organisationId}::uuid AND role = 'admin' AND disabled_at IS NULL
    ORDER BY id FOR UPDATE`;
  return rows.map(({ id }) => id);
}

/** What changed, without any trace of the password. */
function noteOf({ passwordHash, ...change }: OperatorChange): Record<string, unknown> {
  const told = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
  return passwordHash === undefined ? told : { ...told, password: 'set' };
}

function recordOf(row: Row): OperatorRecord {
  const { id, name } = row.organisation;
  return { operator: operatorOf(row), organisation: { id, name }, passwordHash: row.passwordHash };
}

export function operatorOf(row: Omit<Row, 'organisation'>): Operator {
  return {
    id: row.id,
    username: row.username,
    name: row.name,
    role: row.role,
    disabled: row.disabledAt !== null,
    createdAt: row.createdAt.toISOString(),
    lastLoginAt: row.lastLoginAt?.toISOString() ?? null,
  };
}
