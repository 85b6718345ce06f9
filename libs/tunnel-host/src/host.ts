import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { nowUs, readCounters } from '@corridor/packet-io';
import type { GatewayVehicle, PeerStatus, TunnelPolicy } from '@corridor/tunnel';
import { type Family, parseEndpoint } from './address.js';
import { ConditionsWatch } from './conditions/conditions-watch.js';
import { HostError } from './errors.js';
import { BRIDGE_COUNTERS, StreamBridge } from './fallback/bridge.js';
import type { FallbackDoor, Remote } from './fallback/door.js';
import { FallbackKeeper } from './fallback/keeper.js';
import type { FallbackServer } from './fallback/server.js';
import type { CounterSet } from './messages.js';
import type { CapOptions, GatewayHostOptions, HostOptions, HostServices, VehicleHostOptions } from './options.js';
import { processStatus } from './process-status.js';
import type { HostEvent, HostStatus } from './status.js';
import { ipBatch } from './system/ip.js';
import { StateFile } from './system/state-file.js';
import { configureTun, removals, vehicleRouteCommands } from './system/tun-config.js';
import { UplinkWatch } from './system/uplink-watch.js';
import type { Uplink } from './system/uplinks.js';
import { WorkerClient } from './worker-client.js';

/** How long the worker may take to say goodbye to its peers, milliseconds. */
const CLOSE_MS = 2000;

/**
 * A tunnel on this machine: TUN device, addresses, routes and uplinks here, engine and packets in a worker thread.
 * Everything it makes goes away with {@link close}, and with the process.
 */
export class TunnelHost {
  /** Resolves when the tunnel has ended: with the reason when it was not {@link close} that ended it. */
  readonly ended: Promise<HostError | undefined>;
  readonly #options: HostOptions;
  readonly #services: HostServices;
  readonly #state: StateFile;
  readonly #bridge = new StreamBridge();
  readonly #worker: WorkerClient;
  readonly #listeners = new Set<(event: HostEvent) => void>();
  readonly #vehicles = new Map<string, GatewayVehicle>();
  readonly #atExit = () => this.#state.close();
  #watch: UplinkWatch | undefined;
  #keeper: FallbackKeeper | undefined;
  #door: FallbackDoor | undefined;
  #server: FallbackServer | undefined;
  #conditions: ConditionsWatch | undefined;
  #counters: readonly CounterSet[] = [];
  #tunName = '';
  #policy: TunnelPolicy;
  #closing: Promise<void> | undefined;

