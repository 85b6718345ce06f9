import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { AcceptRate } from './accept-rate.js';
import { streamAddress } from './address.js';
import { ACCEPTED, REFUSED, SHOWN_OUT, type StreamBridge } from './bridge.js';
import {
  ACCEPTS,
  ACCEPTS_FROM_ONE,
  MAX_MESSAGE,
  MOST_ADDRESSES,
  MOST_STREAMS,
  MOST_UNPROVEN,
  MOST_UNPROVEN_FROM_ONE,
  SUBPROTOCOL,
  UNPROVEN_MS,
} from './constants.js';
import type { Stream } from './stream.js';

/** How often idle streams are looked for, milliseconds. */
const SWEEP_MS = 1000;

/** From where a connection comes. */
export interface Remote {
  /** undefined: unknown, as behind a proxy that does not tell; then only the limits for all count. */
  readonly address: string | undefined;
  readonly port: number | undefined;
}

/** Why the door stays shut: an HTTP status and its text. */
type Refusal = readonly [status: number, text: string];
const TOO_MANY: Refusal = [429, 'Too Many Requests'];

/** The gateway's side: takes WebSocket connections in, few from strangers, and shows out who proves nothing. */
export class FallbackDoor {
  readonly #bridge: StreamBridge;
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE,
    skipUTF8Validation: true,
    handleProtocols: () => SUBPROTOCOL,
  });
  readonly #rate = new AcceptRate(ACCEPTS, 1);
  readonly #rateOfOne = new AcceptRate(ACCEPTS_FROM_ONE, MOST_ADDRESSES);
  /** Where each open stream came from. */
  readonly #sources = new Map<Stream, string>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(bridge: StreamBridge) {
    this.#bridge = bridge;
    this.#sweeper = setInterval(() => this.#sweep(performance.now()), SWEEP_MS);
    this.#sweeper.unref();
  }

  /** Takes over an upgrade request, or answers why not. The socket is no longer the caller's. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, remote: Remote): void {
    socket.on('error', () => socket.destroy());
    const source = sourceOf(remote.address);
    const refusal = this.#refusal(request, source, performance.now());
    if (refusal !== undefined) {
      this.#bridge.counters[REFUSED]++;
      const [status, text] = refusal;
      socket.once('finish', () => socket.destroy());
      socket.end(`HTTP/1.1 ${status} ${text}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      this.#bridge.counters[ACCEPTED]++;
      const stream = this.#bridge.open({
        address: streamAddress(remote.address, remote.port),
        webSocket,
        transport: socket,
        stranger: true,
        closed: () => this.#sources.delete(stream),
      });
      this.#sources.set(stream, source);
    });
  }

  close(): void {
    clearInterval(this.#sweeper);
    this.#server.close();
  }

  #refusal(request: IncomingMessage, source: string, nowMs: number): Refusal | undefined {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    if (!offered.includes(SUBPROTOCOL)) return [400, 'Bad Request'];
    const known = source !== '';
    if (known && !this.#rateOfOne.take(source, nowMs)) return TOO_MANY;
    if (!this.#rate.take('', nowMs)) return TOO_MANY;
    let strangers = 0;
    let fromOne = 0;
    for (const [stream, from] of this.#sources) {
      if (stream.used) continue;
      strangers++;
      if (from === source) fromOne++;
    }
    if (known && fromOne >= MOST_UNPROVEN_FROM_ONE) return TOO_MANY;
    if (strangers >= MOST_UNPROVEN || this.#bridge.size >= MOST_STREAMS) return [503, 'Service Unavailable'];
    return undefined;
  }

  #sweep(nowMs: number): void {
    for (const stream of this.#sources.keys()) {
      if (stream.used || nowMs - stream.unusedSinceMs < UNPROVEN_MS) continue;
      this.#bridge.counters[SHOWN_OUT]++;
      this.#sources.delete(stream);
      stream.terminate('nothing authentic came');
    }
  }
}

/** Whom limits are for: an IPv4 address, or an IPv6 /64, as a subscriber has at least that. */
function sourceOf(address: string | undefined): string {
  if (address === undefined || !address.includes(':') || address.includes('.')) return address ?? '';
  return [...streamAddress(address, 0).subarray(8, 16)].join();
}
