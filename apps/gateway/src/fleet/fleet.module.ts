import { Module } from '@nestjs/common';
import { FleetRepository } from '../store/fleet-repository.js';
import { StatusModule } from '../telemetry/status.module.js';
import { ActiveDevices } from './active-devices.js';
import { FleetService } from './fleet.service.js';
import { FleetOverlay } from './fleet-overlay.js';

/** Organisations, groups, vehicles, devices and uplinks: the registry. */
@Module({
  imports: [StatusModule],
  providers: [FleetRepository, ActiveDevices, FleetOverlay, FleetService],
  exports: [FleetService, FleetOverlay, FleetRepository],
})
export class FleetModule {}
