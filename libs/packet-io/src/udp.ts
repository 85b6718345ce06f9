import { ADDRESS_BYTES, type DatagramBatchLike } from './batches.js';
import { makeCounters, UDP_COUNTERS } from './counters.js';
import { PacketIoError } from './errors.js';
import { type NativeUdp, native } from './native.js';

/** Buffers of an arena, and bytes of one: the longest GRO run. */
const ARENA_BUFFERS = 32;
const ARENA_BUFFER_BYTES = 65_536;

export interface UdpOptions {
  /** Number by which batches and routes name this socket; the caller's choice, 0 or more. */
  readonly id: number;
  readonly family: 4 | 6;
  /** Binds to this device (SO_BINDTODEVICE): routing tables no longer matter. */
  readonly device?: string | undefined;
  /** Local address; default any. A scope may follow ("fe80::1%w0"). */
  readonly address?: string | undefined;
  /** Local port; default 0: the kernel chooses. */
  readonly port?: number | undefined;
  /** Path of a network namespace file in which the socket is opened. */
  readonly netns?: string | undefined;
  /** Kernel buffers, bytes; default 8 MiB each, or as much as the kernel allows. */
  readonly receiveBufferBytes?: number | undefined;
  readonly sendBufferBytes?: number | undefined;
  /** Differentiated services code point of everything sent, 0 to 63; default 0. */
  readonly dscp?: number | undefined;
  /**
   * Sends with "don't fragment" and leaves the kernel's own idea of the path MTU aside (IP_PMTUDISC_PROBE): what is too
   * long for the device is dropped and counted (`dropTooLong`), what is too long for the path vanishes. Default false:
   * never DF, the kernel fragments.
   */
  readonly dontFragment?: boolean | undefined;
}

/** A datagram batch with the arena that receives write to. Make it with {@link receiveBatch}. */
export class ReceiveBatch implements DatagramBatchLike {
  count = 0;
  bytes = new Uint8Array(ARENA_BUFFERS * ARENA_BUFFER_BYTES);
  readonly offset: Int32Array;
  readonly length: Int32Array;
  readonly socket: Int32Array;
  readonly receivedAtUs: Float64Array;
  readonly address: Uint8Array;
  /** Socket whose last receive left datagrams in the arena that found no room in the batch. */
  restOf: UdpSocket | undefined = undefined;

  constructor(readonly capacity: number) {
    if (!(Number.isInteger(capacity) && capacity > 0)) {
      throw new PacketIoError('ERR_BAD_ARGUMENT', `capacity must be a positive integer, not ${capacity}`);
    }
    this.offset = new Int32Array(capacity);
    this.length = new Int32Array(capacity);
    this.socket = new Int32Array(capacity);
    this.receivedAtUs = new Float64Array(capacity);
    this.address = new Uint8Array(capacity * ADDRESS_BYTES);
  }
}

/** A batch for {@link UdpSocket.receive}; several sockets of one thread may share one. */
export function receiveBatch(capacity: number): ReceiveBatch {
  return new ReceiveBatch(capacity);
}

/** A UDP socket that receives in batches; datagrams leave through a `DatagramSender`. */
export class UdpSocket {
  /** Called when {@link receive} has something, again and again until it is taken. */
  onReadable: () => void = () => {};
  readonly id: number;
  readonly localPort: number;
  /** See UDP_COUNTERS. */
  readonly counters: Float64Array;
  /** @internal */
  readonly native: NativeUdp;
  #closed = false;

  private constructor(options: UdpOptions) {
    this.id = options.id;
    this.counters = makeCounters(UDP_COUNTERS);
    this.native = new native.Udp(
      options.id,
      options.family,
      options.device,
      options.address,
      options.port ?? 0,
      options.netns,
      options.receiveBufferBytes ?? 8 << 20,
      options.sendBufferBytes ?? 8 << 20,
      options.dscp ?? 0,
      options.dontFragment ?? false,
      this.counters,
      () => this.onReadable(),
    );
    this.localPort = this.native.localPort;
  }

  /** @throws SystemError (ENODEV when the device does not exist, EADDRINUSE, EPERM, ...) */
  static open(options: UdpOptions): UdpSocket {
    return new UdpSocket(options);
  }

  /** Starts calling {@link onReadable}. */
  start(): void {
    this.native.start();
  }

  /** Stops calling {@link onReadable}; datagrams wait in the kernel. */
  stop(): void {
    this.native.stop();
  }

  /** Closes the socket; its routes drop what is sent. Harmless when repeated, and inside a callback. */
  close(): void {
    this.#closed = true;
    this.native.close();
  }

  /** Lets the process live (the default) as long as the socket is started. */
  ref(): void {
    this.native.ref();
  }

  /** Lets the process end although the socket is started. */
  unref(): void {
    this.native.unref();
  }

  /**
   * Takes datagrams from the kernel, GRO runs split. Everything in `batch` is valid until the next receive into the
   * same batch. When a receive brought more than the batch holds, the next one (of whichever socket) hands out the rest.
   * @returns datagrams in the batch, also in `batch.count`; 0 when nothing waits.
   */
  receive(batch: ReceiveBatch): number {
    const owner = batch.restOf && !batch.restOf.#closed ? batch.restOf : this;
    const answer = owner.native.receive(
      batch.bytes,
      batch.offset,
      batch.length,
      batch.socket,
      batch.receivedAtUs,
      batch.address,
      batch.capacity,
    );
    batch.restOf = answer < 0 ? owner : undefined;
    const count = answer < 0 ? -1 - answer : answer;
    batch.count = count;
    return count;
  }
}
