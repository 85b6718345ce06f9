/** What the thread with the TLS connections (main) and the engine's thread (worker) say to each other about streams. */
import type { AddressRecord } from '@corridor/tunnel';

/** Made by the main thread, given to the worker when it starts. */
export interface StreamLink {
  readonly port: import('node:worker_threads').MessagePort;
  /** Bytes of all streams towards the network, see `SharedSum`. */
  readonly outbound: SharedArrayBuffer;
  /** Bytes of all streams towards the engine. */
  readonly inbound: SharedArrayBuffer;
}

/** A vehicle's stream is a path; at the gateway it is what the vehicle sends over it. */
export interface StreamPath {
  readonly name: string;
  readonly priority: number;
  readonly metered: boolean;
}

export type ToWorker =
  | {
      readonly type: 'open';
      readonly socket: number;
      readonly address: AddressRecord;
      /** See `Backlog`. */
      readonly backlog: SharedArrayBuffer;
      readonly path: StreamPath | undefined;
    }
  /** Datagrams that arrived, see `bundle.ts`. */
  | { readonly type: 'datagrams'; readonly buffer: ArrayBuffer }
  | { readonly type: 'close'; readonly socket: number };

export type ToMain =
  /** Datagrams to send. */
  | { readonly type: 'datagrams'; readonly buffer: ArrayBuffer }
  /** The engine sends to this stream from now on (an authentic datagram came over it), or no more. */
  | { readonly type: 'used'; readonly socket: number; readonly used: boolean };
