import type { Credentials } from '@corridor/contracts';
import type { TunnelPolicy } from '@corridor/tunnel';
import {
  type CapOptions,
  type HostEvent,
  type HostServices,
  type HostStatus,
  type Log,
  parseEndpoint,
  parseWrittenPrefix,
  TunnelHost,
  type VehicleFallbackOptions,
  type VehicleHostOptions,
} from '@corridor/tunnel-host';
import type { AgentConfig } from '../config/schema.js';
import { Backoff, Pause } from '../mqtt/backoff.js';
import type { TunnelHealth } from '../policy/policy-keeper.js';

/** What decides how the tunnel is set up; when one of them changes it starts anew. */
export interface TunnelSetup {
  /** X25519, base64. */
  readonly privateKey: string;
  readonly tunnel: Credentials['tunnel'];
  readonly fallback: VehicleFallbackOptions;
}

export interface TunnelHooks {
  event(event: HostEvent): void;
  /** The tunnel ended by itself; it starts again after a pause. */
  died(): void;
}

/** The tunnel of this vehicle: there from start to close, started again when it ends by itself. */
export class VehicleTunnel {
  readonly #config: AgentConfig;
  readonly #services: HostServices;
  readonly #hooks: TunnelHooks;
  readonly #log: Log;
  readonly #backoff = new Backoff(250, 10_000);
  readonly #pause = new Pause();
  #setup: TunnelSetup | undefined;
  #policy: TunnelPolicy;
  #caps: ReadonlyMap<string, CapOptions> = new Map();
  #host: TunnelHost | undefined;
  #fault = 'not started';
  #established = false;
  #closing = false;
  #loop: Promise<void> | undefined;
  #firstTry: (() => void) | undefined;

  constructor(config: AgentConfig, policy: TunnelPolicy, services: HostServices, hooks: TunnelHooks, log: Log) {
    this.#config = config;
    this.#services = services;
    this.#policy = policy;
    this.#hooks = hooks;
    this.#log = log;
  }

  /** Whether a session with the gateway stands. */
  get established(): boolean {
    return this.#established;
  }

  /** Why there is no tunnel; empty while there is one. */
  get fault(): string {
    return this.#host === undefined ? this.#fault : '';
  }

  /** Starts the tunnel, or starts it anew when the setup is another. Resolves after the first attempt. */
  async use(setup: TunnelSetup): Promise<void> {
    if (JSON.stringify(setup) === JSON.stringify(this.#setup)) return;
    const mistake = setupMistake(setup);
    if (mistake !== undefined) {
      this.#log.error(`the gateway's answer cannot be used for the tunnel: ${mistake}; it stays as it is`);
      return;
    }
    this.#setup = setup;
    this.#backoff.reset();
    this.#pause.cut();
    if (this.#loop === undefined) {
      const tried = new Promise<void>((resolve) => {
        this.#firstTry = resolve;
      });
      this.#loop = this.#run();
      await tried;
    } else {
      await this.#host?.close();
    }
  }

  /** Switches the policy now and for every later start. @throws HostError ERR_POLICY */
  async setPolicy(policy: TunnelPolicy): Promise<void> {
    await this.#host?.setPolicy(policy);
    this.#policy = policy;
  }

  /** Data caps of the registry, by interface, now and for every later start; the configuration's own go before them. */
  setCaps(caps: ReadonlyMap<string, CapOptions>): void {
    this.#caps = caps;
    this.#host?.setCaps(caps);
  }

  async setPathBlocked(path: string, blocked: boolean): Promise<void> {
    if (this.#host === undefined) throw new Error(`there is no tunnel: ${this.#fault}`);
    await this.#host.setPathBlocked(path, blocked);
  }

  /** undefined while there is no tunnel. */
  async status(): Promise<HostStatus | undefined> {
    return this.#host?.status().catch(() => undefined);
  }

  async health(): Promise<TunnelHealth> {
    const peer = (await this.status())?.peers[0];
    return {
      established: peer?.session === 'established' && peer.paths.some(({ state }) => state !== 'down'),
      sent: peer?.counters.packetsSent ?? 0,
      delivered: peer?.counters.packetsDelivered ?? 0,
    };
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#pause.cut();
    await this.#host?.close();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#closing && this.#setup !== undefined) {
      const setup = this.#setup;
      const startedAt = performance.now();
      await this.#once(setup);
      this.#firstTry?.();
      if (this.#closing) return;
      // Ended for another setup: at once. One that ran for a while begins with short pauses again.
      if (setup !== this.#setup) continue;
      if (performance.now() - startedAt > 60_000) this.#backoff.reset();
      await this.#pause.wait(this.#backoff.next());
    }
  }

  /** One life of the tunnel. */
  async #once(setup: TunnelSetup): Promise<void> {
    try {
      this.#host = await TunnelHost.start(this.#options(setup), (event) => this.#event(event), this.#services);
      this.#host.setCaps(this.#caps);
      this.#log.info(`the tunnel runs on ${this.#config.tun.name}`);
      this.#firstTry?.();
      const error = await this.#host.ended;
      if (error !== undefined) throw error;
    } catch (error) {
      this.#fault = (error as Error).message;
      this.#log.error(`there is no tunnel: ${this.#fault}`);
      this.#hooks.died();
    } finally {
      this.#host = undefined;
      this.#established = false;
    }
  }

  #event(event: HostEvent): void {
    if (event.type === 'session') this.#established = event.state === 'established' || event.state === 'rekeyed';
    this.#hooks.event(event);
  }

  #options({ privateKey, tunnel, fallback }: TunnelSetup): VehicleHostOptions {
    const { name, mtu } = this.#config.tun;
    return {
      role: 'vehicle',
      privateKey: new Uint8Array(Buffer.from(privateKey, 'base64')),
      tun: { name, mtu, addresses: tunnel.addresses, routes: tunnel.routes },
      policy: this.#policy,
      gateway: {
        publicKey: new Uint8Array(Buffer.from(tunnel.gatewayPublicKey, 'base64')),
        endpoints: tunnel.endpoints,
      },
      uplinks: this.#config.uplinks,
      fallback,
      stateFile: `${this.#config.control}.state`,
    };
  }
}

/** What in a setup the tunnel could not even start with. */
function setupMistake({ tunnel }: TunnelSetup): string | undefined {
  const endpoint = tunnel.endpoints.find((text) => parseEndpoint(text) === undefined);
  if (endpoint !== undefined) return `endpoint "${endpoint}" is not "address:port"`;
  const prefix = [...tunnel.addresses, ...tunnel.routes].find((text) => parseWrittenPrefix(text) === undefined);
  return prefix === undefined ? undefined : `"${prefix}" is no address with its prefix length`;
}
