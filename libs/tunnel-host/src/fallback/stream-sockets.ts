import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { ADDRESS_BYTES, nowUs, type OutboxLike, type ReceiveBatch, receiveBatch } from '@corridor/packet-io';
import type { AddressRecord, UplinkState } from '@corridor/tunnel';
import { Backlog, SharedSum, wrappedMs } from './backlog.js';
import { BundleReader, BundleWriter } from './bundle.js';
import { TOTAL_BACKLOG_BYTES } from './constants.js';
import type { StreamLink, StreamPath, ToMain, ToWorker } from './messages.js';

/** Counters of all streams of a tunnel, in this order, in an array that other threads may read. */
export const STREAM_COUNTERS = [
  'opened', // connections that were opened
  'closed',
  'receivedDatagrams',
  'receivedBytes',
  'sentDatagrams',
  'sentBytes',
  'dropBacklog', // too much waits for the network: the engine takes it for a loss
  'dropGone', // for connections that are closed
] as const;

const OPENED = 0;
const CLOSED = 1;
const RECEIVED = 2;
const RECEIVED_BYTES = 3;
const SENT = 4;
const SENT_BYTES = 5;
const DROP_BACKLOG = 6;
const DROP_GONE = 7;

/** Datagrams handed to the engine at once. */
const BATCH = 256;

interface Stream {
  readonly socket: number;
  readonly address: AddressRecord;
  readonly backlog: Backlog;
  readonly path: StreamPath | undefined;
  /** Routes of the engine that lead here. */
  routes: number;
  /** What the other thread was told last. */
  used: boolean;
}

export interface StreamHooks {
  /** Datagrams for the engine; what they cause has been sent when it returns. */
  receive(batch: ReceiveBatch): void;
  /** The paths of a vehicle that are streams changed. */
  pathsChanged(): void;
}

/**
 * The streams as the engine's thread sees them: sockets with a number like any other, whose datagrams go through the
 * thread that has the TLS connections. Nothing here runs per datagram unless a route leads to a stream.
 */
export class StreamSockets {
  /** See {@link STREAM_COUNTERS}. */
  readonly counters = new Float64Array(new SharedArrayBuffer(STREAM_COUNTERS.length * 8));
  readonly #port: MessagePort;
  readonly #outbound: SharedSum;
  readonly #inbound: SharedSum;
  readonly #hooks: StreamHooks;
  readonly #streams = new Map<number, Stream>();
  /** Stream of a route; `null` is one that is closed. */
  readonly #byRoute: (Stream | null | undefined)[] = [];
  readonly #batch = receiveBatch(BATCH);
  /** Entries of the outbox that go out, and the streams they go to. */
  #picked = new Int32Array(BATCH);
  #routesInUse = 0;
  #checking = false;

  constructor(link: StreamLink, hooks: StreamHooks) {
    this.#port = link.port;
    this.#outbound = new SharedSum(link.outbound);
    this.#inbound = new SharedSum(link.inbound);
    this.#hooks = hooks;
    this.#port.on('message', (message: ToWorker) => this.#take(message));
    // It must not keep the thread alive.
    this.#port.unref();
  }

  /** Whether any route leads to a stream: without one nothing needs to be asked per datagram. */
  get inUse(): boolean {
    return this.#routesInUse > 0;
  }

  /** The streams that are paths of a vehicle. */
  states(): UplinkState[] {
    return [...this.#streams.values()].flatMap(({ socket, address, path }) =>
      path === undefined ? [] : [{ ...path, socket, remotes: [address] }],
    );
  }

  /** Points a route of the engine at a stream. */
  setRoute(route: number, socket: number): void {
    this.deleteRoute(route);
    const stream = this.#streams.get(socket);
    this.#byRoute[route] = stream ?? null;
    this.#routesInUse++;
    if (stream) this.#count(stream, 1);
  }

  /** Forgets a route; harmless for one that leads elsewhere. */
  deleteRoute(route: number): void {
    const stream = this.#byRoute[route];
    if (stream === undefined) return;
    this.#byRoute[route] = undefined;
    this.#routesInUse--;
    if (stream) this.#count(stream, -1);
  }

