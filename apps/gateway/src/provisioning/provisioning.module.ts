import { Module } from '@nestjs/common';
import { BrokerModule } from '../broker/broker.module.js';
import { BusModule } from '../bus/bus.module.js';
import { FleetModule } from '../fleet/fleet.module.js';
import { PolicyModule } from '../policy/policy.module.js';
import { ClaimRepository } from '../store/claim-repository.js';
import { DeviceKeyRepository } from '../store/device-key-repository.js';
import { ProvisioningRepository } from '../store/provisioning-repository.js';
import { StatusModule } from '../telemetry/status.module.js';
import { TunnelModule } from '../tunnel/tunnel.module.js';
import { Challenges } from './challenges.js';
import { ClaimsService } from './claims.service.js';
import { CredentialsService } from './credentials.service.js';
import { DeviceAccessService } from './device-access.service.js';
import { DeviceCommandsService } from './device-commands.service.js';
import { DeviceLifecycleService } from './device-lifecycle.service.js';
import { DeviceTokensModule } from './device-tokens.module.js';
import { EnrolmentService } from './enrolment.service.js';
import {
  ClaimsController,
  DeviceController,
  DeviceLifecycleController,
  VehicleClaimsController,
} from './provisioning.controllers.js';

/** How a Pi becomes part of the fleet, stays in it, and leaves it. */
@Module({
  imports: [FleetModule, DeviceTokensModule, BrokerModule, BusModule, TunnelModule, PolicyModule, StatusModule],
  controllers: [VehicleClaimsController, ClaimsController, DeviceLifecycleController, DeviceController],
  providers: [
    ClaimRepository,
    DeviceKeyRepository,
    ProvisioningRepository,
    Challenges,
    ClaimsService,
    CredentialsService,
    DeviceAccessService,
    DeviceCommandsService,
    DeviceLifecycleService,
    EnrolmentService,
  ],
  exports: [DeviceTokensModule],
})
export class ProvisioningModule {}
