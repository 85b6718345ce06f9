import { Module } from '@nestjs/common';
import { FleetModule } from '../fleet/fleet.module.js';
import { DeviceTokensModule } from './device-tokens.module.js';

/** How a Pi becomes part of the fleet, stays in it, and leaves it. */
@Module({ imports: [FleetModule, DeviceTokensModule], exports: [DeviceTokensModule] })
export class ProvisioningModule {}
