import { z } from 'zod';
import { Instant } from '../primitives.js';
import { ClassMetrics, PathMetrics, Position } from '../telemetry.js';

/**
 * live: evidence arrived within the expected time. stale: late, may be gone. offline: known or presumed to be gone.
 * never: there was no evidence yet.
 */
export const Liveness = z.enum(['live', 'stale', 'offline', 'never']);
export type Liveness = z.infer<typeof Liveness>;

/** Evidence older than this makes a tunnel or a control channel stale, then offline. Seconds. */
export const STALE_AFTER_SECONDS = 5;
export const OFFLINE_AFTER_SECONDS = 30;

/** How alive one channel is, since when, and how we know. */
export const ChannelStatus = z.looseObject({
  state: Liveness,
  /** When the last evidence arrived; null when there was none. Ages are the reader's to count. */
  lastSeenAt: Instant.nullable(),
  /** Since when it has this state. */
  since: Instant.nullable(),
  /** One sentence: "session established, 3 paths up", "no authentic packet for 12 s", "said goodbye". */
  why: z.string(),
});
export type ChannelStatus = z.infer<typeof ChannelStatus>;

/** One link of a vehicle, seen from both ends: `send` and `receive` of each end. */
export const LinkStatus = z.looseObject({
  name: z.string(),
  /** The vehicle's own view; null while it has not reported. */
  vehicle: PathMetrics.nullable(),
  /** The gateway's view; null while it has no such path. */
  gateway: PathMetrics.nullable(),
});
export type LinkStatus = z.infer<typeof LinkStatus>;

export const PolicyState = z.enum(['none', 'pending', 'received', 'applied', 'rejected', 'reverted']);
export type PolicyState = z.infer<typeof PolicyState>;

/** Target and applied side by side. */
export const PolicyStatus = z.looseObject({
  /** Version that the gateway wants; 0 before the first device. */
  target: z.int().min(0),
  targetDigest: z.string().nullable(),
  /** Version that the vehicle says is in force; 0 when it never said. */
  applied: z.int().min(0),
  appliedDigest: z.string().nullable(),
  state: PolicyState,
  reason: z.string(),
  at: Instant.nullable(),
});
export type PolicyStatus = z.infer<typeof PolicyStatus>;

export const VehicleStatus = z.looseObject({
  /** By authentic packets at the gateway's own end: a fact. */
  tunnel: ChannelStatus,
  /** By the agent's MQTT session and telemetry. */
  control: ChannelStatus,
  links: z.array(LinkStatus),
  /** Who carries what, vehicle's sending direction. */
  classes: z.array(ClassMetrics),
  position: Position.extend({ at: Instant }).nullable(),
  policy: PolicyStatus,
});
export type VehicleStatus = z.infer<typeof VehicleStatus>;
