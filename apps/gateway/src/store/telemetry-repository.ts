import type { MetricFrame, RecordedEvent, VehicleEvent } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from './prisma.service.js';

export type Source = 'vehicle' | 'gateway';

/** A frame as it is kept. `atMs` is UTC. */
export interface FrameRow {
  readonly vehicleId: string;
  readonly atMs: number;
  readonly source: Source;
  readonly session: number;
  readonly seq: number;
  readonly frame: MetricFrame;
}

/** Up to where the records of a device are in the database. */
export interface CursorRow {
  readonly deviceId: string;
  readonly session: number;
  readonly seq: number;
}

/** A cursor that moves, and where it must stand for that: what is written was decided on from there. */
export interface CursorMove extends CursorRow {
  /** (0, 0) for a device without one. */
  readonly from: { readonly session: number; readonly seq: number };
}

/** A cursor stands elsewhere than was thought: a commit whose answer was lost came through after all, or another gateway. */
export class CursorMovedError extends Error {
  override readonly name = 'CursorMovedError';
}

/** What one transaction writes: all of it or nothing. */
export interface TelemetryWrite {
  readonly frames: readonly FrameRow[];
  readonly events: readonly RecordedEvent[];
  readonly cursors: readonly CursorMove[];
}

export interface LastFrames {
  readonly vehicleId: string;
  readonly source: Source;
  readonly atMs: number;
  readonly frame: MetricFrame;
}

export interface EventFilter {
  readonly organisationId: string;
  readonly vehicleId?: string | undefined;
  readonly type?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Metric frames, events and cursors: rows go in by the hundred. */
@Injectable()
export class TelemetryRepository {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /**
   * Writes rows and moves cursors, all of it or nothing. Rows of the gateway's own that are there already stay as they are. The
   * days that the rows fall into must have partitions.
   *
   * @throws CursorMovedError when a cursor does not stand where it is to be moved from; nothing is written then
   */
  async write({ frames, events, cursors }: TelemetryWrite): Promise<void> {
    const moves = cursors.map(({ from, ...to }) => ({ ...to, fromSession: from.session, fromSeq: from.seq }));
    const rows = [moves, frames.map(frameJson), events].map((list) => JSON.stringify(list));
    try {
      await this.prisma.client.$queryRawUnsafe(WRITE, ...rows, cursors.length);
    } catch (error) {
      if (!/Code: `22012`/.test((error as Error).message)) throw error;
      throw new CursorMovedError('a cursor stands elsewhere than was thought');
    }
  }

  /** Every cursor: one row a device that ever reported. */
  cursors(): Promise<CursorRow[]> {
    return this.prisma.client.telemetryCursor.findMany();
  }

  /** The newest frame of each vehicle that is not archived and of each end, as far as it is among the last of them. */
  async lastFrames(sinceMs: number): Promise<LastFrames[]> {
    const rows = await this.prisma.client.$queryRawUnsafe<FrameRecord[]>(LAST_FRAMES, new Date(sinceMs));
    return rows.map(({ vehicleId, source, at, ...parts }) => ({
      vehicleId,
      source,
      atMs: at.getTime(),
      frame: frameOfRecord(parts),
    }));
  }

