import { z } from 'zod';
import { document } from './document.js';
import { Id } from './primitives.js';
import { Device, Uplink, Vehicle } from './rest/fleet.js';
import { VehicleStatus } from './rest/status.js';
import { RecordedEvent } from './rest/telemetry.js';

/**
 * The live feed, WebSocket at `/api/v1/live`, authorised by the session cookie. The first message is a snapshot, then
 * diffs follow, each with the next `seq`; a client that misses one sends `resync`. A client that does not keep up gets no
 * backlog: its diffs are merged, and when even that is too much, a new snapshot.
 */

/** A vehicle as the feed carries it; details that change rarely come by REST. */
export const LiveVehicle = Vehicle;
export type LiveVehicle = z.infer<typeof LiveVehicle>;

export const LiveSnapshot = document('live-snapshot', 1, {
  seq: z.int().min(0),
  /** The gateway's clock, so that a browser with a wrong one still shows right ages. */
  now: z.iso.datetime(),
  vehicles: z.array(LiveVehicle),
  /** The newest last; at most 100. */
  events: z.array(RecordedEvent),
});
export type LiveSnapshot = z.infer<typeof LiveSnapshot>;

/** Only what changed: whole top-level members of status are replaced. */
export const VehicleDiff = z.looseObject({
  id: Id,
  name: Vehicle.shape.name.optional(),
  group: Vehicle.shape.group.optional(),
  device: Device.nullable().optional(),
  uplinks: z.array(Uplink).optional(),
  status: VehicleStatus.partial().optional(),
});
export type VehicleDiff = z.infer<typeof VehicleDiff>;

export const LiveDiff = document('live-diff', 1, {
  seq: z.int().min(1),
  now: z.iso.datetime(),
  added: z.array(LiveVehicle),
  changed: z.array(VehicleDiff),
  removed: z.array(Id),
  events: z.array(RecordedEvent),
});
export type LiveDiff = z.infer<typeof LiveDiff>;

export const LiveResync = document('live-resync', 1, {});
export type LiveResync = z.infer<typeof LiveResync>;
