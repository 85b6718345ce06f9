import type { OutboxLike } from './batches.js';
import { makeCounters, SENDER_COUNTERS } from './counters.js';
import { type NativeSender, native } from './native.js';
import type { UdpSocket } from './udp.js';

/** Socket id of routes whose datagrams somebody else sends: a sender passes over them and counts no drop. */
export const ELSEWHERE = 0x7fff_ffff;

/**
 * Sends outboxes. A *route* is a small integer that stands for (socket, remote address, local address); this object
 * is the engine's `RouteTable`. Sockets of the same thread only.
 */
export class DatagramSender {
  /** See SENDER_COUNTERS; what a socket refuses is counted at the socket. */
  readonly counters: Float64Array = makeCounters(SENDER_COUNTERS);
  readonly #native: NativeSender = new native.Sender(this.counters);

  /** Makes a socket known under its id; replaces an earlier one of that id. */
  attach(socket: UdpSocket): void {
    this.#native.attach(socket.native);
  }

  /** Forgets a socket; its routes stay and drop what is sent until a socket of that id is attached again. */
  detach(socketId: number): void {
    this.#native.detach(socketId);
  }

  /** Points `route` at an address record (copied) through a socket from now on. The socket may be attached later. */
  set(route: number, socketId: number, address: Uint8Array): void {
    this.#native.set(route, socketId, address);
  }

  delete(route: number): void {
    this.#native.delete(route);
  }

  /**
   * Sends every datagram of the outbox, those of one route in order, runs of equal length in one system call. Never
   * throws for what the network does: datagrams that cannot be sent now are dropped and counted.
   * @returns datagrams that the kernel took.
   */
  send(outbox: OutboxLike): number {
    return this.#native.send(outbox.bytes, outbox.offset, outbox.length, outbox.route, outbox.count);
  }
}