  /** Takes what waits in the port, before a timer judges by what has not arrived. */
  takeWaiting(): void {
    for (let got = receiveMessageOnPort(this.#port); got !== undefined; got = receiveMessageOnPort(this.#port)) {
      this.#take(got.message as ToWorker);
    }
  }

  /**
   * Sends those datagrams of an outbox whose routes lead to streams.
   * @returns how many were taken
   */
  send(outbox: OutboxLike): number {
    const atUs = nowUs();
    const nowMs = wrappedMs(atUs);
    if (this.#picked.length < outbox.count) this.#picked = new Int32Array(outbox.count);
    let count = 0;
    let bytes = 0;
    for (let i = 0; i < outbox.count; i++) {
      const stream = this.#byRoute[outbox.route[i]];
      if (stream === undefined) continue;
      const length = outbox.length[i];
      if (stream === null) this.counters[DROP_GONE]++;
      else if (!stream.backlog.admits(length, nowMs) || this.#outbound.bytes + bytes > TOTAL_BACKLOG_BYTES) {
        this.counters[DROP_BACKLOG]++;
      } else {
        stream.backlog.add(length);
        this.#picked[count++] = i;
        bytes += length;
      }
    }
    if (count > 0) this.#post(outbox, count, bytes, atUs);
    return count;
  }

  close(): void {
    this.#port.removeAllListeners('message');
    this.#port.close();
  }

  #post(outbox: OutboxLike, count: number, bytes: number, atUs: number): void {
    const bundle = new BundleWriter(count, bytes, atUs);
    for (let i = 0; i < count; i++) {
      const at = this.#picked[i];
      const { socket } = this.#byRoute[outbox.route[at]] as Stream;
      bundle.add(socket, outbox.bytes, outbox.offset[at], outbox.length[at]);
    }
    this.#outbound.add(bytes);
    this.counters[SENT] += count;
    this.counters[SENT_BYTES] += bytes;
    this.#tell({ type: 'datagrams', buffer: bundle.buffer }, [bundle.buffer]);
  }

  #take(message: ToWorker): void {
    if (message.type === 'datagrams') this.#receive(new BundleReader(message.buffer));
    else if (message.type === 'open') this.#open(message);
    else this.#close(message.socket);
  }

  #open({ socket, address, backlog, path }: Extract<ToWorker, { type: 'open' }>): void {
    this.counters[OPENED]++;
    this.#streams.set(socket, {
      socket,
      address: Uint8Array.from(address),
      backlog: new Backlog(backlog),
      path,
      routes: 0,
      used: false,
    });
    if (path !== undefined) this.#hooks.pathsChanged();
  }

  #close(socket: number): void {
    const stream = this.#streams.get(socket);
    if (stream === undefined) return;
    this.counters[CLOSED]++;
    this.#streams.delete(socket);
    for (const [route, one] of this.#byRoute.entries()) if (one === stream) this.#byRoute[route] = null;
    if (stream.path !== undefined) this.#hooks.pathsChanged();
  }

  #receive(reader: BundleReader): void {
    const batch = this.#batch;
    let total = 0;
    batch.bytes = reader.bytes;
    batch.count = 0;
    while (reader.next()) {
      total += reader.length;
      const stream = this.#streams.get(reader.socket);
      if (stream === undefined) continue;
      const at = batch.count++;
      batch.offset[at] = reader.offset;
      batch.length[at] = reader.length;
      batch.socket[at] = reader.socket;
      batch.receivedAtUs[at] = reader.atUs;
      batch.address.set(stream.address, at * ADDRESS_BYTES);
      this.counters[RECEIVED]++;
      this.counters[RECEIVED_BYTES] += reader.length;
      if (batch.count === BATCH) this.#hand();
    }
    this.#hand();
    this.#inbound.add(-total);
  }

  #hand(): void {
    if (this.#batch.count > 0) this.#hooks.receive(this.#batch);
    this.#batch.count = 0;
  }

  /** Routes come and go within one answer: what is told is what stays. */
  #count(stream: Stream, change: number): void {
    stream.routes += change;
    if (this.#checking) return;
    this.#checking = true;
    setImmediate(() => {
      this.#checking = false;
      for (const one of this.#streams.values()) {
        const used = one.routes > 0;
        if (used === one.used) continue;
        one.used = used;
        this.#tell({ type: 'used', socket: one.socket, used });
      }
    });
  }

  #tell(message: ToMain, transfer: ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }
}
