import { Inject, Injectable } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { GatewayConfig } from '../config/gateway-config.js';
import { Health } from '../http/health.js';
import { Metrics } from '../http/metrics.js';
import { TunnelService } from './tunnel.service.js';

/** What health and Prometheus say about the tunnels. */
@Injectable()
export class TunnelFigures {
  constructor(
    @Inject(TunnelService) tunnel: TunnelService,
    @Inject(GatewayConfig) config: GatewayConfig,
    @Inject(Health) health: Health,
    @Inject(Metrics) metrics: Metrics,
  ) {
    health.addPart('tunnel', () => (config.tunnel ? (tunnel.running ? 'up' : 'down') : 'off'));
    new Gauge({
      name: 'corridor_tunnel_counter',
      help: 'Counters of the tunnel’s loop, TUN device and sockets since the engine started, by name',
      labelNames: ['counter'],
      registers: [metrics.registry],
      collect() {
        for (const [counter, value] of Object.entries(tunnel.counters())) this.set({ counter }, value);
      },
    });
  }
}
