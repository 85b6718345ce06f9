import { Module } from '@nestjs/common';
import { BusModule } from '../bus/bus.module.js';
import { FleetModule } from '../fleet/fleet.module.js';
import { PolicyModule } from '../policy/policy.module.js';
import { MetricsRepository } from '../store/metrics-repository.js';
import { TelemetryPartitions } from '../store/telemetry-partitions.js';
import { TelemetryRepository } from '../store/telemetry-repository.js';
import { GatewayRecorder } from './gateway-recorder.js';
import { IngestService } from './ingest.service.js';
import { RetentionService } from './retention.service.js';
import { StatusModule } from './status.module.js';
import { TelemetryController } from './telemetry.controller.js';
import { TelemetryFigures } from './telemetry-figures.js';
import { TelemetryQueryService } from './telemetry-query.service.js';
import { TelemetryStart } from './telemetry-start.js';

@Module({
  imports: [StatusModule, FleetModule, PolicyModule, BusModule],
  controllers: [TelemetryController],
  providers: [
    TelemetryRepository,
    TelemetryPartitions,
    MetricsRepository,
    IngestService,
    GatewayRecorder,
    RetentionService,
    TelemetryQueryService,
    TelemetryStart,
    TelemetryFigures,
  ],
  exports: [StatusModule, IngestService, TelemetryRepository],
})
export class TelemetryModule {}
