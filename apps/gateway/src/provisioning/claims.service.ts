import { createHash, randomBytes } from 'node:crypto';
import {
  type ClaimInfo,
  type CreateClaim,
  type CreatedClaim,
  formatClaim,
  type Page,
  type PageQuery,
} from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { renderSVG } from 'uqr';
import type { z } from 'zod';
import type { OperatorActor } from '../auth/actor.js';
import { GatewayConfig } from '../config/gateway-config.js';
import { authorOf } from '../fleet/author.js';
import { readIdCursor, writeCursor } from '../fleet/cursor.js';
import { FleetService } from '../fleet/fleet.service.js';
import { Clock } from '../kernel/clock.js';
import { newId } from '../kernel/ids.js';
import { KeyRing } from '../kernel/key-ring.js';
import { type ClaimRecord, ClaimRepository } from '../store/claim-repository.js';

/** Guessing a secret of 32 random bytes is hopeless, so a fast hash is enough at rest. */
const SECRET_BYTES = 32;

/** What an operator hands to a Pi so that it may become a vehicle's device: good once, for a while, until revoked. */
@Injectable()
export class ClaimsService {
  constructor(
    @Inject(GatewayConfig) private readonly config: GatewayConfig,
    @Inject(KeyRing) private readonly keys: KeyRing,
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(ClaimRepository) private readonly repository: ClaimRepository,
    @Inject(Clock) private readonly clock: Clock,
  ) {}

  /** The secret is in the answer and nowhere else. @throws DomainError `vehicle-unknown`, `vehicle-archived` */
  async create(actor: OperatorActor, vehicleId: string, request: z.infer<typeof CreateClaim>): Promise<CreatedClaim> {
    const now = this.clock.nowMs();
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    const record = await this.repository.create(authorOf(actor), {
      id: newId(),
      vehicleId,
      secretHash: hashSecret(secret),
      createdAt: new Date(now),
      expiresAt: new Date(now + request.expiresInSeconds * 1000),
    });
    const fingerprint = this.keys.authority?.fingerprint ?? null;
    const claim = formatClaim({ claimId: record.id, secret, fingerprint });
    return { ...claimOf(record, now), claim, ...this.#sheet(claim) };
  }

  /** The newest first. @throws DomainError `vehicle-unknown` */
  async list(organisationId: string, vehicleId: string, query: PageQuery): Promise<Page<ClaimInfo>> {
    await this.fleet.vehicle(vehicleId, organisationId);
    const { limit } = query;
    const records = await this.repository.list(vehicleId, readIdCursor(query.cursor), limit + 1);
    const now = this.clock.nowMs();
    const nextCursor = records.length > limit ? writeCursor(records[limit - 1]!.id) : null;
    return { items: records.slice(0, limit).map((record) => claimOf(record, now)), nextCursor };
  }

  /** @throws DomainError `claim-unknown`, `claim-used` */
  revoke(actor: OperatorActor, id: string): Promise<void> {
    return this.repository.revoke(authorOf(actor), id, new Date(this.clock.nowMs()));
  }

  /** What to type on the Pi, and the same as a QR code for those who would rather not type it. */
  #sheet(claim: string): { command: string; qrSvg: string } {
    const enrol = `${this.config.publicUrl} ${claim}`;
    return { command: `corridor-agent enroll ${enrol}`, qrSvg: renderSVG(enrol, { ecc: 'M', border: 4 }) };
  }
}

/** SHA-256 of a secret as claims carry it. */
export function hashSecret(secret: string): Uint8Array {
  return createHash('sha256').update(Buffer.from(secret, 'base64url')).digest();
}

function claimOf(record: ClaimRecord, nowMs: number): ClaimInfo {
  return {
    id: record.id,
    vehicleId: record.vehicleId,
    state: stateOf(record, nowMs),
    createdAt: record.createdAt.toISOString(),
    expiresAt: record.expiresAt.toISOString(),
    createdBy: record.createdBy,
    usedByDeviceId: record.deviceId,
  };
}

function stateOf({ usedAt, revokedAt, expiresAt }: ClaimRecord, nowMs: number): ClaimInfo['state'] {
  if (usedAt !== null) return 'used';
  if (revokedAt !== null) return 'revoked';
  return expiresAt.getTime() <= nowMs ? 'expired' : 'open';
}
