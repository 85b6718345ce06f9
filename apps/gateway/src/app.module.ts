import { type DynamicModule, Module } from '@nestjs/common';
import { AuthModule } from './auth/auth.module.js';
import type { GatewayConfig } from './config/gateway-config.js';
import { DrillsModule } from './drills/drills.module.js';
import { FleetModule } from './fleet/fleet.module.js';
import { HttpModule } from './http/http.module.js';
import { kernelModule } from './kernel/kernel.module.js';
import type { KeyRing } from './kernel/key-ring.js';
import { LiveModule } from './live/live.module.js';
import { PolicyModule } from './policy/policy.module.js';
import { ProvisioningModule } from './provisioning/provisioning.module.js';
import { StoreModule } from './store/store.module.js';
import { TelemetryModule } from './telemetry/telemetry.module.js';
import { TunnelModule } from './tunnel/tunnel.module.js';

@Module({})
export class AppModule {}

/** The house: each domain adds its module to the list. */
export function appModule(config: GatewayConfig, keys?: KeyRing): DynamicModule {
  return {
    module: AppModule,
    imports: [
      kernelModule(config, keys),
      StoreModule,
      HttpModule,
      AuthModule,
      FleetModule,
      ProvisioningModule,
      PolicyModule,
      TunnelModule,
      TelemetryModule,
      LiveModule,
      DrillsModule,
    ],
  };
}
