import { type DynamicModule, Module } from '@nestjs/common';
import type { GatewayConfig } from './config/gateway-config.js';
import { kernelModule } from './kernel/kernel.module.js';

@Module({})
export class AppModule {}

/** The house: each domain adds its module to the list. */
export function appModule(config: GatewayConfig): DynamicModule {
  return {
    module: AppModule,
    imports: [kernelModule(config)],
  };
}
