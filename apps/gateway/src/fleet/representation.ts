import { createHash } from 'node:crypto';
import {
  canonicalJson,
  type Device,
  type Group,
  type Uplink,
  type Vehicle,
  type VehicleStatus,
} from '@corridor/contracts';
import type { ActiveDevice } from '../kernel/domain-events.js';
import type {
  ActiveDeviceRecord,
  DeviceRecord,
  GroupRecord,
  UplinkRecord,
  VehicleRecord,
} from '../store/fleet-repository.js';
import type { Overlay } from './overlay.js';

/** Stored records as the API shows them. */
export function vehicleOf(record: VehicleRecord, overlay: Overlay, status: VehicleStatus): Vehicle {
  return {
    id: record.id,
    name: record.name,
    group: record.group,
    notes: record.notes,
    overlayAddresses: overlay.addresses(record.overlayHost),
    networks: [...record.networks],
    createdAt: record.createdAt.toISOString(),
    archivedAt: instant(record.archivedAt),
    device: record.device === null ? null : deviceOf(record.device),
    uplinks: record.uplinks.map(uplinkOf),
    status,
  };
}

export function deviceOf(record: DeviceRecord): Device {
  return {
    id: record.id,
    vehicleId: record.vehicleId,
    state: record.state,
    hostname: record.hostname,
    model: record.model,
    agentVersion: record.agentVersion,
    identityKeyThumbprint: thumbprintOf(record.identityKey),
    tunnelPublicKey: record.tunnelPublicKey,
    enrolledAt: record.enrolledAt.toISOString(),
    approvedAt: instant(record.approvedAt),
    revokedAt: instant(record.revokedAt),
    revokedReason: record.revokedReason,
    credentialsRenewedAt: instant(record.credentialsRenewedAt),
  };
}

export function groupOf(record: GroupRecord): Group {
  return { ...record, createdAt: record.createdAt.toISOString() };
}

export function uplinkOf(record: UplinkRecord): Uplink {
  return { ...record };
}

/** What the data plane and the broker need to know of a device that may take part. */
export function activeDeviceOf(record: ActiveDeviceRecord, overlay: Overlay): ActiveDevice {
  const { nextTunnelPublicKey: next } = record;
  return {
    deviceId: record.id,
    vehicleId: record.vehicle.id,
    vehicleName: record.vehicle.name,
    tunnelPublicKeys: next === null ? [record.tunnelPublicKey] : [record.tunnelPublicKey, next],
    prefixes: [...overlay.hostPrefixes(record.vehicle.overlayHost), ...record.vehicle.networks],
  };
}

/** RFC 7638 of an Ed25519 key given as the `x` of its JWK: its required members in order, hashed. */
export function thumbprintOf(x: string): string {
  return createHash('sha256')
    .update(canonicalJson({ crv: 'Ed25519', kty: 'OKP', x }))
    .digest('base64url');
}

function instant(date: Date | null): string | null {
  return date === null ? null : date.toISOString();
}
