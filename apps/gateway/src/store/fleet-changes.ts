import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../kernel/domain-error.js';
import { type Author, writeAudit } from './audit-writer.js';
import { refuseTaken } from './conflict.js';
import type { Prisma } from './generated/client.js';
import { PrismaService } from './prisma.service.js';

export interface VehicleFields {
  readonly name: string;
  readonly groupId: string | null;
  readonly notes: string;
  /** In canonical form, and apart from each other. */
  readonly networks: readonly string[];
}

export interface UplinkFields {
  readonly label: string;
  readonly operator: string;
  readonly iccid: string | null;
  readonly monthlyCapBytes: number | null;
}

/** Host numbers of vehicles in the overlay. */
export interface HostRange {
  readonly first: number;
  readonly last: number;
}

/** A vehicle that went, and the devices that went with it. */
export interface Archived {
  readonly deviceIds: readonly string[];
}

/** Changes of vehicles and their uplinks: each one transaction, its audit entry included. */
@Injectable()
export class FleetChanges {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /** @throws DomainError `vehicle-name-taken`, `group-unknown`, `network-taken`, `overlay-full` */
  createVehicle(author: Author, id: string, fields: VehicleFields, hosts: HostRange): Promise<void> {
    return this.#withName(fields.name, async (tx) => {
      await requireGroup(tx, author, fields.groupId);
      await lockAddresses(tx);
      await requireFreeNetworks(tx, author, id, fields.networks);
      const overlayHost = await nextHost(tx, hosts);
      const { networks, ...rest } = fields;
      await tx.vehicle.create({
        data: { id, organisationId: author.organisationId, overlayHost, networks: [...networks], ...rest },
      });
      await writeAudit(tx, author, {
        action: 'vehicle.created',
        target: `vehicle:${id}`,
        detail: { ...fields, overlayHost },
      });
    });
  }

  /**
   * Of an archived vehicle, name and notes may change, so that its name gets free.
   *
   * @throws DomainError `vehicle-unknown`, `vehicle-archived`, `vehicle-name-taken`, `group-unknown`, `network-taken`
   */
  updateVehicle(author: Author, id: string, change: Partial<VehicleFields>): Promise<void> {
    return this.#withName(change.name ?? '', async (tx) => {
      const archived = await holdVehicle(tx, author, id);
      if (archived && (change.groupId !== undefined || change.networks !== undefined)) throw vehicleArchived();
      await requireGroup(tx, author, change.groupId ?? null);
      const { networks, ...rest } = change;
      if (networks !== undefined) {
        await lockAddresses(tx);
        await requireFreeNetworks(tx, author, id, networks);
      }
      await tx.vehicle.update({
        where: { id },
        data: { ...rest, ...(networks === undefined ? {} : { networks: [...networks] }) },
      });
      await writeAudit(tx, author, { action: 'vehicle.changed', target: `vehicle:${id}`, detail: change });
    });
  }

  /** Ends the vehicle's devices and open claims too. @throws DomainError `vehicle-unknown`, `vehicle-archived` */
  archiveVehicle(author: Author, id: string, now: Date): Promise<Archived> {
    return this.prisma.client.$transaction(async (tx) => {
      await lockVehicle(tx, author, id);
      const ended = await tx.device.updateManyAndReturn({
        where: { vehicleId: id, state: { not: 'revoked' } },
        data: { state: 'revoked', revokedAt: now, revokedReason: 'vehicle archived' },
        select: { id: true },
      });
      await tx.claim.updateMany({ where: { vehicleId: id, usedAt: null, revokedAt: null }, data: { revokedAt: now } });
      await tx.vehicle.update({ where: { id }, data: { archivedAt: now } });
      const deviceIds = ended.map((device) => device.id);
      await writeAudit(tx, author, { action: 'vehicle.archived', target: `vehicle:${id}`, detail: { deviceIds } });
      return { deviceIds };
    });
  }

  /** Answers the uplink's id: `newId` if it is new. @throws DomainError `vehicle-unknown`, `vehicle-archived` */
  putUplink(author: Author, vehicleId: string, name: string, newId: string, fields: UplinkFields): Promise<string> {
    return this.prisma.client.$transaction(async (tx) => {
      await lockVehicle(tx, author, vehicleId);
      const { monthlyCapBytes: cap, ...rest } = fields;
      const data = { ...rest, monthlyCapBytes: cap === null ? null : BigInt(cap) };
      const { id } = await tx.uplink.upsert({
        where: { vehicleId_name: { vehicleId, name } },
        create: { id: newId, vehicleId, name, ...data },
        update: data,
      });
      await writeAudit(tx, author, {
        action: 'uplink.set',
        target: `vehicle:${vehicleId}`,
        detail: { name, ...fields },
      });
      return id;
    });
  }

  /** @throws DomainError `vehicle-unknown`, `vehicle-archived`, `uplink-unknown` */
  deleteUplink(author: Author, vehicleId: string, name: string): Promise<void> {
    return this.prisma.client.$transaction(async (tx) => {
      await lockVehicle(tx, author, vehicleId);
      const { count } = await tx.uplink.deleteMany({ where: { vehicleId, name } });
      if (count === 0) throw new DomainError('not-found', 'uplink-unknown', `The vehicle has no uplink "${name}".`);
      await writeAudit(tx, author, { action: 'uplink.deleted', target: `vehicle:${vehicleId}`, detail: { name } });
    });
  }

  #withName<T>(name: string, work: (tx: Prisma.TransactionClient) => Promise<T>): Promise<T> {
    const message = `There is a vehicle "${name}" already; archived vehicles keep their names until they are renamed.`;
    return refuseTaken('vehicle-name-taken', message, () => this.prisma.client.$transaction(work));
  }
}

