import { Module } from '@nestjs/common';
import { FleetModule } from '../fleet/fleet.module.js';
import { TunnelModule } from '../tunnel/tunnel.module.js';
import { DrillsController } from './drills.controller.js';
import { DrillsService } from './drills.service.js';

@Module({ imports: [FleetModule, TunnelModule], controllers: [DrillsController], providers: [DrillsService] })
export class DrillsModule {}
