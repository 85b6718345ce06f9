import type { AeadImplementation } from '@corridor/packet-io';
import type { EngineEvent, PeerStatus } from '@corridor/tunnel';

/**
 * An uplink of a vehicle appeared, changed its address or interface, or went; or its way around blocked UDP, WebSocket
 * over TLS, was opened, could not be opened (told once for each reason), or was closed.
 */
export interface UplinkEvent {
  readonly type: 'uplink';
  /** Monotonic clock of the host, microseconds. */
  readonly atUs: number;
  readonly uplink: string;
  readonly state: 'appeared' | 'changed' | 'gone' | 'tls-open' | 'tls-failed' | 'tls-closed';
  readonly reason: string;
}

/** Something that the operator should mend; the tunnel goes on. */
export interface WarningEvent {
  readonly type: 'warning';
  readonly atUs: number;
  readonly reason: string;
}

export type HostEvent = EngineEvent | UplinkEvent | WarningEvent;

/** What a vehicle's host knows of one interface that it uses as an uplink. */
export interface UplinkStatus {
  readonly name: string;
  readonly ifindex: number;
  readonly addresses: readonly string[];
  readonly priority: number;
  readonly metered: boolean;
  /** Data cap: bytes of the period that runs, both directions; how many they may be; and when the period began, if known. */
  readonly usedBytes?: number;
  readonly capBytes?: number;
  readonly capSince?: string;
  /** Of a modem, where ModemManager tells. */
  readonly roaming?: boolean;
  /** 0 to 1. */
  readonly signal?: number;
  readonly operator?: string;
  readonly technology?: string;
}

/** Figures of the process, for budgets and for people. */
export interface ProcessStatus {
  readonly pid: number;
  readonly version: string;
  readonly uptimeSeconds: number;
  /** Resident memory, bytes. */
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  /** Memory of typed arrays and buffers, bytes. */
  readonly arrayBufferBytes: number;
  /** CPU time since start, microseconds. */
  readonly cpuUserUs: number;
  readonly cpuSystemUs: number;
  /** Whose arithmetic AES is; ChaCha20-Poly1305 is always OpenSSL's. */
  readonly aead: AeadImplementation;
}

export interface HostStatus {
  readonly role: 'vehicle' | 'gateway';
  /** Monotonic clock at which the status was taken, microseconds: the clock of every `...AtUs` and `sinceUs` in it. */
  readonly atUs: number;
  readonly tun: { readonly name: string; readonly mtu: number };
  readonly peers: readonly PeerStatus[];
  /** Vehicles only; empty for a gateway. */
  readonly uplinks: readonly UplinkStatus[];
  readonly process: ProcessStatus;
  /** Datagrams that belong to no peer or were not followed, by reason ("unknown-key", "bad-mac", ...), since the start. */
  readonly refusals: Readonly<Record<string, number>>;
  /** Counters of loop, TUN device and sockets by name, since the start. */
  readonly counters: Readonly<Record<string, number>>;
}
