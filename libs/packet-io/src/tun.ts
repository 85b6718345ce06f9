import type { PacketBatchLike } from './batches.js';
import { MAX_PACKET_BYTES } from './batches.js';
import { makeCounters, TUN_COUNTERS } from './counters.js';
import { PacketIoError } from './errors.js';
import { type NativeTun, native } from './native.js';

export interface TunOptions {
  /** Device name, at most 15 bytes; "cor%d" lets the kernel choose the number. */
  readonly name: string;
  /** Bytes; default 1500, at most {@link MAX_PACKET_BYTES}. */
  readonly mtu?: number | undefined;
  /**
   * Exchange super-packets (TSO, USO, checksum offload) with the kernel. Default true. False: a plain TUN, every
   * packet as it would stand on a wire; for link emulators.
   */
  readonly offload?: boolean | undefined;
  /** Path of a network namespace file ("/run/netns/x", "/proc/123/ns/net") in which the device is made. */
  readonly netns?: string | undefined;
  /** Packets the kernel queues towards us (txqueuelen); default 4096: the kernel's own 500 is short. */
  readonly queueLength?: number | undefined;
}

/**
 * A TUN device. It exists from {@link TunDevice.open} to {@link TunDevice.close} (or to the end of the process) and
 * is made without address and down: the owner configures it.
 */
export class TunDevice {
  /** Called when {@link read} has something, again and again until it is taken. */
  onReadable: () => void = () => {};
  /** See TUN_COUNTERS. */
  readonly counters: Float64Array;
  /** Name the kernel gave. */
  readonly name: string;
  /** What the kernel agreed to: "tcp+udp" (TSO and USO), "tcp", "checksum" or "none". */
  readonly offloads: string;
  readonly #native: NativeTun;

  private constructor(options: TunOptions) {
    const mtu = options.mtu ?? 1500;
    if (!(mtu >= 68 && mtu <= MAX_PACKET_BYTES)) {
      throw new PacketIoError('ERR_BAD_ARGUMENT', `mtu must be 68 to ${MAX_PACKET_BYTES} bytes, not ${mtu}`);
    }
    this.counters = makeCounters(TUN_COUNTERS);
    this.#native = new native.Tun(
      options.name,
      mtu,
      options.offload ?? true,
      options.netns,
      options.queueLength ?? 4096,
      this.counters,
      () => this.onReadable(),
    );
    this.name = this.#native.name;
    this.offloads = this.#native.offloads;
  }

  /** @throws SystemError (EPERM without CAP_NET_ADMIN, EBUSY when the name is taken, ...) */
  static open(options: TunOptions): TunDevice {
    return new TunDevice(options);
  }

  /**
   * True when somebody else deleted the device (`ip link del`): there is one last call of {@link onReadable}, then
   * nothing is read or written any more.
   */
  get gone(): boolean {
    return this.#native.gone;
  }

  /** Starts calling {@link onReadable}. */
  start(): void {
    this.#native.start();
  }

  /** Stops calling {@link onReadable}; packets wait in the kernel. */
  stop(): void {
    this.#native.stop();
  }

  /** Removes the device. Harmless when repeated, and inside a callback. */
  close(): void {
    this.#native.close();
  }

  /** Lets the process live (the default) as long as the device is started. */
  ref(): void {
    this.#native.ref();
  }

  /** Lets the process end although the device is started. */
  unref(): void {
    this.#native.unref();
  }

  /**
   * Reads packets into `slab` at the positions `batch.offset[0..limit)`, each with room for MAX_PACKET_BYTES, and fills
   * `length` and `group`. All checksums are complete. What did not fit of a super-packet is kept for the next call.
   * @returns packets read, also in `batch.count`; 0 when nothing waits.
   */
  read(slab: Uint8Array, batch: PacketBatchLike, limit: number): number {
    const count = this.#native.read(slab, batch.offset, batch.length, batch.group, limit);
    batch.count = count;
    return count;
  }

  /**
   * Writes all packets of `batch`, neighbours of one flow merged into super-packets; packets of one flow keep their
   * order. The slab is free again when this returns.
   * @returns packets that the kernel took; the others are counted.
   */
  write(slab: Uint8Array, batch: PacketBatchLike): number {
    return this.#native.write(slab, batch.offset, batch.length, batch.count);
  }
}
