import { z } from 'zod';
import { Id, Instant, Name } from '../primitives.js';

/**
 * Who may do what. Each route names the least permission that opens it; nothing is open by default.
 *
 * - `admin`: everything in its organisation, operators and tokens included.
 * - `dispatcher`: sees the fleet, steers it (policies of groups and vehicles, drills).
 * - `technician`: sees the fleet, installs vehicles and devices (claims, approval, revocation, uplinks).
 * - `auditor`: sees everything, the audit log included, and changes nothing.
 */
export const Role = z.enum(['admin', 'dispatcher', 'technician', 'auditor']);
export type Role = z.infer<typeof Role>;

export const Permission = z.enum([
  'fleet:read',
  'fleet:write',
  'device:provision',
  'policy:read',
  'policy:write',
  'telemetry:read',
  'drill:run',
  'operator:manage',
  'token:manage',
  'audit:read',
]);
export type Permission = z.infer<typeof Permission>;

export const ROLE_PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  admin: Permission.options,
  dispatcher: ['fleet:read', 'policy:read', 'policy:write', 'telemetry:read', 'drill:run', 'token:manage'],
  technician: ['fleet:read', 'fleet:write', 'device:provision', 'policy:read', 'telemetry:read', 'token:manage'],
  auditor: ['fleet:read', 'policy:read', 'telemetry:read', 'audit:read'],
};

export const LoginRequest = z.looseObject({
  username: z.string().trim().toLowerCase().min(1).max(120),
  password: z.string().min(1).max(1000),
});
export type LoginRequest = z.infer<typeof LoginRequest>;

export const Operator = z.looseObject({
  id: Id,
  username: z.string(),
  name: Name,
  role: Role,
  disabled: z.boolean(),
  createdAt: Instant,
  lastLoginAt: Instant.nullable(),
});
export type Operator = z.infer<typeof Operator>;

/** `GET /api/v1/session`: who I am, what I may do, and what this gateway offers. */
export const Session = z.looseObject({
  operator: Operator,
  organisation: z.looseObject({ id: Id, name: Name }),
  permissions: z.array(Permission),
  /** Sent back in the header `x-corridor-csrf` with every request that changes something. */
  csrfToken: z.string(),
  expiresAt: Instant,
  features: z.looseObject({
    /** The emulated links of the demo can be cut and restored. */
    linkDrills: z.boolean(),
    /** URL of the base map (GeoJSON) when the operator configured one. */
    baseMap: z.string().nullable(),
  }),
});
export type Session = z.infer<typeof Session>;

const Username = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z0-9][a-z0-9._@+-]{1,118}$/, 'expected 2 to 119 letters, digits or . _ @ + -');
const Password = z.string().min(12, 'expected at least 12 characters').max(1000);

export const CreateOperator = z.looseObject({ username: Username, name: Name, role: Role, password: Password });
export const UpdateOperator = z.looseObject({
  name: Name.optional(),
  role: Role.optional(),
  disabled: z.boolean().optional(),
  password: Password.optional(),
});
export const ChangePassword = z.looseObject({ current: z.string().min(1).max(1000), next: Password });

/** A token acts for its operator, with some of the operator's permissions. */
export const ApiToken = z.looseObject({
  id: Id,
  name: Name,
  scopes: z.array(Permission),
  createdAt: Instant,
  expiresAt: Instant,
  lastUsedAt: Instant.nullable(),
});
export type ApiToken = z.infer<typeof ApiToken>;

export const CreateApiToken = z.looseObject({
  name: Name,
  scopes: z.array(Permission).min(1),
  expiresInDays: z.int().min(1).max(366).default(90),
});
/** The token itself is shown once, here. */
export const CreatedApiToken = ApiToken.extend({ token: z.string() });

export const AuditEntry = z.looseObject({
  id: Id,
  at: Instant,
  /** Username, device id, or "system". */
  actor: z.string(),
  action: z.string(),
  target: z.string().nullable(),
  detail: z.record(z.string(), z.unknown()),
});
export type AuditEntry = z.infer<typeof AuditEntry>;
