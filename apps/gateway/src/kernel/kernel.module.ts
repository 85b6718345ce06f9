import { type DynamicModule, Global, Module } from '@nestjs/common';
import { GatewayConfig } from '../config/gateway-config.js';
import { Clock } from './clock.js';
import { DomainEvents } from './domain-events.js';
import { KeyRing } from './key-ring.js';

/** What every domain may inject without importing anything. */
@Global()
@Module({})
export class KernelModule {}

/** @param keys opened already where TLS needed them before there was any module */
export function kernelModule(config: GatewayConfig, keys?: KeyRing): DynamicModule {
  return {
    module: KernelModule,
    providers: [
      Clock,
      DomainEvents,
      { provide: GatewayConfig, useValue: config },
      { provide: KeyRing, useFactory: () => keys ?? KeyRing.open(config) },
    ],
    exports: [Clock, DomainEvents, GatewayConfig, KeyRing],
  };
}
