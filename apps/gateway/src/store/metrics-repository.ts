import { Inject, Injectable } from '@nestjs/common';
import { PrismaService } from './prisma.service.js';

export interface SeriesRequest {
  readonly vehicleId: string;
  readonly source: 'vehicle' | 'gateway';
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}

/** Figures of one link in one step, averaged over the frames that were looked at. */
export interface SeriesCell {
  /** Steps since `fromMs`. */
  readonly step: number;
  readonly name: string;
  readonly rttUs: number;
  readonly sendLossRatio: number;
  readonly receiveLossRatio: number;
  readonly sendRateBps: number;
  readonly receiveRateBps: number;
  readonly state: string;
  readonly activeRatio: number;
}

/** Frames of a step that are looked at: at one a second, all of a step of 20 s. */
const FRAMES_PER_STEP = 20;

/** Series of metric frames, averaged in the database: what crosses the wire is what is drawn. */
@Injectable()
export class MetricsRepository {
  constructor(@Inject(PrismaService) private readonly prisma: PrismaService) {}

  /**
   * The cells that have frames, by step and link. The work is bounded whatever the range: of a long step, 20 frames evenly
   * spread over it stand for all, each found by the primary key.
   */
  cells({ vehicleId, source, fromMs, toMs, stepMs }: SeriesRequest): Promise<SeriesCell[]> {
    const sampleMs = stepMs / FRAMES_PER_STEP;
    const frames = sampleMs <= 1000 ? ALL_FRAMES : SPREAD_FRAMES;
    return this.prisma.client.$queryRawUnsafe<SeriesCell[]>(
      cellsOf(frames),
      vehicleId,
      source,
      new Date(fromMs),
      new Date(toMs),
      stepMs / 1000,
      ...(frames === SPREAD_FRAMES ? [sampleMs / 1000] : []),
    );
  }
}

const ALL_FRAMES = `
  SELECT at, paths, classes FROM metric_frame
  WHERE vehicle_id = $1::uuid AND source = $2::"Source" AND at >= $3::timestamptz AND at < $4::timestamptz`;

const SPREAD_FRAMES = `
  SELECT found.at, found.paths, found.classes
  FROM generate_series($3::timestamptz, $4::timestamptz - interval '1 millisecond', $6::float8 * interval '1 second')
    AS sample(start)
  CROSS JOIN LATERAL (
    SELECT at, paths, classes FROM metric_frame
    WHERE vehicle_id = $1::uuid AND source = $2::"Source" AND at >= sample.start
      AND at < least(sample.start + $6::float8 * interval '1 second', $4::timestamptz)
    ORDER BY at LIMIT 1
  ) AS found`;

function cellsOf(frames: string): string {
  return `
  WITH frame AS (${frames}),
  cell AS (
    SELECT floor(extract(epoch FROM frame.at - $3::timestamptz) / $5::float8)::int AS step, frame.at, path,
      jsonb_path_query_first(frame.classes, '$[*] ? (@.name == "default").paths[0]') = path -> 'name' AS active
    FROM frame CROSS JOIN LATERAL jsonb_array_elements(frame.paths) AS path
  )
  SELECT step, path ->> 'name' AS name,
    avg((path ->> 'rttUs')::float8) AS "rttUs",
    avg((path -> 'send' ->> 'lossRatio')::float8) AS "sendLossRatio",
    avg((path -> 'receive' ->> 'lossRatio')::float8) AS "receiveLossRatio",
    avg((path -> 'send' ->> 'rateBps')::float8) AS "sendRateBps",
    avg((path -> 'receive' ->> 'rateBps')::float8) AS "receiveRateBps",
    (array_agg(path ->> 'state' ORDER BY at DESC))[1] AS state,
    avg(coalesce(active, false)::int)::float8 AS "activeRatio"
  FROM cell
  GROUP BY step, path ->> 'name'
  ORDER BY name, step`;
}