/**
 * Holds the row to the end of the transaction, so that archiving, enrolling and changing one vehicle happen one after the
 * other.
 *
 * @throws DomainError `vehicle-unknown`, `vehicle-archived`
 */
export async function lockVehicle(tx: Prisma.TransactionClient, author: Author, id: string): Promise<void> {
  if (await holdVehicle(tx, author, id)) throw vehicleArchived();
}

/** Likewise; answers whether the vehicle is archived. */
async function holdVehicle(tx: Prisma.TransactionClient, author: Author, id: string): Promise<boolean> {
  const [row] = await tx.$queryRaw<{ archived: boolean }[]>`
    SELECT archived_at IS NOT NULL AS archived FROM vehicle
    WHERE id = ${id}::uuid AND organisation_id = ${author.organisationId}::uuid FOR UPDATE`;
  if (row === undefined) throw new DomainError('not-found', 'vehicle-unknown', 'There is no such vehicle.');
  return row.archived;
}

function vehicleArchived(): DomainError {
  return new DomainError('conflict', 'vehicle-archived', 'The vehicle is archived.');
}

/** One key for everything that hands out addresses: any number will do that no other lock of ours has. */
const ADDRESS_LOCK = 0x436f7202;

/** Host numbers and networks are given out one vehicle at a time. Taken after the vehicle's row, always, or they deadlock. */
async function lockAddresses(tx: Prisma.TransactionClient): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${ADDRESS_LOCK}::bigint)`;
}

/** The number behind the highest in use, or, at the end of the range, the lowest that is free. */
async function nextHost(tx: Prisma.TransactionClient, { first, last }: HostRange): Promise<number> {
  const { _max } = await tx.vehicle.aggregate({ _max: { overlayHost: true } });
  const next = Math.max(first, (_max.overlayHost ?? 0) + 1);
  if (next <= last) return next;
  const [gap] = await tx.$queryRaw<{ host: number }[]>`
    SELECT host FROM generate_series(${first}::int, ${last}::int) AS host
    WHERE NOT EXISTS (SELECT 1 FROM vehicle WHERE overlay_host = host) ORDER BY host LIMIT 1`;
  if (gap !== undefined) return gap.host;
  throw new DomainError(
    'conflict',
    'overlay-full',
    `The overlay holds ${last - first + 1} vehicles, and all are there.`,
  );
}

async function requireGroup(tx: Prisma.TransactionClient, author: Author, groupId: string | null): Promise<void> {
  if (groupId === null) return;
  // Held, so that the group is still there at the end of the transaction.
  const [group] = await tx.$queryRaw<unknown[]>`
    SELECT 1 FROM vehicle_group WHERE id = ${groupId}::uuid AND organisation_id = ${author.organisationId}::uuid
    FOR KEY SHARE`;
  if (group === undefined) throw new DomainError('not-found', 'group-unknown', 'There is no such group.');
}

/** All vehicles share one routing table, so a network may be behind one of them only, whatever the organisation. */
async function requireFreeNetworks(
  tx: Prisma.TransactionClient,
  author: Author,
  vehicleId: string,
  networks: readonly string[],
): Promise<void> {
  if (networks.length === 0) return;
  const [clash] = await tx.$queryRaw<{ mine: string; theirs: string; name: string; foreign: boolean }[]>`
    SELECT mine.net AS mine, theirs.net AS theirs, vehicle.name,
           vehicle.organisation_id <> ${author.organisationId}::uuid AS foreign
    FROM vehicle
    CROSS JOIN LATERAL unnest(vehicle.networks) AS theirs (net)
    JOIN unnest(${[...networks]}::text[]) AS mine (net) ON mine.net::inet && theirs.net::inet
    WHERE vehicle.archived_at IS NULL AND vehicle.id <> ${vehicleId}::uuid
    LIMIT 1`;
  if (clash === undefined) return;
  const whose = clash.foreign ? 'a vehicle of another organisation' : `"${clash.name}" (${clash.theirs})`;
  throw new DomainError('conflict', 'network-taken', `The network ${clash.mine} overlaps one of ${whose}.`);
}
