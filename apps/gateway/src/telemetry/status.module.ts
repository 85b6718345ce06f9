import { Module } from '@nestjs/common';
import { DeviceDirectory } from './device-directory.js';
import { StatusService } from './status.service.js';

/** Apart from TelemetryModule, so that the fleet, which shows statuses, needs none of what telemetry needs. */
@Module({ providers: [DeviceDirectory, StatusService], exports: [DeviceDirectory, StatusService] })
export class StatusModule {}
