import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { nowUs } from '@corridor/packet-io';
import { SharedSum } from './backlog.js';
import { BundleReader, BundleWriter } from './bundle.js';
import { FIRST_STREAM_SOCKET, INBOUND_BACKLOG_BYTES } from './constants.js';
import type { StreamLink, StreamPath, ToMain, ToWorker } from './messages.js';
import { Stream, type StreamEnds } from './stream.js';

export type NewStream = Omit<StreamEnds, 'socket'> & {
  /** A vehicle's stream is a path. */
  readonly path?: StreamPath;
  closed(reason: string): void;
};

/** Counters of this thread's end of the streams, in this order. */
export const BRIDGE_COUNTERS = [
  'accepted', // connections of vehicles, or of those who say so
  'refused', // by a limit, before the WebSocket handshake
  'shownOut', // strangers that proved nothing
  'dropStranger', // datagrams of strangers: too many, or of a kind that proves nothing
  'dropInbound', // datagrams that the engine's thread did not keep up with
] as const;

export const ACCEPTED = 0;
export const REFUSED = 1;
export const SHOWN_OUT = 2;
const DROP_STRANGER = 3;
const DROP_INBOUND = 4;

/** Socket numbers are not used twice while a tunnel lives; after two thousand million they begin again. */
const LAST_SOCKET = 0x7fff_fffe;

/**
 * Everything between the streams of a tunnel, which live in this thread, and its engine, which lives in another. What
 * happens here may wait or fail: UDP does not pass here.
 */
export class StreamBridge {
  /** See {@link BRIDGE_COUNTERS}. */
  readonly counters = new Float64Array(BRIDGE_COUNTERS.length);
  /** For the engine's thread; its port has to be transferred. */
  readonly link: StreamLink;
  readonly #port: MessagePort;
  readonly #outbound = new SharedSum();
  readonly #inbound = new SharedSum();
  readonly #streams = new Map<number, Stream>();
  #arrived: { readonly socket: number; readonly bytes: Uint8Array }[] = [];
  #arrivedBytes = 0;
  #nextSocket = FIRST_STREAM_SOCKET;
  #closed = false;

  constructor() {
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.link = { port: port2, outbound: this.#outbound.memory, inbound: this.#inbound.memory };
    port1.on('message', (message: ToMain) => this.#take(message));
    port1.unref();
  }

  /** Streams that are open. */
  get streams(): Iterable<Stream> {
    return this.#streams.values();
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Takes an open connection in: the engine knows its socket and address from now on, until it closes. */
  open({ path, closed, ...ends }: NewStream): Stream {
    const socket = this.#nextSocket;
    this.#nextSocket = socket === LAST_SOCKET ? FIRST_STREAM_SOCKET : socket + 1;
    const stream = new Stream(
      { ...ends, socket },
      {
        received: (bytes) => this.#received(socket, bytes),
        refused: () => {
          this.counters[DROP_STRANGER]++;
        },
        flushed: (bytes) => this.#outbound.add(-bytes),
        closed: (reason) => {
          this.#streams.delete(socket);
          this.#post({ type: 'close', socket });
          closed(reason);
        },
      },
    );
    this.#streams.set(socket, stream);
    this.#post({ type: 'open', socket, address: ends.address, backlog: stream.backlog.memory, path });
    return stream;
  }

  /** The engine has ended: its last words go out, then every stream is closed. */
  close(reason: string): void {
    for (let got = receiveMessageOnPort(this.#port); got !== undefined; got = receiveMessageOnPort(this.#port)) {
      this.#take(got.message as ToMain);
    }
    this.#closed = true;
    for (const stream of [...this.#streams.values()]) stream.close(reason);
    this.#port.close();
  }

  #take(message: ToMain): void {
    if (message.type === 'used') this.#streams.get(message.socket)?.use(message.used);
    else this.#send(new BundleReader(message.buffer));
  }

  /** Neighbours of one stream go out together. */
  #send(reader: BundleReader): void {
    let parts: Uint8Array[] = [];
    let bytes = 0;
    let socket = 0;
    const flush = () => {
      if (parts.length === 0) return;
      const stream = this.#streams.get(socket);
      if (stream) stream.send(parts, bytes);
      else this.#outbound.add(-bytes);
      parts = [];
      bytes = 0;
    };
    while (reader.next()) {
      if (reader.socket !== socket) flush();
      socket = reader.socket;
      parts.push(reader.bytes.subarray(reader.offset, reader.offset + reader.length));
      bytes += reader.length;
    }
    flush();
  }

  /** What arrives in one turn of the event loop crosses the port together. */
  #received(socket: number, bytes: Uint8Array): void {
    // The engine's thread does not keep up: as in a socket's full buffer.
    if (this.#inbound.bytes + this.#arrivedBytes + bytes.length > INBOUND_BACKLOG_BYTES) {
      this.counters[DROP_INBOUND]++;
      return;
    }
    if (this.#arrived.length === 0) setImmediate(() => this.#hand());
    this.#arrived.push({ socket, bytes });
    this.#arrivedBytes += bytes.length;
  }

  #hand(): void {
    const bundle = new BundleWriter(this.#arrived.length, this.#arrivedBytes, nowUs());
    for (const { socket, bytes } of this.#arrived) bundle.add(socket, bytes, 0, bytes.length);
    this.#inbound.add(this.#arrivedBytes);
    this.#arrived = [];
    this.#arrivedBytes = 0;
    this.#post({ type: 'datagrams', buffer: bundle.buffer }, [bundle.buffer]);
  }

  #post(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (!this.#closed) this.#port.postMessage(message, transfer);
  }
}
