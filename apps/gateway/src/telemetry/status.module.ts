import { Module } from '@nestjs/common';
import { StatusService } from './status.service.js';

/** Apart from TelemetryModule, so that the fleet, which shows statuses, needs none of what telemetry needs. */
@Module({ providers: [StatusService], exports: [StatusService] })
export class StatusModule {}
