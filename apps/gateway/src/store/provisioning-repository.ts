import { timingSafeEqual } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../kernel/domain-error.js';
import { type Author, writeAudit } from './audit-writer.js';
import { refuseTaken } from './conflict.js';
import { authorOfDevice, KEY_TAKEN, REGISTERED, requireFreeKeys } from './device-key-repository.js';
import { DEVICE, type DeviceRecord } from './fleet-repository.js';
import type { Prisma } from './generated/client.js';
import { PrismaService } from './prisma.service.js';

/** What a Pi brings, its signature already verified; keys in canonical form. */
export interface Enrolment {
  readonly claimId: string;
  /** SHA-256 of the secret that it showed. */
  readonly secretHash: Uint8Array;
  readonly identityKey: string;
  readonly tunnelPublicKey: string;
  readonly hostname: string;
  readonly model: string;
  readonly agentVersion: string;
}

export interface Enrolled {
  readonly device: DeviceRecord;
  /** Devices of the vehicle that ended with it. */
  readonly replaced: readonly string[];
  /** The same Pi with the same claim again: its first answer was lost. */
  readonly again: boolean;
}

/** Compared with where there is no claim, so that this takes as long as a wrong secret. */
const NO_HASH = new Uint8Array(32);

/** How devices come and go: each one transaction, its audit entry included. */
@Injectable()
export class ProvisioningRepository {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /**
   * Uses the claim and creates the device, or does neither. Of many that use one claim at once, one wins.
   *
   * @param deviceId of the device, should it be created
   * @throws DomainError `claim-unknown`, `claim-used`, `claim-expired`, `claim-revoked`, `key-taken`
   */
  enrol(request: Enrolment, deviceId: string, now: Date): Promise<Enrolled> {
    return refuseTaken(...KEY_TAKEN, () =>
      this.prisma.client.$transaction(async (tx) => {
        const vehicle = await vehicleOfClaim(tx, request);
        const used = await tx.claim.updateMany({
          where: { id: request.claimId, usedAt: null, revokedAt: null, expiresAt: { gt: now } },
          data: { usedAt: now },
        });
        if (used.count === 0) return repeated(tx, request, now);
        await requireFreeKeys(tx, null, [request.identityKey], [request.tunnelPublicKey]);
        const state = vehicle.requireApproval ? 'pending' : 'active';
        const replaced = await revokeOthers(tx, vehicle.id, state, now);
        const { claimId, secretHash: _, ...fields } = request;
        const device = await tx.device.create({
          data: { id: deviceId, vehicleId: vehicle.id, state, enrolledAt: now, ...fields },
          select: DEVICE,
        });
        await tx.claim.update({ where: { id: claimId }, data: { deviceId } });
        const { hostname, model, agentVersion } = request;
        await writeAudit(tx, authorOfDevice(vehicle.organisationId, deviceId), {
          action: 'device.enrolled',
          target: `device:${deviceId}`,
          detail: { vehicleId: vehicle.id, claimId, state, hostname, model, agentVersion, replaced },
        });
        return { device, replaced, again: false };
      }),
    );
  }

  /** @throws DomainError `device-unknown`, `device-not-pending` */
  approve(author: Author, id: string, now: Date): Promise<{ device: DeviceRecord; replaced: readonly string[] }> {
    return this.prisma.client.$transaction(async (tx) => {
      const { vehicleId, state } = await lockDevice(tx, author, id);
      if (state !== 'pending') {
        throw new DomainError(
          'conflict',
          'device-not-pending',
          `The device is ${state}; only a pending one is approved.`,
        );
      }
      const replaced = await revokeOthers(tx, vehicleId, 'active', now, id);
      const data = { state: 'active', approvedAt: now, approvedBy: author.name } as const;
      const device = await tx.device.update({ where: { id }, data, select: DEVICE });
      const detail = { vehicleId, replaced };
      await writeAudit(tx, author, { action: 'device.approved', target: `device:${id}`, detail });
      return { device, replaced };
    });
  }

  /** Revoking it again changes nothing. @throws DomainError `device-unknown` */
  revoke(author: Author, id: string, reason: string, now: Date): Promise<DeviceRecord> {
    return this.prisma.client.$transaction(async (tx) => {
      const { vehicleId, state } = await lockDevice(tx, author, id);
      if (state === 'revoked') return tx.device.findUniqueOrThrow({ where: { id }, select: DEVICE });
      const data = { ...REVOKED, revokedAt: now, revokedReason: reason };
      const device = await tx.device.update({ where: { id }, data, select: DEVICE });
      const detail = { vehicleId, reason };
      await writeAudit(tx, author, { action: 'device.revoked', target: `device:${id}`, detail });
      return device;
    });
  }

