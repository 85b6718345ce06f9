import { nowUs } from '@corridor/packet-io';
import type { PathStatus, PeerStatus } from '@corridor/tunnel';
import type { VehicleFallbackOptions } from '../options.js';
import type { UplinkEvent } from '../status.js';
import type { Uplink } from '../system/uplinks.js';
import { streamAddress } from './address.js';
import type { StreamBridge } from './bridge.js';
import { FALLBACK_PATH, LOOK_MS, PRIORITY_OFFSET } from './constants.js';
import type { Dialled, DialTarget } from './dial.js';
import { GatewayAddresses } from './gateway-addresses.js';
import type { Stream } from './stream.js';
import { type Sight, UplinkPlan } from './uplink-plan.js';

export interface KeeperOptions {
  readonly fallback: VehicleFallbackOptions;
  /** Addresses of the tunnel's UDP endpoints. */
  readonly endpoints: readonly string[];
  readonly bridge: StreamBridge;
  uplinks(): readonly Uplink[];
  /** The gateway as the engine sees it now. */
  peer(): Promise<PeerStatus | undefined>;
  onEvent(event: UplinkEvent): void;
  /** Default: `dial.ts`. */
  readonly dial?: Dial;
}

type Dial = (target: DialTarget, signal: AbortSignal) => Promise<Dialled>;

/** What is kept of an uplink. */
interface Kept {
  uplink: Uplink;
  readonly plan: UplinkPlan;
  stream: Stream | undefined;
  dialling: AbortController | undefined;
  /** Attempts, so that each tries another address. */
  attempts: number;
  /** The last failure that was told. */
  told: string;
}

