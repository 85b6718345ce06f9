import { Module } from '@nestjs/common';
import { GatewayConfig } from '../config/gateway-config.js';
import { FleetModule } from '../fleet/fleet.module.js';
import { FleetService } from '../fleet/fleet.service.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { DeviceTokens } from '../provisioning/device-tokens.js';
import { DeviceTokensModule } from '../provisioning/device-tokens.module.js';
import { BrokerAccess } from './broker-access.js';
import { BrokerLifecycle } from './broker-lifecycle.js';
import { EmbeddedBroker } from './embedded-broker.js';
import { ExternalBroker } from './external-broker.js';

const access = {
  provide: BrokerAccess,
  useFactory: (
    config: GatewayConfig,
    tokens: DeviceTokens,
    fleet: FleetService,
    events: DomainEvents,
    clock: Clock,
  ): BrokerAccess =>
    config.mqttUrl === null
      ? new EmbeddedBroker(config, tokens, events, clock)
      : new ExternalBroker(config.mqttUrl, config, fleet),
  inject: [GatewayConfig, DeviceTokens, FleetService, DomainEvents, Clock],
};

@Module({ imports: [DeviceTokensModule, FleetModule], providers: [access, BrokerLifecycle], exports: [BrokerAccess] })
export class BrokerModule {}
