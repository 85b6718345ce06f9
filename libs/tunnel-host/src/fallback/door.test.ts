import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { DatagramOutbox, formatAddress } from '@corridor/tunnel';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { BRIDGE_COUNTERS, StreamBridge } from './bridge.js';
import { ACCEPTS_FROM_ONE, BACKLOG_BYTES, MAX_MESSAGE, MOST_UNPROVEN_FROM_ONE, SUBPROTOCOL } from './constants.js';
import { FallbackDoor } from './door.js';
import { STREAM_COUNTERS, StreamSockets } from './stream-sockets.js';

interface Arrived {
  readonly socket: number;
  readonly from: string;
  readonly bytes: Uint8Array;
}

/** A gateway's door on loopback, with an engine's thread that notes what arrives and follows the first address. */
class House {
  readonly bridge = new StreamBridge();
  readonly arrived: Arrived[] = [];
  readonly sockets = new StreamSockets(this.bridge.link, {
    receive: (batch) => {
      for (let i = 0; i < batch.count; i++) {
        const bytes = batch.bytes.slice(batch.offset[i], batch.offset[i] + batch.length[i]);
        this.arrived.push({ socket: batch.socket[i], from: formatAddress(batch.address, i * 40), bytes });
      }
    },
    pathsChanged: () => {},
  });
  readonly door = new FallbackDoor(this.bridge);
  readonly #server: Server;
  readonly #clients: WebSocket[] = [];
  from: string | undefined = '192.0.2.1';

