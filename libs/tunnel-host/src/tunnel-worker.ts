import {
  DatagramSender,
  NativeAead,
  nativeGf256,
  nowUs,
  SENDER_COUNTERS,
  TUN_COUNTERS,
  TunDevice,
} from '@corridor/packet-io';
import {
  createGatewayEngine,
  createVehicleEngine,
  type EngineEvent,
  type EngineOptions,
  type GatewayEngine,
  type PeerStatus,
  type UplinkConditions,
  type VehicleEngine,
} from '@corridor/tunnel';
import { type Endpoint, parseEndpoint } from './address.js';
import { measureCiphers } from './ciphers.js';
import { HostError } from './errors.js';
import type { StreamLink } from './fallback/messages.js';
import { STREAM_COUNTERS, StreamSockets } from './fallback/stream-sockets.js';
import { LOOP_COUNTERS, TunnelLoop } from './loop.js';
import type { CounterSet, WorkerCommand, WorkerCommandName, WorkerCommands } from './messages.js';
import { nodeHandshakePrimitives, nodeRandom } from './node-primitives.js';
import type { HostOptions } from './options.js';
import { HostRoutes, ListenSockets, UplinkSockets } from './sockets.js';
import { loadStrategies } from './strategies.js';

type Handlers = {
  [N in WorkerCommandName]: (
    params: WorkerCommands[N]['params'],
  ) => WorkerCommands[N]['result'] | Promise<WorkerCommands[N]['result']>;
};

/** What exists once the tunnel is open. */
interface Open {
  readonly engine:
    | { readonly role: 'vehicle'; readonly it: VehicleEngine }
    | { readonly role: 'gateway'; readonly it: GatewayEngine };
  readonly loop: TunnelLoop;
  readonly tun: TunDevice;
  readonly sender: DatagramSender;
  readonly sockets: UplinkSockets | ListenSockets;
  readonly streams: StreamSockets;
}

/** What the worker says without being asked. */
export interface WorkerOutlet {
  events(events: EngineEvent[]): void;
  /** The tunnel is closed and cannot go on. */
  fatal(reason: HostError): void;
}

/** Performs the commands of the main thread, one after the other. */
export class TunnelWorker {
  readonly #options: HostOptions;
  readonly #link: StreamLink;
  readonly #outlet: WorkerOutlet;
  /** Of uplinks by name. A path over a stream is of the uplink whose name stands before the slash. */
  readonly #conditions = new Map<string, UplinkConditions>();
  #open: Open | undefined;
  #events: EngineEvent[] = [];

  constructor(options: HostOptions, link: StreamLink, outlet: WorkerOutlet) {
    this.#options = options;
    this.#link = link;
    this.#outlet = outlet;
  }

  perform(command: WorkerCommand): unknown {
    const handler = this.#handlers[command.name] as (params: unknown) => unknown;
    return handler(command.params);
  }

