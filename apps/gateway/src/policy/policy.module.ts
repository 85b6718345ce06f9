import { Module } from '@nestjs/common';
import { BrokerModule } from '../broker/broker.module.js';
import { BusModule } from '../bus/bus.module.js';
import { FleetModule } from '../fleet/fleet.module.js';
import { PolicyRepository } from '../store/policy-repository.js';
import { DeviceBook } from './device-book.js';
import { PoliciesController, StrategiesController, VehiclePolicyController } from './policy.controller.js';
import { PolicyService } from './policy.service.js';
import { PolicyAnswers } from './policy-answers.js';
import { PolicyIssuer } from './policy-issuer.js';
import { PolicyLayersService } from './policy-layers.service.js';
import { PolicyMetrics } from './policy-metrics.js';
import { PolicyOutbox } from './policy-outbox.js';
import { PolicyStates } from './policy-states.js';

/** Layers, effective policies, their issue, and what vehicles make of them. */
@Module({
  imports: [BrokerModule, BusModule, FleetModule],
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
    PolicyMetrics,
  ],
  exports: [PolicyService],
})
export class PolicyModule {}
