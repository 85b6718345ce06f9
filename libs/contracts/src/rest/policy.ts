import { z } from 'zod';
import { PolicyContent, PolicyLayer, PolicyScope, PolicySource } from '../policy.js';
import { Id, Instant } from '../primitives.js';
import { PolicyState } from './status.js';

/** One saved version of one layer. Versions of a layer count from 1; 0 means "never set". */
export const PolicyRevision = z.looseObject({
  scope: PolicyScope.exclude(['built-in']),
  /** Id of the organisation, group or vehicle. */
  id: Id,
  version: z.int().min(0),
  layer: PolicyLayer,
  comment: z.string(),
  author: z.string(),
  createdAt: Instant,
});
export type PolicyRevision = z.infer<typeof PolicyRevision>;

/** `PUT /api/v1/policies/:scope/:id`; refused with 409 when somebody else saved `baseVersion` + 1 first. */
export const PutPolicy = z.looseObject({
  layer: PolicyLayer,
  baseVersion: z.int().min(0),
  comment: z.string().max(500).default(''),
});

/** One version that was issued to a vehicle, and what became of it. */
export const IssuedPolicy = z.looseObject({
  vehicleId: Id,
  version: z.int().min(1),
  digest: z.string(),
  policy: PolicyContent,
  sources: z.array(PolicySource),
  issuedAt: Instant,
  expiresAt: Instant,
  state: PolicyState,
  reason: z.string(),
  receivedAt: Instant.nullable(),
  settledAt: Instant.nullable(),
});
export type IssuedPolicy = z.infer<typeof IssuedPolicy>;

/** `GET /api/v1/vehicles/:id/policy`: target and applied side by side. */
export const VehiclePolicy = z.looseObject({
  target: IssuedPolicy.nullable(),
  /** What the vehicle has in force; null when it never said. */
  applied: IssuedPolicy.nullable(),
  /** Who set what in the target: source by key (`default` or the class's name). */
  setBy: z.record(z.string(), PolicySource),
});
export type VehiclePolicy = z.infer<typeof VehiclePolicy>;

export const StrategyInfo = z.looseObject({ name: z.string(), description: z.string() });
