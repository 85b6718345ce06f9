import type { Prisma } from './generated/client.js';

/** Who makes a change, and in which organisation: what repositories are told about their caller. */
export interface Author {
  readonly organisationId: string;
  /** Username, device id, or "system". */
  readonly name: string;
}

export interface AuditNote {
  /** `<noun>.<verb in the past>`, such as "vehicle.created". */
  readonly action: string;
  /** `<noun>:<id>` of what was changed. */
  readonly target: string;
  /** What is worth knowing about the change. Never a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Writes into the transaction that makes the change: there is no change without its entry, and no entry without its change. */
export async function writeAudit(tx: Prisma.TransactionClient, author: Author, note: AuditNote): Promise<void> {
  const { action, target, detail = {} } = note;
  await tx.auditEntry.create({
    data: {
      organisationId: author.organisationId,
      actor: author.name,
      action,
      target,
      detail: detail as Prisma.InputJsonObject,
    },
  });
}