  constructor() {
    this.#server = createServer().on('upgrade', (request, socket, head) =>
      this.door.upgrade(request, socket, head, { address: this.from, port: 1234 }),
    );
  }

  async open(): Promise<this> {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    return this;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  connect(protocol = SUBPROTOCOL): WebSocket {
    const client = new WebSocket(`ws://127.0.0.1:${this.port}/tunnel`, protocol, { perMessageDeflate: false });
    client.on('error', () => {});
    this.#clients.push(client);
    return client;
  }

  async connected(): Promise<WebSocket> {
    const client = this.connect();
    await once(client, 'open');
    return client;
  }

  /** HTTP status with which a connection was refused; 101 when it was not. */
  async status(protocol?: string): Promise<number> {
    const client = this.connect(protocol);
    return new Promise((resolve) => {
      client.once('open', () => resolve(101));
      client.once('unexpected-response', (_, { statusCode }) => resolve(statusCode ?? 0));
    });
  }

  /** Sends datagrams by a route, as the engine's drain does; answers how many were taken. */
  send(route: number, datagrams: readonly Uint8Array[]): number {
    const outbox = new DatagramOutbox(Math.max(1, datagrams.length));
    datagrams.forEach((bytes, i) => {
      outbox.offset[i] = i * 2048;
      outbox.length[i] = bytes.length;
      outbox.route[i] = route;
      outbox.bytes.set(bytes, i * 2048);
    });
    outbox.count = datagrams.length;
    return this.sockets.send(outbox);
  }

  count(name: (typeof STREAM_COUNTERS)[number] | (typeof BRIDGE_COUNTERS)[number]): number {
    const [names, values] = (BRIDGE_COUNTERS as readonly string[]).includes(name)
      ? [BRIDGE_COUNTERS, this.bridge.counters]
      : [STREAM_COUNTERS, this.sockets.counters];
    return values[(names as readonly string[]).indexOf(name)];
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.terminate();
    this.door.close();
    this.bridge.close('over');
    this.sockets.close();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const datagram = (type: number, length: number, fill = 0) => {
  const bytes = new Uint8Array(length).fill(fill);
  bytes[0] = type;
  return bytes;
};
const settled = () => new Promise((resolve) => setTimeout(resolve, 50));

let house: House;

beforeEach(async () => {
  house = await new House().open();
});

afterEach(async () => {
  vi.useRealTimers();
  await house.close();
});

describe('a stream', () => {
  test('carries datagrams both ways, one a message, under a socket and an address of its own', async () => {
    const clients = [await house.connected(), await house.connected()];
    const sent = [datagram(1, 148, 7), datagram(4, 40), datagram(4, MAX_MESSAGE, 255)];
    for (const bytes of sent) clients[0].send(bytes);
    clients[1].send(datagram(4, 99, 9));
    await vi.waitFor(() => expect(house.arrived).toHaveLength(4));
    const [first] = house.arrived;
    expect(house.arrived.filter(({ socket }) => socket === first.socket).map(({ bytes }) => bytes)).toEqual(sent);
    expect(house.arrived.map(({ from }) => from)).toEqual(Array(4).fill('192.0.2.1:1234'));

    const got: Uint8Array[] = [];
    clients[0].on('message', (data, isBinary) => isBinary && got.push(new Uint8Array(data as Buffer)));
    house.sockets.setRoute(3, first.socket);
    expect(house.send(3, sent)).toBe(3);
    await vi.waitFor(() => expect(got).toEqual(sent));
  });

  test('is proven as long as the engine has a route to it', async () => {
    const client = await house.connected();
    client.send(datagram(1, 148));
    await vi.waitFor(() => expect(house.arrived).toHaveLength(1));
    const [stream] = house.bridge.streams;
    expect(stream.used).toBe(false);
    house.sockets.setRoute(0, house.arrived[0].socket);
    await vi.waitFor(() => expect(stream.used).toBe(true));
    // A reply's route comes and goes within one drain: nothing to tell.
    house.sockets.setRoute(1, house.arrived[0].socket);
    house.sockets.deleteRoute(1);
    await settled();
    expect(stream.used).toBe(true);
    house.sockets.deleteRoute(0);
    await vi.waitFor(() => expect(stream.used).toBe(false));
  });

  test('that is closed takes nothing any more, and what leads to it is dropped', async () => {
    const client = await house.connected();
    client.send(datagram(4, 40));
    await vi.waitFor(() => expect(house.arrived).toHaveLength(1));
    house.sockets.setRoute(5, house.arrived[0].socket);
    client.close();
    await vi.waitFor(() => expect(house.count('closed')).toBe(1));
    expect(house.bridge.size).toBe(0);
    expect(house.send(5, [datagram(4, 40)])).toBe(0);
    expect(house.count('dropGone')).toBe(1);
    house.sockets.deleteRoute(5);
    expect(house.sockets.inUse).toBe(false);
  });

  test('whose other end stands still holds a bounded queue, drops the rest, and goes on afterwards', async () => {
    const client = await house.connected();
    client.send(datagram(4, 40));
    await vi.waitFor(() => expect(house.arrived).toHaveLength(1));
    const got: number[] = [];
    client.on('message', (data) => got.push((data as Buffer).length));
    house.sockets.setRoute(0, house.arrived[0].socket);
    client.pause();
    const batch = Array.from({ length: 32 }, () => datagram(4, 1440));
    let taken = 0;
    // Sockets of loopback hold some megabytes before they are full.
    for (let i = 0; i < 2000 && (i < 100 || house.count('dropBacklog') < 320); i++) {
      taken += house.send(0, batch);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [stream] = house.bridge.streams;
    expect(house.count('dropBacklog')).toBeGreaterThanOrEqual(320);
    expect(stream.backlog.bytes).toBeLessThanOrEqual(BACKLOG_BYTES);
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(house.send(0, batch)).toBe(0);
    client.resume();
    await vi.waitFor(() => expect(stream.backlog.bytes).toBe(0), 5000);
    await vi.waitFor(() => expect(got).toHaveLength(taken), 5000);
    expect(house.send(0, batch)).toBe(32);
  });
});

describe('a stranger', () => {
  test('who offers another protocol, or none, is refused', async () => {
    expect(await house.status('mqtt')).toBe(400);
    const request = connect(house.port, '127.0.0.1');
    request.write('GET /tunnel HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n');
    request.write('Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
    const [answer] = await once(request, 'data');
    expect(String(answer)).toMatch(/^HTTP\/1.1 400 /);
    await once(request, 'close');
    expect(house.bridge.size).toBe(0);
  });

  test('who sends text, or more than a datagram, is cut off', async () => {
    const talker = await house.connected();
    talker.send('hello');
    expect((await once(talker, 'close'))[0]).toBe(1003);
    const shouter = await house.connected();
    shouter.send(datagram(4, MAX_MESSAGE + 1));
    expect((await once(shouter, 'close'))[0]).toBe(1009);
    expect(house.arrived).toEqual([]);
  });

  test('may bring few datagrams, and only those that could prove him; a vehicle may bring many', async () => {
    const client = await house.connected();
    for (const type of [0, 2, 3, 5, 255]) client.send(datagram(type, 148));
    client.send(new Uint8Array(0));
    for (let i = 0; i < 300; i++) client.send(datagram(4, 40));
    await vi.waitFor(() => expect(house.count('dropStranger')).toBe(6 + 44));
    expect(house.arrived).toHaveLength(256);
    house.sockets.setRoute(0, house.arrived[0].socket);
    await settled();
    for (let i = 0; i < 300; i++) client.send(datagram(4, 40));
    await vi.waitFor(() => expect(house.arrived).toHaveLength(556));
  });

  test('who proves nothing is shown out after 10 s, also when he trickles bytes of a message', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'performance'] });
    const watched = await new House().open();
    const silent = await watched.connected();
    const vehicle = await watched.connected();
    vehicle.send(datagram(4, 40));
    await vi.waitFor(() => expect(watched.arrived).toHaveLength(1));
    watched.sockets.setRoute(0, watched.arrived[0].socket);
    await settled();
    const gone = once(silent, 'close');
    const raw = (silent as unknown as { _socket: { write(bytes: Uint8Array): void } })._socket;
    // The head of a masked binary message of 126 bytes, and then a byte a second.
    raw.write(Uint8Array.of(0x82, 0xfe, 0, 126));
    for (let second = 0; second < 9; second++) {
      raw.write(Uint8Array.of(0));
      vi.advanceTimersByTime(1000);
    }
    await settled();
    expect(silent.readyState).toBe(WebSocket.OPEN);
    vi.advanceTimersByTime(2000);
    await gone;
    expect(watched.count('shownOut')).toBe(1);
    expect(vehicle.readyState).toBe(WebSocket.OPEN);
    await watched.close();
  });

  test('does not take the place of others: so many unproven from one address, and no more', async () => {
    for (let i = 0; i < MOST_UNPROVEN_FROM_ONE; i++) expect(await house.status()).toBe(101);
    expect(await house.status()).toBe(429);
    house.from = '192.0.2.2';
    expect(await house.status()).toBe(101);
    expect(house.count('refused')).toBe(1);
  });

  test('who comes again and again is refused for a while; a whole IPv6 /64 is one', async () => {
    let accepted = 0;
    for (let i = 0; i < ACCEPTS_FROM_ONE.burst + 8; i++) {
      house.from = `2001:db8:0:7::${i.toString(16)}`;
      const client = house.connect();
      const status = await new Promise<number>((resolve) => {
        client.once('open', () => resolve(101));
        client.once('unexpected-response', (_, response) => resolve(response.statusCode ?? 0));
      });
      if (status === 101) accepted++;
      client.terminate();
      while (house.bridge.size > 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(accepted).toBeGreaterThanOrEqual(ACCEPTS_FROM_ONE.burst);
    expect(accepted).toBeLessThan(ACCEPTS_FROM_ONE.burst + 8);
    house.from = '2001:db8:0:8::1';
    expect(await house.status()).toBe(101);
  });
});
