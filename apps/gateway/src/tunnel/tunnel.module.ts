import { Module } from '@nestjs/common';
import { FleetModule } from '../fleet/fleet.module.js';
import { TunnelService } from './tunnel.service.js';

@Module({ imports: [FleetModule], providers: [TunnelService], exports: [TunnelService] })
export class TunnelModule {}
