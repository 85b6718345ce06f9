/** What main thread and worker say to each other. Plain data: it crosses a MessagePort. */
import type { EngineEvent, GatewayVehicle, PeerStatus, TunnelPolicy, UplinkConditions } from '@corridor/tunnel';
import type { Family } from './address.js';
import type { StreamLink } from './fallback/messages.js';
import type { HostOptions } from './options.js';

/** Given to the worker when it starts. */
export interface WorkerStart {
  readonly options: HostOptions;
  readonly streams: StreamLink;
}

/** An uplink as the worker needs it: where to open sockets and which endpoints to reach. */
export interface WorkerUplink {
  readonly name: string;
  /** A changed number is another interface under the same name: the sockets are opened anew. */
  readonly ifindex: number;
  readonly families: readonly Family[];
  readonly priority: number;
  readonly metered: boolean;
}

/** Counters in shared memory: the main thread reads them whenever it likes. */
export interface CounterSet {
  /** Such as `tun` or `uplink.w0.ipv4`. */
  readonly prefix: string;
  readonly names: readonly string[];
  readonly values: Float64Array;
}

/** Commands by name: what goes in and what comes back. */
export interface WorkerCommands {
  /** Creates TUN, engine and the gateway's sockets; nothing moves yet. */
  open: { params: Record<string, never>; result: { tunName: string; counters: readonly CounterSet[] } };
  /** The device is configured: packets may move. */
  run: { params: Record<string, never>; result: Record<string, never> };
  setUplinks: {
    params: { uplinks: readonly WorkerUplink[]; changed: readonly string[] };
    /** Uplinks whose socket could not be opened, with the reason: they are left out until the next call. */
    result: { failed: readonly { name: string; reason: string }[]; counters: readonly CounterSet[] };
  };
  /** What an uplink is like now; it may not be among those in force (yet). */
  setUplinkConditions: { params: { name: string; conditions: UplinkConditions }; result: Record<string, never> };
  status: {
    params: Record<string, never>;
    result: { atUs: number; peers: PeerStatus[]; refusals: Readonly<Record<string, number>> };
  };
  peers: { params: { from: number; count: number }; result: { atUs: number; peers: PeerStatus[] } };
  setPolicy: { params: { policy: TunnelPolicy }; result: Record<string, never> };
  setPathBlocked: { params: { vehicle: string; path: string; blocked: boolean }; result: Record<string, never> };
  addVehicle: { params: { vehicle: GatewayVehicle }; result: Record<string, never> };
  removeVehicle: { params: { name: string }; result: Record<string, never> };
  close: { params: Record<string, never>; result: Record<string, never> };
}

export type WorkerCommandName = keyof WorkerCommands;

export interface WorkerCommand<N extends WorkerCommandName = WorkerCommandName> {
  readonly id: number;
  readonly name: N;
  readonly params: WorkerCommands[N]['params'];
}

export type WorkerMessage =
  | { readonly type: 'result'; readonly id: number; readonly result: unknown }
  | { readonly type: 'error'; readonly id: number; readonly code: string; readonly message: string }
  /** The tunnel cannot go on; the worker ends after it. */
  | { readonly type: 'fatal'; readonly code: string; readonly message: string }
  | { readonly type: 'events'; readonly events: readonly EngineEvent[] };