  /** The device revokes itself; authenticated, so it is there. */
  async leave(id: string, reason: string, now: Date): Promise<DeviceRecord> {
    const { vehicle } = await this.prisma.client.device.findUniqueOrThrow({ where: { id }, select: REGISTERED });
    return this.revoke(authorOfDevice(vehicle.organisation.id, id), id, reason, now);
  }
}

/** What a revoked device keeps is its history; keys that it never proved go. */
const REVOKED = { state: 'revoked', nextIdentityKey: null, nextTunnelPublicKey: null } as const;

interface ClaimedVehicle {
  readonly id: string;
  readonly organisationId: string;
  readonly requireApproval: boolean;
}

/** The vehicle of a claim whose secret the Pi knows, its row held to the end of the transaction. */
async function vehicleOfClaim(tx: Prisma.TransactionClient, request: Enrolment): Promise<ClaimedVehicle> {
  const claim = await tx.claim.findUnique({
    where: { id: request.claimId },
    select: { secretHash: true, vehicleId: true },
  });
  const known = timingSafeEqual(request.secretHash, claim?.secretHash ?? NO_HASH);
  if (claim === null || !known) {
    throw new DomainError('unauthenticated', 'claim-unknown', 'There is no such claim, or its secret is another.');
  }
  await tx.$queryRaw`SELECT 1 FROM vehicle WHERE id = ${claim.vehicleId}::uuid FOR UPDATE`;
  const { group, ...vehicle } = await tx.vehicle.findUniqueOrThrow({
    where: { id: claim.vehicleId },
    select: { id: true, organisationId: true, group: { select: { requireApproval: true } } },
  });
  return { ...vehicle, requireApproval: group?.requireApproval ?? false };
}

/** Why the claim could not be used; unless it was by this very Pi, whose answer was lost on the way. */
async function repeated(tx: Prisma.TransactionClient, request: Enrolment, now: Date): Promise<Enrolled> {
  const { usedAt, revokedAt, expiresAt, device } = await tx.claim.findUniqueOrThrow({
    where: { id: request.claimId },
    select: { usedAt: true, revokedAt: true, expiresAt: true, device: { select: DEVICE } },
  });
  if (usedAt !== null) {
    const same =
      device?.identityKey === request.identityKey &&
      device.tunnelPublicKey === request.tunnelPublicKey &&
      device.state !== 'revoked';
    if (same) return { device, replaced: [], again: true };
    throw new DomainError('gone', 'claim-used', `The claim was used at ${usedAt.toISOString()}; ask for a new one.`);
  }
  if (revokedAt !== null) {
    throw new DomainError('gone', 'claim-revoked', `The claim was revoked at ${revokedAt.toISOString()}.`);
  }
  if (expiresAt <= now) {
    throw new DomainError(
      'gone',
      'claim-expired',
      `The claim expired at ${expiresAt.toISOString()}; ask for a new one.`,
    );
  }
  throw new Error('a claim is neither used nor revoked nor expired, and yet cannot be used');
}

/**
 * Ends what the new device replaces: others that wait always, the active one only when this one becomes active itself, so
 * that a vehicle is not cut off by a Pi that nobody has approved.
 */
async function revokeOthers(
  tx: Prisma.TransactionClient,
  vehicleId: string,
  state: 'pending' | 'active',
  now: Date,
  except?: string,
): Promise<string[]> {
  const ended = await tx.device.updateManyAndReturn({
    where: {
      vehicleId,
      state: state === 'active' ? { in: ['pending', 'active'] } : 'pending',
      ...(except === undefined ? {} : { id: { not: except } }),
    },
    data: { ...REVOKED, revokedAt: now, revokedReason: 'replaced by another device' },
    select: { id: true },
  });
  return ended.map(({ id }) => id);
}

interface LockedDevice {
  readonly vehicleId: string;
  readonly state: DeviceRecord['state'];
}

/** The vehicle's row first, as everywhere: enrolling, approving, revoking and archiving happen one after the other. */
async function lockDevice(tx: Prisma.TransactionClient, author: Author, id: string): Promise<LockedDevice> {
  await tx.$queryRaw`
    SELECT 1 FROM vehicle WHERE id = (SELECT vehicle_id FROM device WHERE id = ${id}::uuid)
    AND organisation_id = ${author.organisationId}::uuid FOR UPDATE`;
  const where = { id, vehicle: { organisationId: author.organisationId } };
  const device = await tx.device.findUnique({ where, select: { vehicleId: true, state: true } });
  if (device === null) throw new DomainError('not-found', 'device-unknown', 'There is no such device.');
  return device;
}
