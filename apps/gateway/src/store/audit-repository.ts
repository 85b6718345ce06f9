import type { AuditEntry } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import type { Prisma } from './generated/client.js';
import { PrismaService } from './prisma.service.js';

export interface NewAuditEntry {
  readonly id: string;
  readonly actor: string;
  readonly action: string;
  readonly target: string | null;
  readonly detail: Readonly<Record<string, unknown>>;
}

@Injectable()
export class AuditRepository {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** @param organisationId null: what the system did belongs to the oldest organisation, which the first start made */
  async add(entry: NewAuditEntry, organisationId: string | null): Promise<void> {
    const owner = organisationId ?? (await this.#oldestOrganisation());
    await this.prisma.client.auditEntry.create({
      data: { ...entry, detail: entry.detail as Prisma.InputJsonObject, organisationId: owner },
    });
  }

  /** The newest first, behind the entry `before`. */
  async list(organisationId: string, before: string | undefined, limit: number): Promise<AuditEntry[]> {
    const rows = await this.prisma.client.auditEntry.findMany({
      where: { organisationId, ...(before === undefined ? {} : { id: { lt: before } }) },
      orderBy: { id: 'desc' },
      take: limit,
    });
    return rows.map(({ id, at, actor, action, target, detail }) => ({
      id,
      at: at.toISOString(),
      actor,
      action,
      target,
      detail: detail as Record<string, unknown>,
    }));
  }

  async #oldestOrganisation(): Promise<string> {
    const { id } = await this.prisma.client.organisation.findFirstOrThrow({ orderBy: { createdAt: 'asc' } });
    return id;
  }
}
