import type { AuditEntry, Page, PageQuery } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { newId } from '../kernel/ids.js';
import { AuditRepository } from '../store/audit-repository.js';
import { type Actor, actorName } from './actor.js';

/** What was touched, such as `vehicle:018f…`; null for the house as a whole. */
export type AuditTarget = string | null;

/** Who changed what, and when: written once, never changed, read by auditors. */
@Injectable()
export class Audit {
  constructor(@Inject(AuditRepository) private readonly entries: AuditRepository) {}

  /**
   * @param action `<noun>.<verb in the past>`, such as "vehicle.created"
   * @param target `<noun>:<id>`
   * @param detail what is worth knowing about the change; never secrets
   */
  async record(
    actor: Actor,
    action: string,
    target: AuditTarget,
    detail: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const organisation = actor.kind === 'operator' ? actor.organisationId : null;
    await this.entries.add({ id: newId(), actor: actorName(actor), action, target, detail }, organisation);
  }

  /** The newest first. */
  async list(organisationId: string, query: PageQuery): Promise<Page<AuditEntry>> {
    const rows = await this.entries.list(organisationId, query.cursor, query.limit + 1);
    const items = rows.slice(0, query.limit);
    return { items, nextCursor: rows.length > query.limit ? items.at(-1)!.id : null };
  }
}
