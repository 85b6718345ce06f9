/**
 * The face of the lab for those who build on it: the scenario runner, the terminal view, benchmarks and tests.
 *
 * A lab lives inside the sandbox (see `sandbox/enter.ts`): its interfaces, namespaces and files exist nowhere else and
 * are gone with the process. Vehicles count from 0, as in scenarios, and are called `vehicle-0`, …; links go by their
 * device names `w0`, `w1`, ….
 */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import type { DirectionChange, LinkSpec, StepDirection, TrafficKind, TrafficSpec } from '@corridor/sim';
import type { PeerStatus, TunnelPolicy } from '@corridor/tunnel';
import type { HostEvent } from '@corridor/tunnel-host';
import type { AddressPair } from './addresses.js';
import type { MakeRunner } from './runner/runner.js';

/** The direction of a link or a flow: `up` is from the vehicle to the gateway. */
export type Direction = 'up' | 'down';

export interface LabOptions {
  /** How many vehicles, each with a client host behind it. Default 1. */
  readonly vehicles?: number;
  /** Emulated links of every vehicle, or by its number. Default three of 20 Mbit/s with 20, 30 and 45 ms. */
  readonly links?: readonly LinkSpec[] | ((vehicle: number) => readonly LinkSpec[]);
  /** What the vehicles' tunnels start with. Default the built-in policy. */
  readonly policy?: TunnelPolicy;
  /** IP version of the tunnel's own datagrams. Default 4. */
  readonly outsideFamily?: 4 | 6;
  /** Seed of everything random in the emulated links. Default 1. */
  readonly seed?: number;
  /** What runs at the ends of the tunnels. Default `corridor-tunnel`; see runner/. */
  readonly makeRunner?: MakeRunner;
  /** False: no `corridor-tunnel` is started, only hosts and links (for measuring the lab itself). Default true. */
  readonly tunnel?: boolean;
  /** MTU of the tunnel device. Default: what `corridor-tunnel` chooses. */
  readonly mtu?: number | undefined;
}

/** What one flow has seen so far; exact counts, times in microseconds. */
export interface FlowFigures {
  readonly id: number;
  readonly vehicle: number;
  /** Kind and direction, such as `vitals up`. */
  readonly name: string;
  readonly kind: TrafficKind;
  readonly direction: Direction;
  /** Packets; for `tcp` bytes, here and in `received`. */
  readonly sent: number;
  /** Different packets that arrived. */
  readonly received: number;
  readonly duplicates: number;
  /** Arrived after one with a higher sequence number. */
  readonly reordered: number;
  /** Longest time between two arrivals (of different packets), from the first to the last packet. */
  readonly longestGapUs: number;
  /** When that gap began, CLOCK_MONOTONIC. */
  readonly longestGapAtUs: number;
  /** How late the generator sent a packet, at worst: the lab's own hiccup, not the tunnel's. */
  readonly senderLatestUs: number;
  /** First and last arrival, CLOCK_MONOTONIC. */
  readonly firstArrivalUs: number;
  readonly lastArrivalUs: number;
  /** Of UDP flows; all 0 for `tcp`. */
  readonly delay: DelayFigures;
  /** The same over the last seconds, for live views; all 0 for `tcp`. */
  readonly recent: RecentFigures;
  /** Of a `tcp` flow that has ended: hashes of what was sent and of what arrived, hex. */
  readonly sha256?: { readonly sent: string; readonly received: string };
}

