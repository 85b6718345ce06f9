import { Module } from '@nestjs/common';
import { FleetModule } from '../fleet/fleet.module.js';
import { DeviceTokens } from './device-tokens.js';

/** Apart from ProvisioningModule, so that the broker, which checks tokens, needs none of what provisioning needs. */
@Module({ imports: [FleetModule], providers: [DeviceTokens], exports: [DeviceTokens] })
export class DeviceTokensModule {}