  readonly #handlers: Handlers = {
    open: () => this.#openTunnel(),
    run: () => {
      // What loading left behind goes now, before packets move (only with --expose-gc, as the agent has it): collected
      // later it would hold them up, and until then it is a fifth of a vehicle's memory.
      (globalThis as { gc?: () => void }).gc?.();
      this.#opened().loop.start();
      return {};
    },
    setUplinks: ({ uplinks, changed }) => {
      const { sockets } = this.#opened();
      if (!(sockets instanceof UplinkSockets)) throw wrongRole('vehicle');
      const { failed } = sockets.update(uplinks);
      this.#statePaths(changed);
      return { failed, counters: this.#counters() };
    },
    setUplinkConditions: ({ name, conditions }) => {
      this.#conditions.set(name, conditions);
      for (const path of [name, `${name}/tls`]) {
        this.#vehicle().setUplinkConditions(path, conditions, nowUs());
        this.#opened().loop.settle();
      }
      return {};
    },
    status: () => {
      const { engine } = this.#opened();
      const atUs = nowUs();
      return { atUs, peers: engine.it.status(atUs), refusals: Object.fromEntries(engine.it.refusals) };
    },
    peers: ({ from, count }) => {
      const atUs = nowUs();
      return { atUs, peers: this.#opened().engine.it.status(atUs, from, count) };
    },
    setPolicy: ({ policy }) => {
      const { engine, loop } = this.#opened();
      if (engine.role === 'vehicle') engine.it.setPolicy(policy, nowUs());
      else engine.it.setDefaultPolicy(policy, nowUs());
      loop.settle();
      return {};
    },
    setPathBlocked: ({ vehicle, path, blocked }) => {
      const { engine, loop } = this.#opened();
      requirePath(engine.it.status(nowUs()), engine.role === 'vehicle' ? undefined : vehicle, path);
      if (engine.role === 'vehicle') engine.it.setPathBlocked(path, blocked, nowUs());
      else engine.it.setPathBlocked(vehicle, path, blocked, nowUs());
      loop.settle();
      return {};
    },
    addVehicle: ({ vehicle }) => {
      this.#gateway().addVehicle(vehicle, nowUs());
      this.#opened().loop.settle();
      return {};
    },
    removeVehicle: ({ name }) => {
      this.#gateway().removeVehicle(name, nowUs());
      this.#opened().loop.settle();
      return {};
    },
    close: () => {
      this.#close();
      return {};
    },
  };

  async #openTunnel(): Promise<WorkerCommands['open']['result']> {
    const options = this.#options;
    const sender = new DatagramSender();
    const routes = new HostRoutes(sender);
    const strategies = await loadStrategies(options.strategyModules ?? []);
    const engineOptions: EngineOptions = {
      primitives: {
        aead: new NativeAead(),
        handshake: nodeHandshakePrimitives,
        random: nodeRandom,
        routes,
        gf256: nativeGf256,
      },
      privateKey: options.privateKey,
      ciphers: options.ciphers ?? measureCiphers(),
      strategies,
      policy: options.policy,
      mtu: options.tun.mtu,
      ...(options.sendSlots === undefined ? {} : { sendSlots: options.sendSlots }),
    };
    const engine: Open['engine'] =
      options.role === 'vehicle'
        ? {
            role: 'vehicle',
            it: createVehicleEngine({ ...engineOptions, gatewayPublicKey: options.gateway.publicKey }),
          }
        : { role: 'gateway', it: createGatewayEngine(engineOptions, options.vehicles) };
    const { name, mtu, offload, queueLength } = options.tun;
    const tun = openTun(name, mtu, offload, queueLength);
    const loop = new TunnelLoop(
      engine.it,
      tun,
      sender,
      (event) => this.#queueEvent(event),
      () => this.#end(new HostError('ERR_HOST_SYSTEM', `somebody deleted the TUN device "${tun.name}"`)),
    );
    const sockets =
      options.role === 'vehicle'
        ? new UplinkSockets(loop, options.gateway.endpoints.map(endpoint))
        : listen(new ListenSockets(loop), options.listen);
    const streams = new StreamSockets(this.#link, {
      receive: (batch) => loop.receive(batch),
      pathsChanged: () => this.#statePaths([]),
    });
    routes.streams = streams;
    loop.addStreams(streams);
    this.#open = { engine, loop, tun, sender, sockets, streams };
    return { tunName: tun.name, counters: this.#counters() };
  }

