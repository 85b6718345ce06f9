import { z } from 'zod';
import { Id, Instant } from '../primitives.js';
import { VehicleEvent } from '../telemetry.js';
import { PageQuery } from './common.js';

/** Which end saw it. */
export const Source = z.enum(['vehicle', 'gateway']);
export type Source = z.infer<typeof Source>;

export const RecordedEvent = z.looseObject({
  id: Id,
  at: Instant,
  vehicleId: Id,
  source: Source,
  event: VehicleEvent,
});
export type RecordedEvent = z.infer<typeof RecordedEvent>;

export const EventQuery = PageQuery.extend({
  vehicleId: Id.optional(),
  type: VehicleEvent.shape.type.optional(),
  from: Instant.optional(),
  to: Instant.optional(),
});

/** `GET /api/v1/vehicles/:id/metrics?from&to&source&points`: one series a link, averaged into `points` equal steps. */
export const MetricsQuery = z.looseObject({
  from: Instant,
  to: Instant,
  source: Source.default('vehicle'),
  points: z.coerce.number().int().min(10).max(2000).default(600),
});

/** Columns of equal length; `null` where no frame fell into the step. Times are seconds since 1970 (UTC). */
export const LinkSeries = z.looseObject({
  name: z.string(),
  atS: z.array(z.number()),
  rttUs: z.array(z.number().nullable()),
  sendLossRatio: z.array(z.number().nullable()),
  receiveLossRatio: z.array(z.number().nullable()),
  sendRateBps: z.array(z.number().nullable()),
  receiveRateBps: z.array(z.number().nullable()),
  /** The state seen last in the step. */
  state: z.array(z.string().nullable()),
  /** Share of the step in which the default class used this link first, 0 to 1. */
  activeRatio: z.array(z.number().nullable()),
});
export type LinkSeries = z.infer<typeof LinkSeries>;

export const VehicleMetrics = z.looseObject({ source: Source, stepSeconds: z.number(), links: z.array(LinkSeries) });
export type VehicleMetrics = z.infer<typeof VehicleMetrics>;

/** `POST /api/v1/vehicles/:id/links/:name/drill`, in the demo: the emulated link loses everything, or works again. */
export const LinkDrill = z.looseObject({ action: z.enum(['cut', 'restore']) });
/** `PUT /api/v1/vehicles/:id/links/:name/blocked`: takes a path out of use at the gateway's end, or puts it back. */
export const BlockLink = z.looseObject({ blocked: z.boolean() });
