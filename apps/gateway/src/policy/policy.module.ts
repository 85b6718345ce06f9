import { Module } from '@nestjs/common';
import { BusModule } from '../bus/bus.module.js';
import { FleetModule } from '../fleet/fleet.module.js';
import { PolicyRepository } from '../store/policy-repository.js';
import { DeviceBook } from './device-book.js';
import { PoliciesController, StrategiesController, VehiclePolicyController } from './policy.controller.js';
import { PolicyService } from './policy.service.js';
import { PolicyAnswers } from './policy-answers.js';
import { PolicyIssuer } from './policy-issuer.js';
import { PolicyLayersService } from './policy-layers.service.js';
import { PolicyOutbox } from './policy-outbox.js';
import { PolicyStates } from './policy-states.js';

/** Layers, effective policies, their issue, and what vehicles make of them. */
@Module({
  imports: [BusModule, FleetModule],
  controllers: [PoliciesController, VehiclePolicyController, StrategiesController],
  providers: [
    PolicyRepository,
    PolicyStates,
    DeviceBook,
    PolicyOutbox,
    PolicyIssuer,
    PolicyAnswers,
    PolicyLayersService,
    PolicyService,
  ],
  exports: [PolicyService],
})
export class PolicyModule {}
