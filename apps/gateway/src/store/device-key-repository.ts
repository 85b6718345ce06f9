import { Inject, Injectable } from '@nestjs/common';
import { DomainError } from '../kernel/domain-error.js';
import { type Author, writeAudit } from './audit-writer.js';
import { refuseTaken } from './conflict.js';
import { DEVICE, type DeviceRecord } from './fleet-repository.js';
import type { Prisma } from './generated/client.js';
import { PrismaService } from './prisma.service.js';

/** A device with what its credentials say about where it belongs. */
export interface RegisteredDevice extends DeviceRecord {
  readonly vehicle: {
    readonly id: string;
    readonly name: string;
    readonly overlayHost: number;
    readonly networks: readonly string[];
    readonly organisation: { readonly id: string; readonly name: string };
    /** Those with a data cap. */
    readonly uplinks: readonly { readonly name: string; readonly monthlyCapBytes: bigint | null }[];
  };
}

export interface NextKeys {
  readonly nextIdentityKey: string;
  readonly nextTunnelPublicKey: string | null;
}

export const REGISTERED = {
  ...DEVICE,
  vehicle: {
    select: {
      id: true,
      name: true,
      overlayHost: true,
      networks: true,
      organisation: { select: { id: true, name: true } },
      uplinks: {
        where: { monthlyCapBytes: { not: null } },
        select: { name: true, monthlyCapBytes: true },
        orderBy: { name: 'asc' },
      },
    },
  },
} as const satisfies Prisma.DeviceSelect;

/** Code and sentence of the refusal. */
export const KEY_TAKEN = ['key-taken', 'A device has one of these keys already; make new keys.'] as const;

/** Keys of devices, and how they change: each change one transaction, its audit entry included. */
@Injectable()
export class DeviceKeyRepository {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  async registered(id: string): Promise<RegisteredDevice | undefined> {
    return (await this.prisma.client.device.findUnique({ where: { id }, select: REGISTERED })) ?? undefined;
  }

  /**
   * Writes down the keys that the device will have; its present ones stay good.
   *
   * @throws DomainError `key-taken`, `device-revoked`
   */
  beginRotation(device: RegisteredDevice, next: NextKeys): Promise<RegisteredDevice> {
    return refuseTaken(...KEY_TAKEN, () =>
      this.prisma.client.$transaction(async (tx) => {
        const tunnelKeys = next.nextTunnelPublicKey === null ? [] : [next.nextTunnelPublicKey];
        await requireFreeKeys(tx, device.id, [next.nextIdentityKey], tunnelKeys);
        const { nextIdentityKey, nextTunnelPublicKey } = next;
        await updateActive(tx, device, { nextIdentityKey, nextTunnelPublicKey });
        await writeAudit(tx, authorOfDevice(device.vehicle.organisation.id, device.id), {
          action: 'device.rotation-begun',
          target: `device:${device.id}`,
          detail: { nextTunnelPublicKey },
        });
        return tx.device.findUniqueOrThrow({ where: { id: device.id }, select: REGISTERED });
      }),
    );
  }

  /**
   * The next keys become the device's keys, and the ones before are forgotten.
   *
   * @throws DomainError `key-taken`, `device-revoked`
   */
  finishRotation(device: RegisteredDevice): Promise<RegisteredDevice> {
    const { nextIdentityKey, nextTunnelPublicKey } = device;
    if (nextIdentityKey === null) throw new Error('a rotation ends that never began');
    return refuseTaken(...KEY_TAKEN, () =>
      this.prisma.client.$transaction(async (tx) => {
        await updateActive(tx, device, {
          identityKey: nextIdentityKey,
          ...(nextTunnelPublicKey === null ? {} : { tunnelPublicKey: nextTunnelPublicKey }),
          nextIdentityKey: null,
          nextTunnelPublicKey: null,
        });
        await writeAudit(tx, authorOfDevice(device.vehicle.organisation.id, device.id), {
          action: 'device.rotated',
          target: `device:${device.id}`,
          detail: { tunnelPublicKey: nextTunnelPublicKey ?? device.tunnelPublicKey },
        });
        return tx.device.findUniqueOrThrow({ where: { id: device.id }, select: REGISTERED });
      }),
    );
  }

  async renewed(id: string, now: Date, agentVersion: string): Promise<void> {
    await this.prisma.client.device.updateMany({ where: { id }, data: { credentialsRenewedAt: now, agentVersion } });
  }
}

/** A device as the author of what it does itself. */
export function authorOfDevice(organisationId: string, deviceId: string): Author {
  return { organisationId, name: deviceId };
}

/** Any number that no other advisory lock of ours has. */
const KEY_LOCK = 0x436f7203;

/**
 * A key belongs to one device, be it as its present or its next one. The database makes each column unique; across the two
 * columns this does, one registration at a time.
 */
export async function requireFreeKeys(
  tx: Prisma.TransactionClient,
  deviceId: string | null,
  identityKeys: readonly string[],
  tunnelKeys: readonly string[],
): Promise<void> {
  await tx.$executeRaw`SELECT pg_advisory_xact_lock(${KEY_LOCK}::bigint)`;
  const identity = { in: [...identityKeys] };
  const tunnel = { in: [...tunnelKeys] };
  const taken = await tx.device.findFirst({
    where: {
      OR: [
        { identityKey: identity },
        { tunnelPublicKey: tunnel },
        // The next keys of the device itself may be told again: the answer to the first time was lost.
        {
          ...(deviceId === null ? {} : { id: { not: deviceId } }),
          OR: [{ nextIdentityKey: identity }, { nextTunnelPublicKey: tunnel }],
        },
      ],
    },
    select: { id: true },
  });
  if (taken !== null) throw new DomainError('conflict', ...KEY_TAKEN);
}

/** Changes keys only as long as the device is active and has the identity key that was proven. */
async function updateActive(
  tx: Prisma.TransactionClient,
  device: RegisteredDevice,
  data: Prisma.DeviceUpdateManyMutationInput,
): Promise<void> {
  const { id, identityKey } = device;
  const { count } = await tx.device.updateMany({ where: { id, identityKey, state: 'active' }, data });
  if (count === 0) {
    throw new DomainError(
      'conflict',
      'rotation-overtaken',
      'The device was changed meanwhile; ask for a new challenge.',
    );
  }
}
