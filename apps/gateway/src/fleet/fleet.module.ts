import { Module } from '@nestjs/common';
import { FleetChanges } from '../store/fleet-changes.js';
import { FleetRepository } from '../store/fleet-repository.js';
import { GroupRepository } from '../store/group-repository.js';
import { StatusModule } from '../telemetry/status.module.js';
import { ActiveDevices } from './active-devices.js';
import { DeviceAnnouncements } from './device-announcements.js';
import { DevicesService } from './devices.service.js';
import {
  DevicesController,
  GroupsController,
  OrganisationController,
  VehiclesController,
} from './fleet.controllers.js';
import { FleetService } from './fleet.service.js';
import { FleetOverlay } from './fleet-overlay.js';
import { GroupsService } from './groups.service.js';
import { OverlayCheck } from './overlay-check.js';
import { VehiclesService } from './vehicles.service.js';

/** Organisations, groups, vehicles, devices and uplinks: the registry. */
@Module({
  imports: [StatusModule],
  controllers: [OrganisationController, GroupsController, VehiclesController, DevicesController],
  providers: [
    FleetRepository,
    FleetChanges,
    GroupRepository,
    ActiveDevices,
    DeviceAnnouncements,
    FleetOverlay,
    OverlayCheck,
    FleetService,
    GroupsService,
    VehiclesService,
    DevicesService,
  ],
  exports: [FleetService, FleetOverlay, FleetRepository, DeviceAnnouncements, DevicesService],
})
export class FleetModule {}
