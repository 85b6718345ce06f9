import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { HostError, type HostStatus } from '@corridor/tunnel-host';
import { Inject, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { GatewayConfig } from '../config/gateway-config.js';
import { FleetService } from '../fleet/fleet.service.js';
import { FleetOverlay } from '../fleet/fleet-overlay.js';
import { GATEWAY_HOST } from '../fleet/overlay.js';
import { DomainError } from '../kernel/domain-error.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { KeyRing } from '../kernel/key-ring.js';
import { remoteOf } from './tunnel-door.js';
import { TunnelEngine } from './tunnel-engine.js';

/** What a device has to know of this gateway's tunnel. */
export interface TunnelFacts {
  /** X25519, base64. */
  readonly publicKey: string;
  /** "host:port" of the UDP sockets as vehicles reach them. */
  readonly endpoints: readonly string[];
  /** The gateway's overlay address with the length of the overlay, such as "10.77.0.1/16". */
  readonly overlay4: string;
  readonly overlay6: string | null;
  /** What vehicles reach through the tunnel beside the overlay. */
  readonly routes: readonly string[];
}

/**
 * The gateway's end of every tunnel, as the other domains see it. The engine's thread moves the packets: neither a slow query
 * nor a wedged main thread delays one. Here it is told which devices the registry has.
 */
@Injectable()
export class TunnelService implements OnModuleInit, OnApplicationShutdown {
  constructor(
    @Inject(GatewayConfig) private readonly config: GatewayConfig,
    @Inject(KeyRing) private readonly keys: KeyRing,
    @Inject(TunnelEngine) private readonly engine: TunnelEngine,
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(FleetOverlay) private readonly overlay: FleetOverlay,
    @Inject(DomainEvents) events: DomainEvents,
  ) {
    if (!config.tunnel) return;
    events.on('device-active', (device) => engine.put(device));
    events.on('device-revoked', ({ deviceId, vehicleId }) => engine.remove(vehicleId, deviceId));
    events.on('vehicle-removed', ({ vehicleId }) => engine.remove(vehicleId));
  }

  /** Packets can move. */
  get running(): boolean {
    return this.engine.host !== undefined;
  }

  facts(): TunnelFacts {
    const [overlay4, overlay6] = this.overlay.interfaceAddresses(GATEWAY_HOST);
    return {
      publicKey: this.keys.tunnelPublicKey,
      endpoints: this.config.tunnelEndpoints,
      overlay4: overlay4!,
      overlay6: overlay6 ?? null,
      routes: this.config.routes,
    };
  }

  /** A vehicle whose UDP gets nowhere comes over WebSocket: it proves itself to the engine, as over UDP. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { host } = this.engine;
    if (host) host.upgrade(request, socket, head, remoteOf(request));
    else socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  }

  /** Counters of loop, device and sockets by name, from shared memory; empty while the engine does not run. */
  counters(): Readonly<Record<string, number>> {
    return this.engine.host?.counters() ?? {};
  }

  /** Everything that the engine's host says of itself. @throws DomainError `tunnel-unavailable` */
  async hostStatus(): Promise<HostStatus> {
    const { host } = this.engine;
    if (!host) throw new DomainError('unavailable', 'tunnel-unavailable', 'The tunnel does not run at the moment.');
    return host.status();
  }

  /**
   * Drill: takes a vehicle's path out of use at this end, or puts it back. It lasts as long as the vehicle's session.
   *
   * @throws DomainError `tunnel-unavailable` or `link-unknown`
   */
  async setPathBlocked(vehicleId: string, path: string, blocked: boolean): Promise<void> {
    const { host } = this.engine;
    if (!host) throw new DomainError('unavailable', 'tunnel-unavailable', 'The tunnel does not run at the moment.');
    try {
      await host.setPathBlocked(path, blocked, vehicleId);
    } catch (error) {
      if (!(error instanceof HostError) || error.code !== 'ERR_UNKNOWN_PATH') throw error;
      throw new DomainError('not-found', 'link-unknown', `The gateway has ${error.message}.`);
    }
  }

  async onModuleInit(): Promise<void> {
    if (!this.config.tunnel) return;
    this.engine.listen();
    this.engine.keepOnly(await this.fleet.activeDevices());
  }

  /** The tunnels go last: whoever drains may still need them. */
  async onApplicationShutdown(): Promise<void> {
    if (this.config.tunnel) await this.engine.close();
  }
}
