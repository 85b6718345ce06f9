import { Module } from '@nestjs/common';
import { FleetModule } from '../fleet/fleet.module.js';
import { TelemetryModule } from '../telemetry/telemetry.module.js';
import { LiveGateway } from './live.gateway.js';
import { LiveService } from './live.service.js';

@Module({ imports: [FleetModule, TelemetryModule], providers: [LiveGateway, LiveService], exports: [LiveService] })
export class LiveModule {}
