/**
 * The addon as it is: positional arguments, types and bounds checked in C++. Everything a reader should use is in the
 * faces beside this file.
 */
import { createRequire } from 'node:module';
import { PacketIoError } from './errors.js';
import type { NetworkInterface } from './interfaces.js';

/** What all objects with a file descriptor can do. */
export interface NativePollable {
  start(): void;
  stop(): void;
  close(): void;
  ref(): void;
  unref(): void;
}

export interface NativeTun extends NativePollable {
  readonly name: string;
  readonly offloads: string;
  readonly gone: boolean;
  read(slab: Uint8Array, offset: Int32Array, length: Int32Array, group: Int32Array, limit: number): number;
  write(slab: Uint8Array, offset: Int32Array, length: Int32Array, count: number): number;
}

export interface NativeUdp extends NativePollable {
  readonly localPort: number;
  /** Answers the datagrams received, or -1 - that number when more wait in `bytes` for the next call. */
  receive(
    bytes: Uint8Array,
    offset: Int32Array,
    length: Int32Array,
    socket: Int32Array,
    receivedAtUs: Float64Array,
    address: Uint8Array,
    capacity: number,
  ): number;
}

export interface NativeSender {
  attach(socket: NativeUdp): void;
  detach(socketId: number): void;
  set(route: number, socketId: number, address: Uint8Array): void;
  delete(route: number): void;
  send(bytes: Uint8Array, offset: Int32Array, length: Int32Array, route: Int32Array, count: number): number;
}

/** Whose arithmetic seals and opens: OpenSSL's, or for AES-256-GCM that of Intel's Multi-Buffer Crypto for IPsec. */
export type AeadImplementation = 'ipsec-mb' | 'openssl';

export interface NativeAeadTable {
  addKey(cipher: number, key: Uint8Array): number;
  dropKey(handle: number): void;
  seal(
    count: number,
    key: Int32Array,
    header: Uint8Array,
    source: Int32Array,
    sourceLength: Int32Array,
    target: Int32Array,
    sourceBytes: Uint8Array,
    targetBytes: Uint8Array,
  ): void;
  open(
    count: number,
    key: Int32Array,
    source: Int32Array,
    sourceLength: Int32Array,
    target: Int32Array,
    result: Int32Array,
    sourceBytes: Uint8Array,
    targetBytes: Uint8Array,
  ): void;
}

export interface NativeTimer extends NativePollable {
  /** Arms for the time in the Float64Array given at construction. */
  arm(): void;
  disarm(): void;
}

export interface NativeGf256 {
  readonly name: string;
  mulAdd(
    target: Uint8Array,
    targetAt: number,
    source: Uint8Array,
    sourceAt: number,
    length: number,
    coefficient: number,
  ): void;
  mul(
    target: Uint8Array,
    targetAt: number,
    source: Uint8Array,
    sourceAt: number,
    length: number,
    coefficient: number,
  ): void;
}

export interface NativeAddon {
  Tun: new (
    name: string,
    mtu: number,
    offload: boolean,
    netns: string | undefined,
    queueLength: number,
    counters: Float64Array,
    onReadable: () => void,
  ) => NativeTun;
  Udp: new (
    id: number,
    family: number,
    device: string | undefined,
    address: string | undefined,
    port: number,
    netns: string | undefined,
    receiveBufferBytes: number,
    sendBufferBytes: number,
    dscp: number,
    dontFragment: boolean,
    counters: Float64Array,
    onReadable: () => void,
  ) => NativeUdp;
  Sender: new (counters: Float64Array) => NativeSender;
  Aead: new (counters: Float64Array, implementation: string) => NativeAeadTable;
  /** What `Aead` can be made with on this machine, the fastest first; the last one is always there. */
  aeadImplementations: readonly AeadImplementation[];
  Timer: new (at: Float64Array, onDue: () => void) => NativeTimer;
  LinkWatch: new (netns: string | undefined, onChange: () => void) => NativePollable;
  /** What this processor can run, the fastest first; the last one is portable. */
  gf256: readonly NativeGf256[];
  interfaces(netns: string | undefined): NetworkInterface[];
  /** A TCP socket, not connected; answers its file descriptor, which belongs to the caller. */
  openStream(family: number, device: string | undefined, netns: string | undefined): number;
  /** Sets TCP_NOTSENT_LOWAT (bytes) and TCP_USER_TIMEOUT (milliseconds); false when it is no TCP socket. */
  tuneStream(fd: number, notSentBytes: number, userTimeoutMs: number): boolean;
  /** Writes CLOCK_MONOTONIC in microseconds to `clock[0]`. */
  readClock(clock: Float64Array): void;
  /** RFC 1071 sum of a byte range, folded, not inverted. */
  checksum(bytes: Uint8Array, offset: number, length: number): number;
  /** The split of {@link NativeTun.read} on bytes in memory (10 bytes of virtio header, then the packet). */
  split(
    frame: Uint8Array,
    slab: Uint8Array,
    offset: Int32Array,
    length: Int32Array,
    group: Int32Array,
    limit: number,
  ): number;
  /** The merge of {@link NativeTun.write} on bytes in memory: the frames (virtio header first) in writing order. */
  coalesce(slab: Uint8Array, offset: Int32Array, length: Int32Array, count: number): Uint8Array[];
}

/** Loads the addon that `scripts/build-native.mjs` made, or the one that CORRIDOR_PACKET_IO names. */
function load(): NativeAddon {
  const require = createRequire(import.meta.url);
  const path = process.env.CORRIDOR_PACKET_IO || '../build/packet_io.node';
  try {
    return require(path) as NativeAddon;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new PacketIoError(
      'ERR_ADDON_MISSING',
      `the packet-io addon does not load (${reason}); build it with: node scripts/build-native.mjs`,
    );
  }
}

export const native: NativeAddon = load();
