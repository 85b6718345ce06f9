/**
 * The worker's UDP sockets. The engine knows one number for an uplink or listening address (its *virtual id*); behind
 * it stands one socket a family, so that an uplink with IPv4 and IPv6 stays one path. Real id = virtual id * 2 + 1 for
 * IPv6. Numbers from FIRST_STREAM_SOCKET on are streams, see fallback/stream-sockets.ts.
 */
import { type DatagramSender, ELSEWHERE, UDP_COUNTERS, UdpSocket } from '@corridor/packet-io';
import type { AddressRecord, RouteTable, UplinkState } from '@corridor/tunnel';
import type { Endpoint, Family } from './address.js';
import { FIRST_STREAM_SOCKET } from './fallback/constants.js';
import type { StreamSockets } from './fallback/stream-sockets.js';
import type { TunnelLoop } from './loop.js';
import type { CounterSet, WorkerUplink } from './messages.js';

/** Routes of the engine over the sockets of both families, and over streams. */
export class HostRoutes implements RouteTable {
  /** Set before the first stream can be named. */
  streams: StreamSockets | undefined;
  readonly #sender: DatagramSender;

  constructor(sender: DatagramSender) {
    this.#sender = sender;
  }

  set(route: number, socket: number, address: AddressRecord): void {
    if (socket >= FIRST_STREAM_SOCKET) {
      this.streams?.setRoute(route, socket);
      this.#sender.set(route, ELSEWHERE, address);
      return;
    }
    this.streams?.deleteRoute(route);
    this.#sender.set(route, socket * 2 + (address[0] === 6 ? 1 : 0), address);
  }

  delete(route: number): void {
    this.streams?.deleteRoute(route);
    this.#sender.delete(route);
  }
}

interface OpenUplink {
  readonly ifindex: number;
  readonly virtualId: number;
  readonly sockets: Map<Family, UdpSocket>;
}

export interface FailedUplink {
  readonly name: string;
  readonly reason: string;
}

/** Opens, keeps and closes the sockets of a vehicle's uplinks. */
export class UplinkSockets {
  readonly #loop: TunnelLoop;
  readonly #endpoints: readonly Endpoint[];
  readonly #open = new Map<string, OpenUplink>();
  #states: readonly UplinkState[] = [];
  #nextVirtualId = 0;

  constructor(loop: TunnelLoop, endpoints: readonly Endpoint[]) {
    this.#loop = loop;
    this.#endpoints = endpoints;
  }

  /** What the engine was told last. */
  get states(): readonly UplinkState[] {
    return this.#states;
  }

  /** Makes the open sockets agree with `uplinks` and answers what the engine is to know. */
  update(uplinks: readonly WorkerUplink[]): { states: UplinkState[]; failed: FailedUplink[] } {
    for (const [name, open] of this.#open) {
      if (!uplinks.some((uplink) => uplink.name === name && uplink.ifindex === open.ifindex)) this.#close(name, open);
    }
    const states: UplinkState[] = [];
    const failed: FailedUplink[] = [];
    for (const uplink of uplinks) {
      try {
        states.push(this.#stateOf(uplink));
      } catch (error) {
        // Gone between being seen and being opened (ENODEV): the next change of links looks again.
        const half = this.#open.get(uplink.name);
        if (half) this.#close(uplink.name, half);
        failed.push({ name: uplink.name, reason: (error as Error).message });
      }
    }
    this.#states = states;
    return { states, failed };
  }

  closeAll(): void {
    for (const [name, open] of this.#open) this.#close(name, open);
  }

  counters(): CounterSet[] {
    return [...this.#open].flatMap(([name, open]) =>
      [...open.sockets].map(([family, socket]) => udpCounters(`uplink.${name}.ipv${family}`, socket)),
    );
  }

  #stateOf(uplink: WorkerUplink): UplinkState {
    let open = this.#open.get(uplink.name);
    if (!open) {
      open = { ifindex: uplink.ifindex, virtualId: this.#nextVirtualId++, sockets: new Map() };
      this.#open.set(uplink.name, open);
    }
    for (const family of uplink.families) {
      if (open.sockets.has(family)) continue;
      const socket = UdpSocket.open({
        id: realId(open.virtualId, family),
        family,
        device: uplink.name,
        // The engine finds the path MTU by probes, and those must not arrive in pieces.
        dontFragment: true,
      });
      open.sockets.set(family, socket);
      this.#loop.addSocket(socket, open.virtualId);
    }
    const reachable = this.#endpoints.filter(({ family }) => uplink.families.includes(family));
    return {
      name: uplink.name,
      socket: open.virtualId,
      remotes: reachable.map(({ record }) => record),
      priority: uplink.priority,
      metered: uplink.metered,
    };
  }

  #close(name: string, open: OpenUplink): void {
    for (const socket of open.sockets.values()) this.#loop.removeSocket(socket);
    this.#open.delete(name);
  }
}

/** The gateway's listening sockets; they stand as long as the loop. */
export class ListenSockets {
  readonly #loop: TunnelLoop;
  readonly #sockets: UdpSocket[] = [];

  constructor(loop: TunnelLoop) {
    this.#loop = loop;
  }

  /** @throws SystemError such as EADDRINUSE, EADDRNOTAVAIL. */
  listen({ family, address, port }: Endpoint): void {
    const virtualId = this.#sockets.length;
    const socket = UdpSocket.open({ id: realId(virtualId, family), family, address, port, dontFragment: true });
    this.#sockets.push(socket);
    this.#loop.addSocket(socket, virtualId);
  }

  closeAll(): void {
    for (const socket of this.#sockets) this.#loop.removeSocket(socket);
    this.#sockets.length = 0;
  }

  counters(): CounterSet[] {
    return this.#sockets.map((socket, index) => udpCounters(`listen.${index}`, socket));
  }
}

function realId(virtualId: number, family: Family): number {
  return virtualId * 2 + (family === 6 ? 1 : 0);
}

function udpCounters(prefix: string, socket: UdpSocket): CounterSet {
  return { prefix, names: UDP_COUNTERS, values: socket.counters };
}
