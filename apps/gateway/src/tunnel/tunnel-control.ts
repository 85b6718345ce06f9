import { join } from 'node:path';
import { ControlError, ControlServer } from '@corridor/tunnel-host';
import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { GatewayConfig } from '../config/gateway-config.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { TunnelService } from './tunnel.service.js';

/** sockaddr_un holds 108 bytes with the closing zero. */
const LONGEST_SOCKET_PATH = 107;

/**
 * The tunnel's control socket, `CORRIDOR_DATA/tunnel.sock` (0600): `corridor-tunnel status` and `watch` work on a gateway as
 * on a tunnel of its own. Policies cannot be set here: they come from the registry.
 */
@Injectable()
export class TunnelControl implements OnModuleInit, OnApplicationShutdown {
  readonly #log = new Logger('tunnel');
  #server: ControlServer | undefined;

  constructor(
    @Inject(GatewayConfig) private readonly config: GatewayConfig,
    @Inject(TunnelService) private readonly tunnel: TunnelService,
    @Inject(DomainEvents) private readonly events: DomainEvents,
  ) {}

  async onModuleInit(): Promise<void> {
    const path = join(this.config.dataDirectory, 'tunnel.sock');
    if (!this.config.tunnel) return;
    if (Buffer.byteLength(path) > LONGEST_SOCKET_PATH) {
      this.#log.warn(`no control socket: ${path} is longer than ${LONGEST_SOCKET_PATH} bytes`);
      return;
    }
    this.#server = await ControlServer.listen(path, {
      status: () => this.tunnel.hostStatus(),
      setPathBlocked: (name, blocked, vehicle) => this.tunnel.setPathBlocked(vehicle ?? '', name, blocked),
      onEvent: (listener) => this.events.on('tunnel-event', listener),
      setPolicy: async () => {
        throw new ControlError('ERR_CONTROL_METHOD', 'policies of this gateway are set over REST');
      },
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#server?.close();
  }
}
