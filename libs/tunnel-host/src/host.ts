import { nowUs, readCounters } from '@corridor/packet-io';
import type { GatewayVehicle, PeerStatus, TunnelPolicy } from '@corridor/tunnel';
import { type Family, parseEndpoint } from './address.js';
import type { HostError } from './errors.js';
import type { CounterSet } from './messages.js';
import type { HostOptions, VehicleHostOptions } from './options.js';
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
  readonly #state: StateFile;
  readonly #worker: WorkerClient;
  readonly #listeners = new Set<(event: HostEvent) => void>();
  readonly #vehicles = new Map<string, GatewayVehicle>();
  readonly #atExit = () => this.#state.close();
  #watch: UplinkWatch | undefined;
  #counters: readonly CounterSet[] = [];
  #tunName = '';
  #policy: TunnelPolicy;
  #closing: Promise<void> | undefined;

  private constructor(options: HostOptions, state: StateFile) {
    this.#options = options;
    this.#state = state;
    this.#policy = options.policy;
    this.#worker = new WorkerClient({ options }, (events) => {
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
  static async start(options: HostOptions, onEvent?: (event: HostEvent) => void): Promise<TunnelHost> {
    const host = new TunnelHost(options, StateFile.claim(options.stateFile));
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
    for (const { prefix, names, values } of this.#counters) {
      for (const [name, value] of Object.entries(readCounters(names, values))) counters[`${prefix}.${name}`] = value;
    }
    return counters;
  }

  /** Switches the policy: a vehicle's for both directions, a gateway's default. @throws HostError ERR_POLICY */
  async setPolicy(policy: TunnelPolicy): Promise<void> {
    await this.#worker.command('setPolicy', { policy });
    this.#policy = policy;
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
    if (options.role === 'vehicle') await this.#watchUplinks(options);
  }

  async #watchUplinks(options: VehicleHostOptions): Promise<void> {
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
    const slow = setTimeout(() => void this.#worker.terminate(), CLOSE_MS);
    await this.#worker.command('close', {}).catch(() => {});
    await this.#worker.ended;
    clearTimeout(slow);
    await this.#release();
  }

  async #release(): Promise<void> {
    process.off('exit', this.#atExit);
    await this.#watch?.close();
    this.#state.close();
  }
}
