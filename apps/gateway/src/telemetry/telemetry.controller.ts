import { EventQuery, Id, MetricsQuery, type Page, page, RecordedEvent, VehicleMetrics } from '@corridor/contracts';
import { Controller, Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { RequirePermission } from '../auth/access.js';
import { CurrentActor, type OperatorActor } from '../auth/actor.js';
import { TelemetryQueryService } from './telemetry-query.service.js';

@ApiTags('telemetry')
@Controller()
@RequirePermission('telemetry:read')
export class TelemetryController {
  constructor(@Inject(TelemetryQueryService) private readonly telemetry: TelemetryQueryService) {}

  @Get('vehicles/:id/metrics')
  @ApiOperation({ summary: 'Figures of a vehicle’s links over time, one series a link' })
  @ApiResponse({ status: 200, standardSchema: VehicleMetrics })
  metrics(
    @CurrentActor() actor: OperatorActor,
    @Param('id', { schema: Id }) id: string,
    @Query({ schema: MetricsQuery }) query: z.infer<typeof MetricsQuery>,
  ): Promise<VehicleMetrics> {
    return this.telemetry.metrics(id, query, actor.organisationId);
  }

  @Get('events')
  @ApiOperation({ summary: 'What happened, newest first' })
  @ApiResponse({ status: 200, standardSchema: page(RecordedEvent) })
  events(
    @CurrentActor() actor: OperatorActor,
    @Query({ schema: EventQuery }) query: z.infer<typeof EventQuery>,
  ): Promise<Page<RecordedEvent>> {
    return this.telemetry.events(query, actor.organisationId);
  }
}
