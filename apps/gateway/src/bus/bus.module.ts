import { Module } from '@nestjs/common';
import { BrokerModule } from '../broker/broker.module.js';
import { FleetModule } from '../fleet/fleet.module.js';
import { MessageBus } from './message-bus.js';

@Module({ imports: [BrokerModule, FleetModule], providers: [MessageBus], exports: [MessageBus] })
export class BusModule {}