  /** Newest first. `before` is the place of the last event of the page before. */
  async events(
    filter: EventFilter,
    before: { readonly at: string; readonly id: string } | undefined,
    limit: number,
  ): Promise<RecordedEvent[]> {
    const { organisationId, vehicleId, type, from, to } = filter;
    const rows = await this.prisma.client.$queryRawUnsafe<EventRecord[]>(
      EVENTS,
      organisationId,
      vehicleId ?? null,
      type ?? null,
      from ?? null,
      to ?? null,
      before?.at ?? null,
      before?.id ?? null,
      limit,
    );
    return rows.map(({ at, detail, ...rest }) => ({ ...rest, at: at.toISOString(), event: detail }));
  }
}

interface FrameRecord {
  readonly vehicleId: string;
  readonly source: Source;
  readonly at: Date;
  readonly tunnel: MetricFrame['tunnel'];
  readonly paths: MetricFrame['paths'];
  readonly classes: MetricFrame['classes'];
  readonly latitude: number | null;
  readonly longitude: number | null;
}

interface EventRecord {
  readonly id: string;
  readonly at: Date;
  readonly vehicleId: string;
  readonly source: Source;
  readonly detail: VehicleEvent;
}

function frameOfRecord(
  parts: Pick<FrameRecord, 'tunnel' | 'paths' | 'classes' | 'latitude' | 'longitude'>,
): MetricFrame {
  const { tunnel, paths, classes, latitude, longitude } = parts;
  const position = latitude === null || longitude === null ? {} : { position: { latitude, longitude } };
  return { kind: 'metric-frame', v: 1, tunnel, paths, classes, ...position };
}

function frameJson({ frame, atMs, ...row }: FrameRow) {
  const { tunnel, paths, classes, position } = frame;
  const { latitude = null, longitude = null } = position ?? {};
  return { ...row, at: new Date(atMs).toISOString(), tunnel, paths, classes, latitude, longitude };
}

// One parameter a table with all its rows as JSON: the documents are JSON anyway, and the statement is the same for any
// number of rows. One statement is one transaction and one round trip. A cursor that does not stand where it should makes the
// last line divide by zero (22012): the only way in which a statement without procedures can take everything back.
const WRITE = `
  WITH moves AS (
    SELECT * FROM json_to_recordset($1::json)
      AS row("deviceId" uuid, session int, seq int, "fromSession" int, "fromSeq" int)
  ),
  begun AS (
    INSERT INTO telemetry_cursor (device_id, session, seq)
    SELECT "deviceId", session, seq FROM moves WHERE "fromSession" = 0 ORDER BY "deviceId"
    ON CONFLICT DO NOTHING
    RETURNING 1
  ),
  moved AS (
    -- Waits for a transaction that holds the row, and sees what that one left.
    UPDATE telemetry_cursor AS held SET session = moves.session, seq = moves.seq
    FROM moves
    WHERE moves."fromSession" > 0 AND held.device_id = moves."deviceId"
      AND held.session = moves."fromSession" AND held.seq = moves."fromSeq"
    RETURNING 1
  ),
  frames AS (
    INSERT INTO metric_frame (vehicle_id, at, source, session, seq, tunnel, paths, classes, latitude, longitude)
    SELECT "vehicleId", at, source::"Source", session, seq, tunnel, paths, classes, latitude, longitude
    FROM json_to_recordset($2::json) AS row("vehicleId" uuid, at timestamptz, source text, session int, seq int,
      tunnel jsonb, paths jsonb, classes jsonb, latitude float8, longitude float8)
    ON CONFLICT DO NOTHING
  ),
  events AS (
    INSERT INTO event (id, at, vehicle_id, source, type, detail)
    SELECT id, at, "vehicleId", source::"Source", event ->> 'type', event
    FROM json_to_recordset($3::json) AS row(id uuid, at timestamptz, "vehicleId" uuid, source text, event jsonb)
    ON CONFLICT DO NOTHING
  )
  SELECT 1 / (CASE WHEN (SELECT count(*) FROM begun) + (SELECT count(*) FROM moved) = $4::int THEN 1 ELSE 0 END) AS done`;

// Looks at the last five minutes' worth of keys of each vehicle, not for ever back for an end that never reported.
const LAST_FRAMES = `
  SELECT frame.vehicle_id AS "vehicleId", frame.source::text AS source, frame.at, frame.tunnel, frame.paths,
    frame.classes, frame.latitude, frame.longitude
  FROM vehicle
  CROSS JOIN LATERAL (
    SELECT DISTINCT ON (recent.source) recent.* FROM (
      SELECT at, source, session, seq FROM metric_frame
      WHERE vehicle_id = vehicle.id AND at >= $1
      ORDER BY at DESC LIMIT 300
    ) AS recent
    ORDER BY recent.source, recent.at DESC
  ) AS newest
  JOIN metric_frame AS frame ON frame.vehicle_id = vehicle.id AND frame.at = newest.at
    AND frame.source = newest.source AND frame.session = newest.session AND frame.seq = newest.seq
  WHERE vehicle.archived_at IS NULL`;

const EVENTS = `
  SELECT event.id, event.at, event.vehicle_id AS "vehicleId", event.source::text AS source, event.detail
  FROM event JOIN vehicle ON vehicle.id = event.vehicle_id
  WHERE vehicle.organisation_id = $1::uuid
    AND ($2::uuid IS NULL OR event.vehicle_id = $2::uuid)
    AND ($3::text IS NULL OR event.type = $3::text)
    AND ($4::timestamptz IS NULL OR event.at >= $4::timestamptz)
    AND ($5::timestamptz IS NULL OR event.at < $5::timestamptz)
    AND ($6::timestamptz IS NULL OR (event.at, event.id) < ($6::timestamptz, $7::uuid))
  ORDER BY event.at DESC, event.id DESC
  LIMIT $8`;
