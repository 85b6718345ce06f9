import { Module } from '@nestjs/common';
import { GatewayConfig } from '../config/gateway-config.js';
import { FleetModule } from '../fleet/fleet.module.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { KeyRing } from '../kernel/key-ring.js';
import { TunnelService } from './tunnel.service.js';
import { TunnelControl } from './tunnel-control.js';
import { TunnelEngine } from './tunnel-engine.js';
import { TunnelFigures } from './tunnel-figures.js';

/** The engine is made beside the store, not after it: tunnels stand before the database answers. */
const engine = {
  provide: TunnelEngine,
  inject: [GatewayConfig, KeyRing, DomainEvents, Clock],
  useFactory: async (config: GatewayConfig, keys: KeyRing, events: DomainEvents, clock: Clock) => {
    const made = new TunnelEngine(config, keys, events, clock);
    if (config.tunnel) await made.start();
    return made;
  },
};

@Module({
  imports: [FleetModule],
  providers: [engine, TunnelService, TunnelControl, TunnelFigures],
  exports: [TunnelService],
})
export class TunnelModule {}
