import { z } from 'zod';
import { document } from './document.js';
import { Id, Instant } from './primitives.js';

function whole(least: number, most: number) {
  const error = `expected a whole number from ${least} to ${most}`;
  return z.int(error).min(least, error).max(most, error);
}

function fraction(least: number, most: number) {
  const error = `expected a number from ${least} to ${most}`;
  return z.number(error).min(least, error).max(most, error);
}

/** Which packets belong to a class: all given keys must hold; an empty match holds for everything. */
export const TrafficMatch = z.looseObject({
  dscp: z.array(z.int().min(0).max(63)).min(1).optional(),
  protocol: z.enum(['tcp', 'udp', 'icmp']).optional(),
  /** Source or destination port: a number, or "first-last". */
  ports: z
    .array(z.union([z.int().min(1).max(65535), z.string().regex(/^\d{1,5}-\d{1,5}$/, 'expected "first-last"')]))
    .min(1)
    .optional(),
  /** Source or destination address in CIDR notation. */
  prefixes: z
    .array(z.union([z.cidrv4(), z.cidrv6()]))
    .min(1)
    .optional(),
});
export type TrafficMatch = z.infer<typeof TrafficMatch>;

/** Kinds of paths that a class may avoid. */
export const AvoidedPaths = z.enum(['metered', 'roaming', 'capped']);
export type AvoidedPaths = z.infer<typeof AvoidedPaths>;

/** How traffic is sent: a strategy by name, with options of its own, and what the class is worth. */
export const Steering = z.looseObject({
  strategy: z.string().regex(/^[a-z][a-z0-9-]{0,63}$/, 'expected the name of a strategy, such as "active-standby"'),
  options: z.record(z.string(), z.unknown()).optional(),
  /** Order of serving, 1 first, to 8. Default: the place in the list, the default traffic behind all classes. */
  priority: whole(1, 8).optional(),
  /** Vital and tiny: served before every class that is not. Default false. */
  urgent: z.boolean().optional(),
  /** Share of the vehicle's sending that it gets whatever goes before it. Default 0.05. */
  minShare: fraction(0, 0.5).optional(),
  /** After this a packet is neither sent again nor kept queued, milliseconds. Default 3,000. */
  deadlineMs: whole(20, 3_000).optional(),
  /** Extra bytes per byte that copies and repair may cost. Default 0. */
  redundancy: fraction(0, 4).optional(),
  /** Whose packets the receiver puts back in order: `auto` (those of TCP), `flow` (of every flow), `none`. Default `auto`. */
  order: z.enum(['auto', 'flow', 'none']).optional(),
  /** What may travel over several paths at once: each packet, whole flows only, nothing. Default `packets`. */
  spread: z.enum(['packets', 'flows', 'none']).optional(),
  /** Paths not to be used unless no other works, the most avoided kind first. Default none. */
  avoid: z
    .array(AvoidedPaths)
    .max(AvoidedPaths.options.length)
    .refine((kinds) => new Set(kinds).size === kinds.length, 'expected each kind once')
    .optional(),
  /** The class uses the paths that it avoids after all. Default false. */
  emergency: z.boolean().optional(),
});
export type Steering = z.infer<typeof Steering>;

export const TrafficClass = Steering.extend({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'expected lower-case letters, digits and hyphens, at most 32'),
  /** A packet belongs to the class when any of these matches. */
  match: z.array(TrafficMatch).min(1).max(32),
});
export type TrafficClass = z.infer<typeof TrafficClass>;

/** The engine keeps 4 bits for the class of a flow, and one of the 16 is the default. */
export const MAX_CLASSES = 15;

/**
 * What one layer (organisation, group or vehicle) wants. A layer says only what differs from the layers above it:
 * `default` replaces, a class replaces the one of the same name or is added behind, names in `without` are removed.
 */
export const PolicyLayer = document('policy-layer', 1, {
  default: Steering.optional(),
  classes: z.array(TrafficClass).max(MAX_CLASSES).default([]),
  without: z.array(TrafficClass.shape.name).max(MAX_CLASSES).default([]),
});
export type PolicyLayer = z.infer<typeof PolicyLayer>;

/** What remains when the layers are laid over each other: complete, and in order (the first class that matches wins). */
export const PolicyContent = z.looseObject({
  default: Steering,
  classes: z.array(TrafficClass).max(MAX_CLASSES),
});
export type PolicyContent = z.infer<typeof PolicyContent>;

export const PolicyScope = z.enum(['built-in', 'organisation', 'group', 'vehicle']);
export type PolicyScope = z.infer<typeof PolicyScope>;

/** Which layer, in which version, set what: for the console's "set by" column. */
export const PolicySource = z.looseObject({
  scope: PolicyScope,
  /** Id of the organisation, group or vehicle; absent for the built-in layer. */
  id: Id.optional(),
  version: z.int().min(0),
});
export type PolicySource = z.infer<typeof PolicySource>;

/**
 * The policy that one vehicle must follow: the payload of a JWS (EdDSA) on `…/policy`. The agent accepts it when the
 * signature is of a key pinned at enrolment, `vehicleId` is its own, `version` is higher than what it has, and
 * `expiresAt` lies ahead of the gateway's time. Expiry limits how long a document may travel (a replayed message); a
 * policy that is in force stays in force.
 */
export const EffectivePolicy = document('effective-policy', 1, {
  vehicleId: Id,
  /** Monotonic per vehicle; never used twice. */
  version: z.int().min(1),
  issuedAt: Instant,
  expiresAt: Instant,
  /** SHA-256 of the canonical JSON of `policy`, hex. */
  digest: z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hex'),
  policy: PolicyContent,
  sources: z.array(PolicySource),
});
export type EffectivePolicy = z.infer<typeof EffectivePolicy>;

/** What the agent did with a version; the newest per version counts. `pending` is the gateway's word for "no answer yet". */
export const PolicyOutcome = z.enum(['received', 'applied', 'rejected', 'reverted']);
export type PolicyOutcome = z.infer<typeof PolicyOutcome>;

/** Why a policy was refused or taken back; `reason` of the acknowledgement says it in words. */
export const PolicyRefusal = z.enum([
  'bad-signature',
  'unknown-key',
  'other-vehicle',
  'older-version',
  'expired',
  'unknown-version',
  'invalid',
  'not-applicable',
  'tunnel-lost',
]);
export type PolicyRefusal = z.infer<typeof PolicyRefusal>;

/** On `…/policy/ack`, QoS 1, for each step; repeated for the version in force after every reconnect. */
export const PolicyAck = document('policy-ack', 1, {
  /** Version of the document in question; 0 when it could not be read. */
  version: z.int().min(0),
  outcome: PolicyOutcome,
  refusal: PolicyRefusal.optional(),
  /** One sentence; empty for received and applied. */
  reason: z.string().max(500),
  /** Version that is in force now; 0 before the first. */
  inForce: z.int().min(0),
});
export type PolicyAck = z.infer<typeof PolicyAck>;
