import type { EventQuery, MetricsQuery, Page, RecordedEvent, VehicleMetrics } from '@corridor/contracts';
import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { readCursor, writeCursor } from '../fleet/cursor.js';
import { FleetService } from '../fleet/fleet.service.js';
import { DomainError } from '../kernel/domain-error.js';
import { MetricsRepository } from '../store/metrics-repository.js';
import { TelemetryRepository } from '../store/telemetry-repository.js';
import { seriesOf } from './series.js';

/** Frames come once a second: a finer step would only hold gaps. */
const LEAST_STEP_MS = 1000;
const CURSOR = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([0-9a-f-]{36})$/;

/** What was recorded, for charts and lists. */
@Injectable()
export class TelemetryQueryService {
  constructor(
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(TelemetryRepository) private readonly telemetry: TelemetryRepository,
    @Inject(MetricsRepository) private readonly series: MetricsRepository,
  ) {}

  /** @throws DomainError `vehicle-unknown`, `range-invalid` */
  async metrics(id: string, query: z.infer<typeof MetricsQuery>, organisationId: string): Promise<VehicleMetrics> {
    const [fromMs, toMs] = [Date.parse(query.from), Date.parse(query.to)];
    if (toMs <= fromMs) throw new DomainError('invalid', 'range-invalid', 'to: expected a moment after "from".');
    await this.fleet.vehicle(id, organisationId);
    const stepMs = Math.max(LEAST_STEP_MS, Math.ceil((toMs - fromMs) / query.points));
    const cells = await this.series.cells({ vehicleId: id, source: query.source, fromMs, toMs, stepMs });
    const count = Math.ceil((toMs - fromMs) / stepMs);
    const links = seriesOf(cells, { source: query.source, fromMs, stepMs, count });
    return { source: query.source, stepSeconds: stepMs / 1000, links };
  }

  /** Newest first. @throws DomainError `cursor-invalid` */
  async events(query: z.infer<typeof EventQuery>, organisationId: string): Promise<Page<RecordedEvent>> {
    const { limit, vehicleId, type, from, to } = query;
    const filter = { organisationId, vehicleId, type, from, to };
    const rows = await this.telemetry.events(filter, placeOf(query.cursor), limit + 1);
    const items = rows.slice(0, limit);
    const last = items.at(-1);
    return { items, nextCursor: rows.length > limit && last ? writeCursor(`${last.at} ${last.id}`) : null };
  }
}

function placeOf(cursor: string | undefined): { at: string; id: string } | undefined {
  const key = readCursor(cursor);
  if (key === undefined) return undefined;
  const match = CURSOR.exec(key);
  if (!match) throw new DomainError('invalid', 'cursor-invalid', 'Expected the cursor of the page before.');
  return { at: match[1]!, id: match[2]! };
}
