import { join } from 'node:path';
import { frameOf } from '@corridor/telemetry';
import { type GatewayVehicle, parsePrefix } from '@corridor/tunnel';
import { HostError, type HostStatus, TunnelHost } from '@corridor/tunnel-host';
import { Inject, Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { GatewayConfig } from '../config/gateway-config.js';
import { FleetService } from '../fleet/fleet.service.js';
import { FleetOverlay } from '../fleet/fleet-overlay.js';
import { GATEWAY_HOST } from '../fleet/overlay.js';
import { Clock } from '../kernel/clock.js';
import { DomainError } from '../kernel/domain-error.js';
import { type ActiveDevice, DomainEvents } from '../kernel/domain-events.js';
import { wallMs } from '../kernel/engine-time.js';
import { KeyRing } from '../kernel/key-ring.js';
import { forwardingWarnings } from './forwarding.js';
import { PeerSampler, type Sample } from './peer-sampler.js';
import { TunnelSupervisor } from './tunnel-supervisor.js';
import { TunnelVehicles } from './tunnel-vehicles.js';

/** Largest inner packet, bytes; vehicles use the same. */
const TUNNEL_MTU = 1400;
/** For what is sent to a vehicle before its first session has told its own policy: nothing clever, one path. */
const FIRST_POLICY = { version: 0, default: { strategy: 'active-standby' }, classes: [] };
const KEY_BYTES = 32;

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
 * The gateway's end of every tunnel. The engine runs in a worker thread of its own: neither a slow query nor a wedged main
 * thread delays a packet. What this class does is slow and may wait: it keeps the engine's vehicles as the registry has
 * them, passes on what it says, and starts it again should it die.
 */
@Injectable()
export class TunnelService implements OnModuleInit, OnApplicationShutdown {
  readonly #log = new Logger('tunnel');
  readonly #vehicles = new TunnelVehicles((vehicle, error) =>
    this.#log.warn(`vehicle ${vehicle} is not in the tunnel as it should be: ${error.message}`),
  );
  /** Which device a vehicle's key is of: revoking a former device changes nothing. */
  readonly #deviceOf = new Map<string, string>();
  readonly #supervisor = new TunnelSupervisor<TunnelHost>({
    start: () => this.#startHost(),
    onUp: (host) => this.#up(host),
    onDown: (reason, pauseMs) => this.#down(reason, pauseMs),
    monotonicMs: () => this.clock.monotonicMs(),
  });
  readonly #sampler = new PeerSampler(
    () => this.#supervisor.host,
    (sample) => this.#sampled(sample),
  );

  constructor(
    @Inject(GatewayConfig) private readonly config: GatewayConfig,
    @Inject(KeyRing) private readonly keys: KeyRing,
    @Inject(FleetService) private readonly fleet: FleetService,
    @Inject(FleetOverlay) private readonly overlay: FleetOverlay,
    @Inject(DomainEvents) private readonly events: DomainEvents,
    @Inject(Clock) private readonly clock: Clock,
  ) {
    events.on('device-active', (device) => this.#put(device));
    events.on('device-revoked', ({ deviceId, vehicleId }) => this.#revoked(deviceId, vehicleId));
    events.on('vehicle-removed', ({ vehicleId }) => this.#remove(vehicleId));
  }

  /** Packets can move. */
  get running(): boolean {
    return this.#supervisor.host !== undefined;
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

  /** Counters of loop, device and sockets by name, from shared memory; empty while the engine does not run. */
  counters(): Readonly<Record<string, number>> {
    return this.#supervisor.host?.counters() ?? {};
  }

  /** Everything that the engine's host says of itself. @throws DomainError `tunnel-unavailable` */
  async hostStatus(): Promise<HostStatus> {
    const { host } = this.#supervisor;
    if (!host) throw new DomainError('unavailable', 'tunnel-unavailable', 'The tunnel does not run at the moment.');
    return host.status();
  }

  /**
   * Drill: takes a vehicle's path out of use at this end, or puts it back. It lasts as long as the vehicle's session.
   *
   * @throws DomainError `tunnel-unavailable` or `link-unknown`
   */
  async setPathBlocked(vehicleId: string, path: string, blocked: boolean): Promise<void> {
    const { host } = this.#supervisor;
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
    for (const warning of forwardingWarnings(this.config.routes)) this.#log.warn(warning);
    for (const device of await this.fleet.activeDevices()) this.#put(device);
    await this.#supervisor.start();
    this.#sampler.start();
  }

  /** The tunnels go last: whoever drains may still need them. */
  async onApplicationShutdown(): Promise<void> {
    this.#sampler.stop();
    this.#vehicles.detach();
    await this.#supervisor.close();
  }

  async #startHost(): Promise<TunnelHost> {
    const vehicles = this.#vehicles.forStart();
    try {
      return await this.#openHost(vehicles);
    } catch (error) {
      // One vehicle with a network that collides with a route of this machine must not take the others down.
      if (vehicles.length === 0) throw error;
      const host = await this.#openHost([]);
      this.#vehicles.addAll();
      return host;
    }
  }

  #openHost(vehicles: readonly GatewayVehicle[]): Promise<TunnelHost> {
    const { config } = this;
    return TunnelHost.start(
      {
        role: 'gateway',
        privateKey: this.keys.tunnelPrivateKey,
        listen: config.tunnelListen,
        tun: {
          name: config.tun,
          mtu: TUNNEL_MTU,
          addresses: this.overlay.interfaceAddresses(GATEWAY_HOST),
          routes: [],
        },
        policy: FIRST_POLICY,
        vehicles,
        stateFile: join(config.dataDirectory, 'tunnel.state'),
      },
      (event) => this.events.emit('tunnel-event', event),
    );
  }

  #up(host: TunnelHost): void {
    this.#log.log(`runs on ${this.config.tun}, listens on ${this.config.tunnelListen.join(', ')}`);
    this.#vehicles.attach(host);
    this.events.emit('tunnel-state', { running: true, reason: 'runs' });
  }

  #down(reason: string, pauseMs: number): void {
    this.#log.error(`${reason}; it starts again in ${pauseMs} ms`);
    this.#vehicles.detach();
    this.events.emit('tunnel-state', { running: false, reason });
  }

  #put(device: ActiveDevice): void {
    const vehicle = this.#vehicleOf(device);
    if (!vehicle) return;
    this.#deviceOf.set(device.vehicleId, device.deviceId);
    this.#vehicles.put(vehicle);
  }

  /** What the engine cannot read is left out and told: the engine must never stumble over a row. */
  #vehicleOf({ vehicleId, vehicleName, tunnelPublicKeys, prefixes }: ActiveDevice): GatewayVehicle | undefined {
    const [publicKey, nextPublicKey] = tunnelPublicKeys.map((text) => new Uint8Array(Buffer.from(text, 'base64')));
    if (publicKey?.length !== KEY_BYTES) {
      this.#log.warn(`the tunnel key of ${vehicleName} is not one`);
      return undefined;
    }
    const addresses = prefixes.filter((prefix) => parsePrefix(prefix) !== undefined);
    if (addresses.length < prefixes.length) this.#log.warn(`some networks of ${vehicleName} are no prefixes`);
    const rotates = nextPublicKey?.length === KEY_BYTES;
    return { name: vehicleId, publicKey, addresses, ...(rotates ? { nextPublicKey } : {}) };
  }

  #revoked(deviceId: string, vehicleId: string): void {
    if (this.#deviceOf.get(vehicleId) === deviceId) this.#remove(vehicleId);
  }

  #remove(vehicleId: string): void {
    this.#deviceOf.delete(vehicleId);
    this.#sampler.forget(vehicleId);
    this.#vehicles.remove(vehicleId);
  }

  #sampled({ peer, atUs }: Sample): void {
    const nowMs = this.clock.nowMs();
    this.events.emit('gateway-frame', {
      vehicleId: peer.name,
      frame: frameOf(peer, atUs),
      atMs: wallMs(atUs, nowMs),
      heardAtMs: peer.heardAtUs === 0 ? null : wallMs(peer.heardAtUs, nowMs),
    });
  }
}