/** Opens a vehicle's ways over TLS where UDP gets nowhere, and closes them when it works again. */
export class FallbackKeeper {
  readonly #options: KeeperOptions;
  readonly #url: URL;
  readonly #addresses: GatewayAddresses;
  readonly #kept = new Map<string, Kept>();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#url = fallbackUrl(options.fallback.url);
    this.#addresses = new GatewayAddresses(this.#url, options.endpoints);
  }

  start(): void {
    this.#timer = setTimeout(() => {
      void this.#look().finally(() => {
        if (!this.#closed) this.start();
      });
    }, LOOK_MS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const kept of this.#kept.values()) this.#stop(kept, 'the tunnel ends');
  }

  async #look(): Promise<void> {
    // A worker that is just ending answers with an error: there is nothing to look at any more.
    const peer = await this.#options.peer().catch(() => undefined);
    if (this.#closed) return;
    this.#follow(this.#options.uplinks());
    const sights = sightsOf(peer, [...this.#kept.keys()], performance.now());
    for (const [name, kept] of this.#kept) {
      const sight = sights.get(name);
      if (sight) this.#act(kept, sight);
    }
  }

  /** Uplinks come, go, and get other addresses. */
  #follow(uplinks: readonly Uplink[]): void {
    for (const [name, kept] of this.#kept) {
      if (uplinks.some((uplink) => uplink.name === name)) continue;
      this.#stop(kept, 'the uplink is gone');
      this.#kept.delete(name);
    }
    for (const uplink of uplinks) {
      const kept = this.#kept.get(uplink.name);
      if (kept === undefined) {
        const plan = new UplinkPlan(Math.random);
        this.#kept.set(uplink.name, { uplink, plan, stream: undefined, dialling: undefined, attempts: 0, told: '' });
      } else {
        if (movedFrom(kept.uplink, uplink)) {
          this.#stop(kept, 'the uplink has another address');
          kept.plan.moved();
        }
        kept.uplink = uplink;
      }
    }
  }

  #act(kept: Kept, sight: Sight): void {
    const verdict = kept.plan.look(sight);
    if (verdict === 'dial') void this.#dial(kept, kept.plan.deadMs(sight.nowMs));
    else if (verdict === 'leave') this.#stop(kept, 'UDP works again');
    else if (verdict === 'renew') this.#stop(kept, 'nothing came over it');
  }

  async #dial(kept: Kept, deadMs: number): Promise<void> {
    const { fallback, bridge } = this.#options;
    const { uplink, plan } = kept;
    const dialling = new AbortController();
    kept.dialling = dialling;
    try {
      const addresses = await this.#addresses.of(uplink.families);
      const address = addresses[kept.attempts++ % addresses.length];
      if (address === undefined) throw new Error(`no address for ${this.#url.hostname}`);
      const target = { url: this.#url, address, device: uplink.name, trust: fallback.trust };
      // Loaded when it is needed: most vehicles never do, and megabytes count there.
      const dial = this.#options.dial ?? (await import('./dial.js')).dial;
      const { webSocket, transport, port } = await dial(target, dialling.signal);
      if (dialling.signal.aborted) {
        webSocket.terminate();
        return;
      }
      plan.opened(performance.now());
      kept.attempts--;
      const stream = bridge.open({
        address: streamAddress(address, port),
        webSocket,
        transport,
        stranger: false,
        path: { name: streamName(uplink.name), priority: uplink.priority + PRIORITY_OFFSET, metered: uplink.metered },
        closed: (reason) => this.#streamClosed(kept, stream, reason),
      });
      kept.stream = stream;
      kept.told = '';
      this.#tell(uplink, 'tls-open', `UDP got nowhere for ${(deadMs / 1000).toFixed(1)} s: over TLS to ${address}`);
    } catch (error) {
      if (dialling.signal.aborted) return;
      plan.ended(performance.now());
      const { message } = error as Error;
      if (message !== kept.told) this.#tell(uplink, 'tls-failed', `TLS to ${this.#url.host} failed: ${message}`);
      kept.told = message;
    } finally {
      if (kept.dialling === dialling) kept.dialling = undefined;
    }
  }

  /** It ended by itself, unless we ended it before and have another one already. */
  #streamClosed(kept: Kept, stream: Stream, reason: string): void {
    if (kept.stream !== stream) return;
    kept.stream = undefined;
    kept.plan.ended(performance.now());
    this.#tell(kept.uplink, 'tls-closed', reason);
  }

  /** We end it. */
  #stop(kept: Kept, reason: string): void {
    kept.dialling?.abort();
    kept.dialling = undefined;
    const { stream } = kept;
    if (stream === undefined) return;
    kept.stream = undefined;
    stream.close(reason);
    this.#tell(kept.uplink, 'tls-closed', reason);
  }

  #tell({ name }: Uplink, state: UplinkEvent['state'], reason: string): void {
    this.#options.onEvent({ type: 'uplink', atUs: nowUs(), uplink: name, state, reason });
  }
}

/** @throws TypeError when it is no URL */
export function fallbackUrl(text: string): URL {
  const url = new URL(text);
  url.protocol = 'wss:';
  if (url.pathname === '/') url.pathname = FALLBACK_PATH;
  return url;
}

/** The name of an uplink's path over TLS. No interface name has a slash. */
function streamName(uplink: string): string {
  return `${uplink}/tls`;
}

function sightsOf(peer: PeerStatus | undefined, uplinks: readonly string[], nowMs: number): Map<string, Sight> {
  const paths = peer?.session === 'established' ? peer.paths : [];
  const find = (name: string): PathStatus | undefined => paths.find((path) => path.name === name);
  const up = (name: string) => find(name)?.state === 'up' && find(name)?.blocked === false;
  const blocked = (name: string) => peer?.paths.some((path) => path.name === name && path.blocked) === true;
  return new Map(
    uplinks.map((name) => [
      name,
      {
        nowMs,
        udp: blocked(name) ? 'blocked' : up(name) ? 'up' : 'dead',
        besides: uplinks.some((other) => other !== name && up(other)),
        stream: find(streamName(name)) && up(streamName(name)),
      },
    ]),
  );
}

function movedFrom(before: Uplink, now: Uplink): boolean {
  return before.ifindex !== now.ifindex || before.addresses.join() !== now.addresses.join();
}
