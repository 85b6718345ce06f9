import { Module } from '@nestjs/common';
import { FleetModule } from '../fleet/fleet.module.js';
import { TunnelControl } from './tunnel-control.js';
import { TunnelService } from './tunnel.service.js';

@Module({ imports: [FleetModule], providers: [TunnelService, TunnelControl], exports: [TunnelService] })
export class TunnelModule {}