/** One-way delays from application to application, microseconds; 0 while nothing arrived. */
export interface DelayFigures {
  readonly p50Us: number;
  readonly p95Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

export interface RecentFigures {
  /** Length of the window. */
  readonly windowUs: number;
  readonly rateBps: number;
  /** Share of the packets sent in the window (and old enough to have arrived) that did not arrive. */
  readonly lossRatio: number;
  /** Longest silence in the window, including the one that lasts. */
  readonly longestGapUs: number;
  readonly delay: DelayFigures;
}

/** What the emulator did with one direction of one link. */
export interface LinkFigures {
  readonly vehicle: number;
  readonly link: string;
  readonly direction: Direction;
  readonly cut: boolean;
  readonly packets: number;
  readonly bytes: number;
  /** Given up by the link: queue full, loss, blackout. */
  readonly dropped: number;
  /** Never entered the link: addresses that are not the link's, no mapping at the NAT. */
  readonly strays: number;
  /** Bytes that were to go over it, and those of them in packets of less than 256 bytes: acknowledgements and probes. */
  readonly offeredBytes: number;
  readonly smallBytes: number;
  /** Packets in flight now. */
  readonly inFlight: number;
  /** How late packets were written after their time: p50, p99 and the worst since the start, microseconds. */
  readonly latenessUs: DelayFigures;
}

/** A switch, a path that changed state, a session that came or went: as the vehicle's (or gateway's) tunnel said it. */
export interface LabEvent {
  /** Vehicle number, or `gateway`: who reported it. */
  readonly by: number | 'gateway';
  readonly event: HostEvent;
}

export type HostName = 'client' | 'vehicle' | 'gateway' | 'hospital';

export interface LabFace {
  readonly vehicles: number;
  linkNames(vehicle: number): readonly string[];

  /** Silent blackout: the interface stays up, packets vanish. */
  cut(vehicle: number, link: string, direction?: StepDirection): void;
  restore(vehicle: number, link: string, direction?: StepDirection): void;
  /** Changes delay, rate, loss, … of a link from now on; what is not named stays. */
  setLink(vehicle: number, link: string, direction: StepDirection, change: DirectionChange): void;
  /** The operator's NAT forgets its mappings: what follows comes from another port. */
  rebindNat(vehicle: number, link: string): void;
  /** The modem reconnects with another address under the same device name. */
  changeAddress(vehicle: number, link: string): Promise<void>;
  /**
   * kill -9, and a new start such that the gateway answers again after `downUs`, or as soon as it can (0.4 to 1 s, the
   * default). Resolves when the new process runs.
   */
  restartGateway(downUs?: number): Promise<void>;
  setPolicy(vehicle: number, policy: TunnelPolicy): Promise<void>;

  /** The vehicle's own view of its tunnel; undefined while it does not answer. */
  status(vehicle: number): Promise<PeerStatus | undefined>;
  /** The gateway's view of all of them. */
  gatewayStatus(): Promise<readonly PeerStatus[]>;
  /** Resolves when every vehicle has a session and all its paths are up. @throws Error naming what is missing. */
  ready(timeoutMs?: number): Promise<void>;

  /** Starts a flow and answers its id. `tcp` flows are byte streams: `sent` and `received` count bytes. */
  startFlow(vehicle: number, spec: TrafficSpec): Promise<number>;
  /** Stops the sender; arrivals are still recorded. */
  stopFlow(id: number): Promise<void>;
  /** Figures of every flow since its start. */
  flows(): Promise<readonly FlowFigures[]>;
  links(): Promise<readonly LinkFigures[]>;

  /** Starts a command in a host of the lab; it dies with the lab. `vehicle` counts for `client` and `vehicle` only. */
  spawnIn(host: HostName, vehicle: number, argv: readonly string[], options?: SpawnOptions): ChildProcess;
  /** Addresses of the client behind a vehicle and of the hospital's server, for `spawnIn`. */
  clientAddress(vehicle: number): AddressPair;
  readonly hospitalAddress: AddressPair;
  /** Control socket of a tunnel (inside the sandbox). */
  controlSocket(who: number | 'gateway'): string;
  /** Process id of a tunnel; undefined while it does not run. */
  tunnelPid(who: number | 'gateway'): number | undefined;

  on(kind: 'event', listener: (event: LabEvent) => void): void;
  close(): Promise<void>;
}
