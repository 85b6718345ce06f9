import { Inject, Injectable } from '@nestjs/common';
import type { Prisma } from './generated/client.js';
import { PrismaService } from './prisma.service.js';

export interface GroupRecord {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly requireApproval: boolean;
  /** Without archived ones. */
  readonly vehicleCount: number;
  readonly createdAt: Date;
}

export interface UplinkRecord {
  readonly id: string;
  readonly name: string;
  readonly label: string;
  readonly operator: string;
  readonly iccid: string | null;
  readonly monthlyCapBytes: number | null;
}

export interface DeviceRecord {
  readonly id: string;
  readonly vehicleId: string;
  readonly state: 'pending' | 'active' | 'revoked';
  readonly hostname: string;
  readonly model: string;
  readonly agentVersion: string;
  readonly identityKey: string;
  readonly tunnelPublicKey: string;
  readonly nextIdentityKey: string | null;
  readonly nextTunnelPublicKey: string | null;
  readonly enrolledAt: Date;
  readonly approvedAt: Date | null;
  readonly revokedAt: Date | null;
  readonly revokedReason: string | null;
  readonly credentialsRenewedAt: Date | null;
}

export interface VehicleRecord {
  readonly id: string;
  readonly organisationId: string;
  readonly name: string;
  readonly group: { readonly id: string; readonly name: string } | null;
  readonly notes: string;
  readonly overlayHost: number;
  readonly networks: readonly string[];
  readonly createdAt: Date;
  readonly archivedAt: Date | null;
  /** The one that waits for approval, otherwise the active one, otherwise the last one revoked. */
  readonly device: DeviceRecord | null;
  readonly uplinks: readonly UplinkRecord[];
}

/** A device with what the data plane needs of its vehicle. */
export interface ActiveDeviceRecord {
  readonly id: string;
  readonly tunnelPublicKey: string;
  readonly nextTunnelPublicKey: string | null;
  readonly vehicle: {
    readonly id: string;
    readonly name: string;
    readonly overlayHost: number;
    readonly networks: readonly string[];
  };
}

export interface VehicleFilter {
  readonly organisationId: string;
  readonly archived: boolean;
  /** Part of the name, in any case. */
  readonly search?: string | undefined;
  readonly groupId?: string | undefined;
}

export interface DeviceFilter {
  readonly organisationId: string;
  readonly vehicleId?: string | undefined;
  readonly state?: DeviceRecord['state'] | undefined;
}

/** Columns of a device record. */
export const DEVICE = {
  id: true,
  vehicleId: true,
  state: true,
  hostname: true,
  model: true,
  agentVersion: true,
  identityKey: true,
  tunnelPublicKey: true,
  nextIdentityKey: true,
  nextTunnelPublicKey: true,
  enrolledAt: true,
  approvedAt: true,
  revokedAt: true,
  revokedReason: true,
  credentialsRenewedAt: true,
} as const satisfies Prisma.DeviceSelect;

const ACTIVE_DEVICE = {
  id: true,
  tunnelPublicKey: true,
  nextTunnelPublicKey: true,
  vehicle: { select: { id: true, name: true, overlayHost: true, networks: true } },
} as const satisfies Prisma.DeviceSelect;

const WITH_PARTS = {
  group: { select: { id: true, name: true } },
  uplinks: { orderBy: { name: 'asc' } },
  // States sort as they are declared: one that waits for approval, then the active one, then the last one revoked.
  devices: { select: DEVICE, orderBy: [{ state: 'asc' }, { id: 'desc' }], take: 1 },
} as const satisfies Prisma.VehicleInclude;

type VehicleRow = Prisma.VehicleGetPayload<{ include: typeof WITH_PARTS }>;

/** Rows of the registry as records of our own. */
@Injectable()
export class FleetRepository {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  async vehicle(id: string, organisationId?: string): Promise<VehicleRecord | undefined> {
    const where = organisationId === undefined ? { id } : { id, organisationId };
    const row = await this.prisma.client.vehicle.findUnique({ where, include: WITH_PARTS });
    return row === null ? undefined : vehicleRecord(row);
  }

