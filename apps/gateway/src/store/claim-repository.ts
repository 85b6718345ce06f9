import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../kernel/domain-error.js';
import { type Author, writeAudit } from './audit-writer.js';
import { lockVehicle } from './fleet-changes.js';
import type { Prisma } from './generated/client.js';
import { PrismaService } from './prisma.service.js';

export interface ClaimRecord {
  readonly id: string;
  readonly vehicleId: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly usedAt: Date | null;
  readonly revokedAt: Date | null;
  readonly deviceId: string | null;
}

export interface NewClaim {
  readonly id: string;
  readonly vehicleId: string;
  /** SHA-256 of the secret. */
  readonly secretHash: Uint8Array;
  readonly createdAt: Date;
  readonly expiresAt: Date;
}

/** Everything but the hash. */
const CLAIM = {
  id: true,
  vehicleId: true,
  createdBy: true,
  createdAt: true,
  expiresAt: true,
  usedAt: true,
  revokedAt: true,
  deviceId: true,
} as const satisfies Prisma.ClaimSelect;

/** Claims as operators make, see and revoke them; how they are used is in the provisioning repository. */
@Injectable()
export class ClaimRepository {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** @throws DomainError `vehicle-unknown`, `vehicle-archived` */
  create(author: Author, claim: NewClaim): Promise<ClaimRecord> {
    return this.prisma.client.$transaction(async (tx) => {
      await lockVehicle(tx, author, claim.vehicleId);
      const data = { ...claim, secretHash: Uint8Array.from(claim.secretHash), createdBy: author.name };
      const record = await tx.claim.create({ data, select: CLAIM });
      const detail = { vehicleId: claim.vehicleId, expiresAt: claim.expiresAt.toISOString() };
      await writeAudit(tx, author, { action: 'claim.created', target: `claim:${claim.id}`, detail });
      return record;
    });
  }

  /** The newest first, older than the id `before`. */
  list(vehicleId: string, before: string | undefined, limit: number): Promise<ClaimRecord[]> {
    const where = { vehicleId, ...(before === undefined ? {} : { id: { lt: before } }) };
    return this.prisma.client.claim.findMany({ where, select: CLAIM, orderBy: { id: 'desc' }, take: limit });
  }

  /**
   * Revoking it again changes nothing.
   *
   * @throws DomainError `claim-unknown`, or `claim-used`: then it is the device that has to be revoked
   */
  revoke(author: Author, id: string, now: Date): Promise<void> {
    return this.prisma.client.$transaction(async (tx) => {
      const own = { id, vehicle: { organisationId: author.organisationId } };
      const { count } = await tx.claim.updateMany({
        where: { ...own, usedAt: null, revokedAt: null },
        data: { revokedAt: now },
      });
      if (count === 1) {
        await writeAudit(tx, author, { action: 'claim.revoked', target: `claim:${id}` });
        return;
      }
      const claim = await tx.claim.findUnique({ where: own, select: CLAIM });
      if (claim === null) throw new DomainError('not-found', 'claim-unknown', 'There is no such claim.');
      if (claim.usedAt !== null) {
        throw new DomainError('conflict', 'claim-used', 'The claim was used; revoke the device that used it instead.');
      }
    });
  }
}
