import { nowUs, tuneStreamSocket } from '@corridor/packet-io';
import type { AddressRecord } from '@corridor/tunnel';
import { DATAGRAM_INITIATION, DATAGRAM_TRANSPORT } from '@corridor/wire';
import type { RawData, WebSocket } from 'ws';
import { Backlog, wrappedMs } from './backlog.js';
import { NOT_SENT_BYTES, PING_MS, UNPROVEN_DATAGRAMS, USER_TIMEOUT_MS } from './constants.js';

/** Codes of the closing handshake (RFC 6455 section 7.4.1). */
export const GOING_AWAY = 1001;
const NO_TEXT = 1003;
/** How long the other end may take to answer a closing handshake, milliseconds. */
const CLOSING_MS = 1000;

export interface StreamEnds {
  readonly socket: number;
  readonly address: AddressRecord;
  /** An open connection. */
  readonly webSocket: WebSocket;
  /** The TLS or TCP socket under it. */
  readonly transport: object;
  /** Anybody may have connected: only few datagrams pass until one was authentic. */
  readonly stranger: boolean;
}

export interface StreamHooks {
  /** The bytes are the receiver's to keep. */
  received(bytes: Uint8Array): void;
  /** A stranger sent what strangers may not. */
  refused(): void;
  /** These bytes are on their way to the kernel no more. */
  flushed(bytes: number): void;
  closed(reason: string): void;
}

interface Waiting {
  readonly bytes: number;
  readonly offeredMs: number;
}

/** One WebSocket connection, a binary message a datagram: the end in the thread that has the TLS connections. */
export class Stream {
  readonly socket: number;
  readonly address: AddressRecord;
  readonly backlog = new Backlog();
  /** The engine sends to it: something authentic came over it. */
  used = false;
  /** Since when it is not used, milliseconds of `performance.now()`. */
  unusedSinceMs = performance.now();
  readonly #webSocket: WebSocket;
  readonly #transport: { cork?(): void; uncork?(): void };
  readonly #hooks: StreamHooks;
  readonly #stranger: boolean;
  readonly #pinger: NodeJS.Timeout;
  /** What went to the kernel, oldest first, and has not arrived there. */
  readonly #waiting: Waiting[] = [];
  #arrived = 0;
  #heard = true;
  #reason = 'the other end closed it';
  #ended = false;

  constructor({ socket, address, webSocket, transport, stranger }: StreamEnds, hooks: StreamHooks) {
    this.socket = socket;
    this.address = address;
    this.#webSocket = webSocket;
    this.#transport = transport;
    this.#stranger = stranger;
    this.#hooks = hooks;
    tuneStreamSocket(transport, NOT_SENT_BYTES, USER_TIMEOUT_MS);
    (transport as { setNoDelay?(on: boolean): void }).setNoDelay?.(true);
    webSocket.binaryType = 'nodebuffer';
    webSocket.on('message', (data, isBinary) => this.#message(data, isBinary));
    webSocket.on('pong', () => {
      this.#heard = true;
    });
    webSocket.on('error', (error) => {
      this.#reason = error.message;
    });
    webSocket.once('close', () => this.#end(this.#reason));
    this.#pinger = setInterval(() => this.#ping(), PING_MS);
    this.#pinger.unref();
  }

  /** Sends the datagrams of `parts` together: one write, one TLS record where they fit. */
  send(parts: readonly Uint8Array[], bytes: number): void {
    if (this.#ended || this.#webSocket.readyState !== this.#webSocket.OPEN) {
      this.#hooks.flushed(bytes);
      return;
    }
    this.#waiting.push({ bytes, offeredMs: wrappedMs(nowUs()) });
    this.backlog.noteOffered(this.#waiting[0].offeredMs);
    this.#transport.cork?.();
    for (let i = 0; i < parts.length; i++) {
      const last = i === parts.length - 1;
      this.#webSocket.send(parts[i], { binary: true, compress: false }, last ? () => this.#flushed() : undefined);
    }
    this.#transport.uncork?.();
  }

  /** The engine said whether it sends here. */
  use(used: boolean): void {
    if (this.used && !used) this.unusedSinceMs = performance.now();
    this.used = used;
  }

  /** Ends it: for the engine at once, for the other end in good order, what is under way included. */
  close(reason: string): void {
    if (this.#ended) return;
    this.#end(reason);
    this.#webSocket.close(GOING_AWAY, '');
    setTimeout(() => this.#webSocket.terminate(), CLOSING_MS).unref();
  }

  /** Ends it without a word. */
  terminate(reason: string): void {
    this.#end(reason);
    this.#webSocket.terminate();
  }

  #message(data: RawData, isBinary: boolean): void {
    if (this.#ended) return;
    this.#heard = true;
    if (!isBinary) {
      this.#reason = 'text came over it';
      this.#webSocket.close(NO_TEXT, '');
    } else if (this.#passes(data as Buffer)) this.#hooks.received(data as Buffer);
    else this.#hooks.refused();
  }

  /** What a stranger sends must look like something that could prove him, and there is not much of it. */
  #passes(bytes: Uint8Array): boolean {
    if (this.used || !this.#stranger) return true;
    const [type] = bytes;
    return (type === DATAGRAM_TRANSPORT || type === DATAGRAM_INITIATION) && ++this.#arrived <= UNPROVEN_DATAGRAMS;
  }

  #flushed(): void {
    const done = this.#waiting.shift();
    if (done === undefined) return;
    this.backlog.noteOffered(this.#waiting[0]?.offeredMs);
    this.backlog.take(done.bytes);
    this.#hooks.flushed(done.bytes);
  }

  /** Something must come between two pings: the answer to the first. */
  #ping(): void {
    if (!this.#heard) {
      this.terminate(`nothing came for ${PING_MS / 1000} s`);
      return;
    }
    this.#heard = false;
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.ping();
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#pinger);
    for (const { bytes } of this.#waiting) this.#hooks.flushed(bytes);
    this.#waiting.length = 0;
    this.#hooks.closed(reason);
  }
}