  private constructor(options: HostOptions, state: StateFile, services: HostServices) {
    this.#options = options;
    this.#services = services;
    this.#state = state;
    this.#policy = options.policy;
    this.#worker = new WorkerClient({ options, streams: this.#bridge.link }, (events) => {
      for (const event of events) this.#emit(event);
    });
    this.ended = this.#worker.ended.then(async (error) => {
      await this.#release();
      return error;
    });
    process.once('exit', this.#atExit);
  }

  /**
   * Starts a tunnel; resolves when packets can move. Needs CAP_NET_ADMIN and CAP_NET_RAW.
   * @throws HostError with one sentence; nothing is left behind.
   */
  static async start(
    options: HostOptions,
    onEvent?: (event: HostEvent) => void,
    services: HostServices = {},
  ): Promise<TunnelHost> {
    if (options.role === 'vehicle' && services.usage === undefined && options.uplinks.some(({ cap }) => cap)) {
      throw new HostError('ERR_HOST_CONFIG', 'an uplink has a data cap, and there is no place to keep its usage');
    }
    const host = new TunnelHost(options, StateFile.claim(options.stateFile), services);
    if (onEvent) host.onEvent(onEvent);
    try {
      await host.#open();
      return host;
    } catch (error) {
      // The error says it all: how the half-open tunnel goes down again is of no interest.
      host.#listeners.clear();
      await host.close();
      throw error;
    }
  }

  /** The policy in force: a vehicle's own, or a gateway's default. */
  get policy(): TunnelPolicy {
    return this.#policy;
  }

  /** Names of a gateway's vehicles. */
  get vehicleNames(): readonly string[] {
    return [...this.#vehicles.keys()];
  }

  /** Calls `listener` for everything that happens from now on; answers a function that ends that. */
  onEvent(listener: (event: HostEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async status(): Promise<HostStatus> {
    const { atUs, peers, refusals } = await this.#worker.command('status', {});
    return {
      role: this.#options.role,
      atUs,
      tun: { name: this.#tunName, mtu: this.#options.tun.mtu },
      peers,
      uplinks: (this.#watch?.uplinks ?? []).map(({ name, ifindex, addresses, priority, metered }) => ({
        name,
        ifindex,
        addresses,
        priority,
        metered,
        ...this.#conditions?.figuresOf(name),
      })),
      process: processStatus(),
      refusals,
      counters: this.counters(),
    };
  }

  /**
   * Status of `count` peers from the `from`th on (in the order of their adding), and the engine's time of it. A gateway of
   * many vehicles asks for some at a time: the worker moves no packet while it writes a status.
   */
  peers(from: number, count: number): Promise<{ readonly atUs: number; readonly peers: readonly PeerStatus[] }> {
    return this.#worker.command('peers', { from, count });
  }

  /** Counters by name, read from shared memory: cheap, no question to the worker. */
  counters(): Record<string, number> {
    const counters: Record<string, number> = {};
    const bridge = { prefix: 'bridge', names: BRIDGE_COUNTERS, values: this.#bridge.counters };
    for (const { prefix, names, values } of [...this.#counters, bridge]) {
      for (const [name, value] of Object.entries(readCounters(names, values))) counters[`${prefix}.${name}`] = value;
    }
    return counters;
  }

  /** Switches the policy: a vehicle's for both directions, a gateway's default. @throws HostError ERR_POLICY */
  async setPolicy(policy: TunnelPolicy): Promise<void> {
    await this.#worker.command('setPolicy', { policy });
    this.#policy = policy;
  }

  /**
   * Vehicle: data caps by interface, for uplinks whose options have none; replaces those given before. Nothing is
   * interrupted. @throws HostError where there is no place to keep their usage
   */
  setCaps(caps: ReadonlyMap<string, CapOptions>): void {
    if (caps.size > 0 && this.#services.usage === undefined) {
      throw new HostError('ERR_HOST_CONFIG', 'an uplink has a data cap, and there is no place to keep its usage');
    }
    this.#conditions?.setCaps(caps);
  }

  /** Drill: takes a path out of use or puts it back. `vehicle` counts at a gateway only. */
  async setPathBlocked(path: string, blocked: boolean, vehicle = ''): Promise<void> {
    await this.#worker.command('setPathBlocked', { vehicle, path, blocked });
  }

  /** Gateway: adds a vehicle or replaces the one of that name, with its routes. */
  async addVehicle(vehicle: GatewayVehicle): Promise<void> {
    await this.#worker.command('addVehicle', { vehicle });
    const before = this.#routeCommands(this.#vehicles.get(vehicle.name));
    const after = this.#routeCommands(vehicle);
    await ipBatch(removals(before.filter((command) => !after.includes(command))));
    await ipBatch(after.filter((command) => !before.includes(command)));
    this.#vehicles.set(vehicle.name, vehicle);
  }

  /** Gateway: ends a vehicle's session at once and forgets it. */
  async removeVehicle(name: string): Promise<void> {
    await this.#worker.command('removeVehicle', { name });
    const vehicle = this.#vehicles.get(name);
    this.#vehicles.delete(name);
    await ipBatch(removals(this.#routeCommands(vehicle)));
  }

  /**
   * Gateway: takes over a WebSocket upgrade request of a vehicle whose UDP gets nowhere, on whatever server it came. The
   * socket is no longer the caller's; strangers are limited, and shown out after 10 s.
   *
   * @param remote where it comes from, as a trusted proxy tells; default: the socket's own other end
   */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, remote?: Remote): void {
    const { remoteAddress, remotePort } = request.socket;
    if (this.#door) this.#door.upgrade(request, socket, head, remote ?? { address: remoteAddress, port: remotePort });
    else socket.destroy();
  }

  /** Says goodbye to the peers and takes everything away. Harmless when repeated. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #open(): Promise<void> {
    const options = this.#options;
    const opened = await this.#worker.command('open', {});
    this.#tunName = opened.tunName;
    this.#counters = opened.counters;
    await configureTun(this.#tunName, options.tun);
    if (options.role === 'gateway') {
      for (const vehicle of options.vehicles) this.#vehicles.set(vehicle.name, vehicle);
      await ipBatch(options.vehicles.flatMap((vehicle) => this.#routeCommands(vehicle)));
    }
    await this.#worker.command('run', {});
    if (options.role === 'vehicle') {
      await this.#watchUplinks(options);
      this.#keepFallback(options);
      return;
    }
    await this.#openDoor(options);
  }

  /** Loaded here: a vehicle needs none of it, and megabytes count there. */
  async #openDoor({ fallback }: GatewayHostOptions): Promise<void> {
    const { FallbackDoor } = await import('./fallback/door.js');
    this.#door = new FallbackDoor(this.#bridge);
    if (fallback === undefined) return;
    const { FallbackServer } = await import('./fallback/server.js');
    this.#server = await FallbackServer.listen(fallback, (request, socket, head) =>
      this.upgrade(request, socket, head),
    );
  }

  #keepFallback({ fallback, gateway }: VehicleHostOptions): void {
    if (fallback === undefined) return;
    this.#keeper = new FallbackKeeper({
      fallback,
      endpoints: gateway.endpoints.flatMap((text) => parseEndpoint(text)?.address ?? []),
      bridge: this.#bridge,
      uplinks: () => this.#watch?.uplinks ?? [],
      peer: async () => (await this.peers(0, 1)).peers[0],
      onEvent: (event) => this.#emit(event),
    });
    this.#keeper.start();
  }

  async #watchUplinks(options: VehicleHostOptions): Promise<void> {
    this.#conditions = new ConditionsWatch({
      wanted: options.uplinks,
      usage: this.#services.usage,
      trustedNowMs: () => this.#services.trustedNowMs?.(),
      // A worker that has just died is told of by `ended`.
      apply: (name, conditions) =>
        void this.#worker.command('setUplinkConditions', { name, conditions }).catch(() => {}),
      onChange: (uplink, reason) => this.#emit({ type: 'uplink', atUs: nowUs(), uplink, state: 'changed', reason }),
      onWarning: (reason) => this.#emit({ type: 'warning', atUs: nowUs(), reason }),
    });
    this.#conditions.start();
    const families = options.gateway.endpoints.map((text) => parseEndpoint(text)?.family ?? 4);
    this.#watch = new UplinkWatch({
      wanted: options.uplinks,
      families: [...new Set<Family>(families)],
      exclude: [this.#tunName],
      state: this.#state,
      apply: (uplinks, changed) => this.#applyUplinks(uplinks, changed),
      onChange: ({ uplink, state, reason }) => this.#emit({ type: 'uplink', atUs: nowUs(), uplink, state, reason }),
      onWarning: (reason) => this.#emit({ type: 'warning', atUs: nowUs(), reason }),
    });
    await this.#watch.start();
  }

  async #applyUplinks(uplinks: readonly Uplink[], changed: readonly string[]) {
    this.#conditions?.setUplinks(uplinks);
    const { failed, counters } = await this.#worker.command('setUplinks', { uplinks, changed });
    this.#counters = counters;
    return failed;
  }

  #routeCommands(vehicle: GatewayVehicle | undefined): string[] {
    return vehicle ? vehicleRouteCommands(this.#tunName, this.#options.tun, vehicle) : [];
  }

  #emit(event: HostEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async #close(): Promise<void> {
    await this.#watch?.close().catch(() => {});
    await this.#conditions?.close();
    this.#server?.close();
    const slow = setTimeout(() => void this.#worker.terminate(), CLOSE_MS);
    await this.#worker.command('close', {}).catch(() => {});
    await this.#worker.ended;
    clearTimeout(slow);
    await this.#release();
  }

  async #release(): Promise<void> {
    process.off('exit', this.#atExit);
    this.#keeper?.close();
    this.#door?.close();
    this.#server?.close();
    this.#bridge.close('the tunnel ends');
    await this.#watch?.close();
    await this.#conditions?.close();
    this.#state.close();
  }
}
