import { Module } from '@nestjs/common';
import { FleetModule } from '../fleet/fleet.module.js';
import { TunnelService } from './tunnel.service.js';
import { TunnelControl } from './tunnel-control.js';
import { TunnelFigures } from './tunnel-figures.js';

@Module({ imports: [FleetModule], providers: [TunnelService, TunnelControl, TunnelFigures], exports: [TunnelService] })
export class TunnelModule {}