  /** In order of their names, behind the name `after`. */
  async vehicles(
    filter: VehicleFilter,
    after: string | undefined,
    limit: number | undefined,
  ): Promise<VehicleRecord[]> {
    const rows = await this.prisma.client.vehicle.findMany({
      where: whereVehicle(filter, after),
      include: WITH_PARTS,
      orderBy: { name: 'asc' },
      ...(limit === undefined ? {} : { take: limit }),
    });
    return rows.map(vehicleRecord);
  }

  /** Likewise, only their ids. */
  vehicleKeys(filter: VehicleFilter, after: string | undefined): Promise<{ id: string }[]> {
    const where = whereVehicle(filter, after);
    return this.prisma.client.vehicle.findMany({ where, select: { id: true }, orderBy: { name: 'asc' } });
  }

  async vehiclesById(ids: readonly string[]): Promise<VehicleRecord[]> {
    const where = { id: { in: [...ids] } };
    const rows = await this.prisma.client.vehicle.findMany({ where, include: WITH_PARTS, orderBy: { name: 'asc' } });
    return rows.map(vehicleRecord);
  }

  /** The highest host number of any vehicle; 0 without vehicles. */
  async highestHost(): Promise<number> {
    const { _max } = await this.prisma.client.vehicle.aggregate({ _max: { overlayHost: true } });
    return _max.overlayHost ?? 0;
  }

  activeDevices(): Promise<ActiveDeviceRecord[]> {
    const where: Prisma.DeviceWhereInput = { state: 'active', vehicle: { archivedAt: null } };
    return this.prisma.client.device.findMany({ where, select: ACTIVE_DEVICE, orderBy: { id: 'asc' } });
  }

  async activeDeviceOfVehicle(vehicleId: string): Promise<ActiveDeviceRecord | undefined> {
    const where: Prisma.DeviceWhereInput = { state: 'active', vehicleId, vehicle: { archivedAt: null } };
    return (await this.prisma.client.device.findFirst({ where, select: ACTIVE_DEVICE })) ?? undefined;
  }

  async device(id: string, organisationId: string): Promise<DeviceRecord | undefined> {
    const where = { id, vehicle: { organisationId } };
    return (await this.prisma.client.device.findUnique({ where, select: DEVICE })) ?? undefined;
  }

  /** The newest first, behind (so older than) the id `before`. */
  devices(filter: DeviceFilter, before: string | undefined, limit: number): Promise<DeviceRecord[]> {
    const { organisationId, vehicleId, state } = filter;
    return this.prisma.client.device.findMany({
      where: {
        vehicle: { organisationId },
        ...(vehicleId === undefined ? {} : { vehicleId }),
        ...(state === undefined ? {} : { state }),
        ...(before === undefined ? {} : { id: { lt: before } }),
      },
      select: DEVICE,
      orderBy: { id: 'desc' },
      take: limit,
    });
  }
}

function whereVehicle(filter: VehicleFilter, after: string | undefined): Prisma.VehicleWhereInput {
  const { organisationId, archived, search, groupId } = filter;
  return {
    organisationId,
    archivedAt: archived ? { not: null } : null,
    ...(search === undefined ? {} : { AND: { name: { contains: literal(search), mode: 'insensitive' } } }),
    ...(groupId === undefined ? {} : { groupId }),
    ...(after === undefined ? {} : { name: { gt: after } }),
  };
}

/** `contains` becomes LIKE, in which % and _ stand for anything unless they are escaped. */
function literal(text: string): string {
  return text.replace(/[\\%_]/g, '\\$&');
}

function vehicleRecord({ devices, uplinks, groupId: _, policyVersion: __, ...row }: VehicleRow): VehicleRecord {
  return { ...row, device: devices[0] ?? null, uplinks: uplinks.map(uplinkRecord) };
}

/** Byte counts fit a double's integers: 2^53 bytes are nine petabytes. */
export function uplinkRecord({ monthlyCapBytes, vehicleId: _, ...row }: VehicleRow['uplinks'][number]): UplinkRecord {
  return { ...row, monthlyCapBytes: monthlyCapBytes === null ? null : Number(monthlyCapBytes) };
}
