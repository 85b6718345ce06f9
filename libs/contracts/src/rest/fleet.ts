import { z } from 'zod';
import { CidrPrefix, Id, Instant, LinkName, Name } from '../primitives.js';
import { PageQuery } from './common.js';
import { Liveness, VehicleStatus } from './status.js';

export const Organisation = z.looseObject({ id: Id, name: Name, createdAt: Instant });
export type Organisation = z.infer<typeof Organisation>;
export const UpdateOrganisation = z.looseObject({ name: Name });

export const Group = z.looseObject({
  id: Id,
  name: Name,
  description: z.string().max(500),
  /** Devices of this group's vehicles need an operator's approval. */
  requireApproval: z.boolean(),
  vehicleCount: z.int().min(0),
  createdAt: Instant,
});
export type Group = z.infer<typeof Group>;
export const CreateGroup = z.looseObject({
  name: Name,
  description: z.string().max(500).default(''),
  requireApproval: z.boolean().default(false),
});
export const UpdateGroup = z.looseObject({
  name: Name.optional(),
  description: z.string().max(500).optional(),
  requireApproval: z.boolean().optional(),
});

export const DeviceState = z.enum(['pending', 'active', 'revoked']);
export type DeviceState = z.infer<typeof DeviceState>;

export const Device = z.looseObject({
  id: Id,
  vehicleId: Id,
  state: DeviceState,
  hostname: z.string(),
  model: z.string(),
  agentVersion: z.string(),
  /** RFC 7638 thumbprint of the identity key. */
  identityKeyThumbprint: z.string(),
  tunnelPublicKey: z.string(),
  enrolledAt: Instant,
  approvedAt: Instant.nullable(),
  revokedAt: Instant.nullable(),
  revokedReason: z.string().nullable(),
  credentialsRenewedAt: Instant.nullable(),
});
export type Device = z.infer<typeof Device>;
export const RevokeDevice = z.looseObject({ reason: z.string().trim().min(1, 'expected a reason').max(200) });

/** What people know about an uplink; what it measures is in the vehicle's status. */
export const Uplink = z.looseObject({
  id: Id,
  /** Interface name in the vehicle. */
  name: LinkName,
  label: z.string().max(80),
  /** Such as "Telekom". */
  operator: z.string().max(80),
  /** Of the SIM: 18 to 20 digits. */
  iccid: z.string().nullable(),
  monthlyCapBytes: z.int().min(0).nullable(),
});
export type Uplink = z.infer<typeof Uplink>;
export const PutUplink = z.looseObject({
  label: z.string().max(80).default(''),
  operator: z.string().max(80).default(''),
  iccid: z
    .string()
    .regex(/^\d{18,20}$/, 'expected 18 to 20 digits')
    .nullable()
    .default(null),
  monthlyCapBytes: z.int().min(0).nullable().default(null),
});

export const Vehicle = z.looseObject({
  id: Id,
  name: Name,
  group: z.looseObject({ id: Id, name: Name }).nullable(),
  notes: z.string(),
  /** Inside the tunnel, assigned once and kept, such as "10.77.0.2". */
  overlayAddresses: z.array(z.string()),
  /** Networks behind the vehicle, in CIDR notation. */
  networks: z.array(CidrPrefix),
  createdAt: Instant,
  archivedAt: Instant.nullable(),
  device: Device.nullable(),
  uplinks: z.array(Uplink),
  status: VehicleStatus,
});
export type Vehicle = z.infer<typeof Vehicle>;

export const CreateVehicle = z.looseObject({
  name: Name,
  groupId: Id.nullable().default(null),
  notes: z.string().max(2000).default(''),
  networks: z.array(CidrPrefix).max(16).default([]),
});
export const UpdateVehicle = z.looseObject({
  name: Name.optional(),
  groupId: Id.nullable().optional(),
  notes: z.string().max(2000).optional(),
  networks: z.array(CidrPrefix).max(16).optional(),
});

export const VehicleQuery = PageQuery.extend({
  /** Part of the name, in any case. */
  search: z.string().max(80).optional(),
  groupId: Id.optional(),
  tunnel: Liveness.optional(),
  archived: z.enum(['true', 'false']).default('false'),
});

export const DeviceQuery = PageQuery.extend({ vehicleId: Id.optional(), state: DeviceState.optional() });