  /** A vehicle's paths: its uplinks over UDP, and its streams. */
  #statePaths(changed: readonly string[]): void {
    const { sockets, streams, loop } = this.#opened();
    const states = sockets instanceof UplinkSockets ? sockets.states : [];
    const paths = [...states, ...streams.states()].map((path) => {
      const conditions = this.#conditions.get(path.name.split('/')[0]);
      return conditions === undefined ? path : { ...path, conditions };
    });
    this.#vehicle().setUplinks(paths, changed, nowUs());
    loop.settle();
  }

  #close(): void {
    const open = this.#open;
    if (!open) return;
    this.#open = undefined;
    open.engine.it.close(nowUs());
    open.engine.it.drain(open.loop);
    open.loop.stop();
    open.sockets.closeAll();
    open.streams.close();
    open.tun.close();
    this.#flushEvents();
  }

  #end(reason: HostError): void {
    this.#close();
    this.#outlet.fatal(reason);
  }

  /** Events of one turn of the event loop cross the port together. */
  #queueEvent(event: EngineEvent): void {
    if (this.#events.length === 0) setImmediate(() => this.#flushEvents());
    this.#events.push(event);
  }

  #flushEvents(): void {
    if (this.#events.length === 0) return;
    this.#outlet.events(this.#events);
    this.#events = [];
  }

  #counters(): CounterSet[] {
    const { loop, tun, sender, sockets, streams } = this.#opened();
    return [
      { prefix: 'loop', names: LOOP_COUNTERS, values: loop.counters },
      { prefix: 'tun', names: TUN_COUNTERS, values: tun.counters },
      { prefix: 'sender', names: SENDER_COUNTERS, values: sender.counters },
      { prefix: 'streams', names: STREAM_COUNTERS, values: streams.counters },
      ...sockets.counters(),
    ];
  }

  #opened(): Open {
    if (!this.#open) throw new HostError('ERR_HOST_CLOSED', 'the tunnel is not open');
    return this.#open;
  }

  #vehicle(): VehicleEngine {
    const { engine } = this.#opened();
    if (engine.role !== 'vehicle') throw wrongRole('vehicle');
    return engine.it;
  }

  #gateway(): GatewayEngine {
    const { engine } = this.#opened();
    if (engine.role !== 'gateway') throw wrongRole('gateway');
    return engine.it;
  }
}

function openTun(name: string, mtu: number, offload: boolean | undefined, queueLength: number | undefined): TunDevice {
  try {
    return TunDevice.open({ name, mtu, offload, queueLength });
  } catch (error) {
    throw new HostError('ERR_HOST_SYSTEM', tunSentence(name, error as NodeJS.ErrnoException));
  }
}

function tunSentence(name: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'EPERM')
    return `the TUN device "${name}" cannot be made, is CAP_NET_ADMIN missing? (${error.message})`;
  if (error.code === 'EBUSY') return `the TUN device "${name}" is in use: is another tunnel running?`;
  if (error.code === 'ENOENT') return 'the TUN device cannot be made: /dev/net/tun is missing (modprobe tun)';
  if (error.code === 'EACCES') return 'the TUN device cannot be made: no access to /dev/net/tun';
  return `the TUN device "${name}" cannot be made: ${error.message}`;
}

function listen(sockets: ListenSockets, addresses: readonly string[]): ListenSockets {
  for (const address of addresses) {
    try {
      sockets.listen(endpoint(address));
    } catch (error) {
      throw new HostError('ERR_HOST_SYSTEM', `cannot listen on ${address}: ${(error as Error).message}`);
    }
  }
  return sockets;
}

function endpoint(text: string): Endpoint {
  const parsed = parseEndpoint(text);
  if (!parsed) throw new HostError('ERR_HOST_CONFIG', `"${text}" is not "address:port"`);
  return parsed;
}

/** @throws HostError ERR_UNKNOWN_PATH, naming those that exist. */
function requirePath(peers: readonly PeerStatus[], vehicle: string | undefined, path: string): void {
  const peer = vehicle === undefined ? peers[0] : peers.find(({ name }) => name === vehicle);
  const known = (peer?.paths ?? []).map(({ name }) => name);
  if (known.includes(path)) return;
  const there = known.length === 0 ? 'there is none now' : `there are ${known.join(', ')}`;
  throw new HostError('ERR_UNKNOWN_PATH', `no path "${path}": ${there}`);
}

function wrongRole(wanted: string): HostError {
  return new HostError('ERR_WRONG_ROLE', `only a ${wanted} can do that`);
}
