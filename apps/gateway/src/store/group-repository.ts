import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../kernel/domain-error.js';
import { type Author, writeAudit } from './audit-writer.js';
import { refuseTaken } from './conflict.js';
import type { GroupRecord } from './fleet-repository.js';
import type { Prisma } from './generated/client.js';
import { PrismaService } from './prisma.service.js';

export interface OrganisationRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Date;
}

export interface GroupFields {
  readonly name: string;
  readonly description: string;
  readonly requireApproval: boolean;
}

const FIELDS = {
  id: true,
  name: true,
  description: true,
  requireApproval: true,
  createdAt: true,
  _count: { select: { vehicles: { where: { archivedAt: null } } } },
} as const satisfies Prisma.GroupSelect;

type GroupRow = Prisma.GroupGetPayload<{ select: typeof FIELDS }>;

/** Organisations and the groups of their vehicles. */
@Injectable()
export class GroupRepository {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  async organisation(id: string): Promise<OrganisationRecord | undefined> {
    return (await this.prisma.client.organisation.findUnique({ where: { id } })) ?? undefined;
  }

  renameOrganisation(author: Author, name: string): Promise<OrganisationRecord> {
    return this.prisma.client.$transaction(async (tx) => {
      const row = await tx.organisation.update({ where: { id: author.organisationId }, data: { name } });
      await writeAudit(tx, author, {
        action: 'organisation.changed',
        target: `organisation:${row.id}`,
        detail: { name },
      });
      return row;
    });
  }

  /** In order of their names, behind the name `after`. */
  async groups(organisationId: string, after: string | undefined, limit: number): Promise<GroupRecord[]> {
    const rows = await this.prisma.client.group.findMany({
      where: { organisationId, ...(after === undefined ? {} : { name: { gt: after } }) },
      select: FIELDS,
      orderBy: { name: 'asc' },
      take: limit,
    });
    return rows.map(groupRecord);
  }

  async group(organisationId: string, id: string): Promise<GroupRecord | undefined> {
    const row = await this.prisma.client.group.findUnique({ where: { id, organisationId }, select: FIELDS });
    return row === null ? undefined : groupRecord(row);
  }

  /** Ids of the group's vehicles, without archived ones. */
  async vehicleIds(groupId: string): Promise<string[]> {
    const where = { groupId, archivedAt: null };
    const rows = await this.prisma.client.vehicle.findMany({ where, select: { id: true } });
    return rows.map(({ id }) => id);
  }

  /** @throws DomainError `group-name-taken` */
  create(author: Author, id: string, fields: GroupFields): Promise<void> {
    return this.#withName(fields.name, async (tx) => {
      await tx.group.create({ data: { id, organisationId: author.organisationId, ...fields } });
      await writeAudit(tx, author, { action: 'group.created', target: `group:${id}`, detail: { ...fields } });
    });
  }

  /** @throws DomainError `group-unknown`, `group-name-taken` */
  update(author: Author, id: string, change: Partial<GroupFields>): Promise<void> {
    return this.#withName(change.name ?? '', async (tx) => {
      const { count } = await tx.group.updateMany({
        where: { id, organisationId: author.organisationId },
        data: change,
      });
      if (count === 0) throw groupUnknown();
      await writeAudit(tx, author, { action: 'group.changed', target: `group:${id}`, detail: change });
    });
  }

  /** Archived vehicles leave the group with it. @throws DomainError `group-unknown`, `group-not-empty` */
  delete(author: Author, id: string): Promise<void> {
    return this.prisma.client.$transaction(async (tx) => {
      // A vehicle that is being put into the group holds its row: this waits for it, and then sees it.
      const [row] = await tx.$queryRaw<unknown[]>`
        SELECT 1 FROM vehicle_group
        WHERE id = ${id}::uuid AND organisation_id = ${author.organisationId}::uuid FOR UPDATE`;
      if (row === undefined) throw groupUnknown();
      const count = await tx.vehicle.count({ where: { groupId: id, archivedAt: null } });
      if (count > 0) {
        const message = `The group has ${count} ${count === 1 ? 'vehicle' : 'vehicles'}; move them to another group first.`;
        throw new DomainError('conflict', 'group-not-empty', message);
      }
      await tx.vehicle.updateMany({ where: { groupId: id }, data: { groupId: null } });
      await tx.group.delete({ where: { id } });
      await writeAudit(tx, author, { action: 'group.deleted', target: `group:${id}` });
    });
  }

  #withName<T>(name: string, work: (tx: Prisma.TransactionClient) => Promise<T>): Promise<T> {
    const message = `There is a group "${name}" already.`;
    return refuseTaken('group-name-taken', message, () => this.prisma.client.$transaction(work));
  }
}

export function groupUnknown(): DomainError {
  return new DomainError('not-found', 'group-unknown', 'There is no such group.');
}

function groupRecord({ _count, ...row }: GroupRow): GroupRecord {
  return { ...row, vehicleCount: _count.vehicles };
}
