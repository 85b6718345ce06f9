import { join } from 'node:path';
import { frameOf } from '@corridor/telemetry';
import { builtInPolicy, type GatewayVehicle, parsePrefix } from '@corridor/tunnel';
import { HostError, type HostEvent, TunnelHost } from '@corridor/tunnel-host';
import { Logger } from '@nestjs/common';
import type { GatewayConfig } from '../config/gateway-config.js';
import { GATEWAY_HOST, Overlay } from '../fleet/overlay.js';
import type { Clock } from '../kernel/clock.js';
import type { ActiveDevice, DomainEvents } from '../kernel/domain-events.js';
import { wallMs } from '../kernel/engine-time.js';
import type { KeyRing } from '../kernel/key-ring.js';
import { StartError } from '../kernel/start-error.js';
import { forwardingWarnings } from './forwarding.js';
import { PeerSampler, type Sample } from './peer-sampler.js';
import { RememberedDevices } from './remembered-devices.js';
import { TunnelSupervisor } from './tunnel-supervisor.js';
import { TunnelVehicles } from './tunnel-vehicles.js';

/** Largest inner packet, bytes; vehicles use the same. */
const TUNNEL_MTU = 1400;
const KEY_BYTES = 32;
/** What happens before the house listens is kept for it, to this number of events. */
const MOST_EARLY = 10_000;

/**
 * The engine of all tunnels, kept running with the right vehicles. It waits for nobody: at its start it takes the devices
 * that it remembers, so that tunnels stand again before the database does, and without one.
 */
export class TunnelEngine {
  readonly #log = new Logger('tunnel');
  readonly #config: GatewayConfig;
  readonly #keys: KeyRing;
  readonly #events: DomainEvents;
  readonly #clock: Clock;
  readonly #addresses: readonly string[];
  readonly #remembered: RememberedDevices;
  readonly #devices = new Map<string, ActiveDevice>();
  readonly #vehicles = new TunnelVehicles((vehicle, error) =>
    this.#log.warn(`vehicle ${vehicle} is not in the tunnel as it should be: ${error.message}`),
  );
  readonly #supervisor = new TunnelSupervisor<TunnelHost>({
    start: () => this.#startHost(),
    onUp: (host) => this.#up(host),
    onDown: (reason, pauseMs) => this.#down(reason, pauseMs),
    monotonicMs: () => this.#clock.monotonicMs(),
  });
  readonly #sampler = new PeerSampler(
    () => this.#supervisor.host,
    (sample) => this.#sampled(sample),
  );
  #early: HostEvent[] | undefined = [];

  constructor(config: GatewayConfig, keys: KeyRing, events: DomainEvents, clock: Clock) {
    this.#config = config;
    this.#keys = keys;
    this.#events = events;
    this.#clock = clock;
    this.#addresses = new Overlay(config.overlay, config.overlay6).interfaceAddresses(GATEWAY_HOST);
    this.#remembered = new RememberedDevices(join(config.dataDirectory, 'tunnel-devices.json'));
  }

  /** The host that runs now. */
  get host(): TunnelHost | undefined {
    return this.#supervisor.host;
  }

  /** @throws StartError with one sentence for what is in its way */
  async start(): Promise<void> {
    for (const warning of forwardingWarnings(this.#config.routes)) this.#log.warn(warning);
    for (const device of this.#remembered.load()) this.#take(device);
    try {
      await this.#supervisor.start();
    } catch (error) {
      if (error instanceof HostError) throw new StartError(`the tunnel did not start: ${error.message}`);
      throw error;
    }
  }

  /** The house listens from now on; what happened before is told first. */
  listen(): void {
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const event of early) this.#events.emit('tunnel-event', event);
    if (this.host) this.#events.emit('tunnel-state', { running: true, reason: 'runs' });
    this.#sampler.start();
  }

  async close(): Promise<void> {
    this.#sampler.stop();
    this.#vehicles.detach();
    this.#remembered.save([...this.#devices.values()]);
    await this.#supervisor.close();
  }

  /** These devices may use the tunnel, and no others. */
  keepOnly(devices: readonly ActiveDevice[]): void {
    const wanted = new Set(devices.map(({ vehicleId }) => vehicleId));
    for (const vehicleId of [...this.#devices.keys()]) if (!wanted.has(vehicleId)) this.remove(vehicleId);
    for (const device of devices) this.put(device);
  }

  put(device: ActiveDevice): void {
    this.#take(device);
    this.#remembered.saveSoon(() => [...this.#devices.values()]);
  }

  /** @param deviceId only when it is this one's key that the vehicle uses: revoking a former device changes nothing */
  remove(vehicleId: string, deviceId = this.#devices.get(vehicleId)?.deviceId): void {
    if (this.#devices.get(vehicleId)?.deviceId !== deviceId) return;
    this.#vehicles.remove(vehicleId);
    this.#devices.delete(vehicleId);
    this.#sampler.forget(vehicleId);
    // At once: a device that was revoked must not come back with the next start.
    this.#remembered.save([...this.#devices.values()]);
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
    const config = this.#config;
    return TunnelHost.start(
      {
        role: 'gateway',
        privateKey: this.#keys.tunnelPrivateKey,
        listen: config.tunnelListen,
        tun: {
          name: config.tun,
          mtu: TUNNEL_MTU,
          addresses: this.#addresses,
          routes: [],
        },
        // For what is sent to a vehicle before its first session has told its own policy.
        policy: builtInPolicy,
        vehicles,
        stateFile: join(config.dataDirectory, 'tunnel.state'),
      },
      (event) => this.#tell(event),
    );
  }

  #up(host: TunnelHost): void {
    this.#log.log(`runs on ${this.#config.tun}, listens on ${this.#config.tunnelListen.join(', ')}`);
    this.#vehicles.attach(host);
    this.#events.emit('tunnel-state', { running: true, reason: 'runs' });
  }

  #down(reason: string, pauseMs: number): void {
    this.#log.error(`${reason}; it starts again in ${pauseMs} ms`);
    this.#vehicles.detach();
    this.#events.emit('tunnel-state', { running: false, reason });
  }

  #tell(event: HostEvent): void {
    if (!this.#early) this.#events.emit('tunnel-event', event);
    else if (this.#early.length < MOST_EARLY) this.#early.push(event);
  }

  #take(device: ActiveDevice): void {
    const vehicle = this.#vehicleOf(device);
    if (!vehicle) return;
    const before = this.#devices.get(device.vehicleId);
    this.#devices.set(device.vehicleId, device);
    if (JSON.stringify(before) !== JSON.stringify(device)) this.#vehicles.put(vehicle);
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

  #sampled({ peer, atUs }: Sample): void {
    const nowMs = this.#clock.nowMs();
    this.#events.emit('gateway-frame', {
      vehicleId: peer.name,
      frame: frameOf(peer, atUs),
      atMs: wallMs(atUs, nowMs),
      heardAtMs: peer.heardAtUs === 0 ? null : wallMs(peer.heardAtUs, nowMs),
    });
  }
}
