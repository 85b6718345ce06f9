import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Namespace } from '../test/namespace.js';
import { readCounters, SENDER_COUNTERS, UDP_COUNTERS } from './counters.js';
import { DatagramSender, ELSEWHERE } from './sender.js';
import { openStreamSocket, tuneStreamSocket } from './stream.js';
import { UdpSocket } from './udp.js';

// Two namespaces, two veths; b is reached at 10.9.0.1 over either, and prefers the first for its own part:
//   a (v0 10.2.0.1, v2 10.3.0.1)  ====  (v1 10.2.0.2, v3 10.3.0.2; lo 10.9.0.1) b

let a: Namespace;
let b: Namespace;

beforeAll(async () => {
  a = await Namespace.create();
  b = await Namespace.create();
  for (const [near, far, net] of ['v0 v1 10.2.0', 'v2 v3 10.3.0'].map((text) => text.split(' '))) {
    a.ip(`link add ${near} type veth peer name ${far} netns ${b.pid}`, `addr add ${net}.1/24 dev ${near}`);
    a.ip(`link set ${near} up`);
    b.ip(`addr add ${net}.2/24 dev ${far}`, `link set ${far} up`);
    a.ip(`route add 10.9.0.1/32 via ${net}.2 dev ${near} metric ${near === 'v0' ? 100 : 200}`);
  }
  b.ip('addr add 10.9.0.1/32 dev lo');
});
afterAll(async () => {
  await a.close();
  await b.close();
});

/** Listens in b until `connections` came; answers the addresses that they came from, in order. */
function callers(connections: number): Promise<string> {
  return b.node(`
    const seen = [];
    const server = require('node:net').createServer((socket) => {
      socket.on('error', () => {});
      seen.push(socket.remoteAddress);
      socket.end('hello');
      if (seen.length === ${connections}) server.close(() => console.log(seen.join(' ')));
    }).listen(4433, '10.9.0.1');
  `);
}

async function connected(device: string | undefined): Promise<Socket> {
  // The other end may not listen yet.
  for (;;) {
    const socket = openStreamSocket({ family: 4, device, netns: a.path });
    socket.connect({ host: '10.9.0.1', port: 4433 });
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
    }
  }
}

describe('a stream socket', () => {
  it('leaves by its device, whichever route is the best, and is read like any other', async () => {
    const seen = callers(3);
    for (const device of ['v0', 'v2', undefined]) {
      const socket = await connected(device);
      expect(String((await once(socket, 'data'))[0])).toBe('hello');
      await once(socket, 'close');
    }
    expect(await seen).toBe('10.2.0.1 10.3.0.1 10.2.0.1');
  });

  it('for a device that does not exist is an error that names it', () => {
    expect(() => openStreamSocket({ family: 6, device: 'nosuch' })).toThrow(
      expect.objectContaining({ code: 'ENODEV', message: expect.stringContaining('nosuch') }),
    );
    expect(() => openStreamSocket({ family: 5 as 4 })).toThrow(expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }));
  });

  it('that is tuned leaves what the network does not take with Node', async () => {
    execFileSync('ip', ['link', 'set', 'lo', 'up']);
    const server = createServer((socket) => socket.pause()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const unsent = async (tuned: boolean): Promise<number> => {
      const socket = new Socket().connect({ host: '127.0.0.1', port });
      await once(socket, 'connect');
      if (tuned) expect(tuneStreamSocket(socket, 16_384, 10_000)).toBe(true);
      for (let i = 0; i < 4000; i++) socket.write(Buffer.alloc(4096));
      await new Promise((resolve) => setTimeout(resolve, 300));
      const line = execFileSync('ss', [
        '-Htin',
        'dst',
        `127.0.0.1:${port}`,
        'and',
        'sport',
        '=',
        `:${socket.localPort}`,
      ]);
      socket.destroy();
      return Number(/notsent:(\d+)/.exec(String(line))?.[1] ?? 0);
    };
    // One write may go beyond the limit; Node joins what waits, up to 1024 writes of ours.
    const [plain, tuned] = [await unsent(false), await unsent(true)];
    server.close();
    expect(plain).toBeGreaterThan(100_000);
    expect(tuned).toBeLessThan(plain / 2);
  });

  it('is nothing that a socket of another kind can be taken for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'corridor-stream-'));
    const server = createServer((socket) => socket.destroy()).listen(join(folder, 'socket'));
    await once(server, 'listening');
    const socket = new Socket().connect(join(folder, 'socket'));
    await once(socket, 'connect');
    expect(tuneStreamSocket(socket, 16_384, 10_000)).toBe(false);
    socket.destroy();
    expect(tuneStreamSocket(socket, 16_384, 10_000)).toBe(false);
    expect(tuneStreamSocket({}, 16_384, 10_000)).toBe(false);
    server.close();
    rmSync(folder, { recursive: true });
  });
});

it('a sender passes over what somebody else sends, and counts neither datagram nor drop', () => {
  const socket = UdpSocket.open({ id: 1, family: 4, device: 'v0', netns: a.path });
  const sender = new DatagramSender();
  sender.attach(socket);
  const address = new Uint8Array(40);
  address.set([4, 0, 9, 0, 0, 0, 0, 0, 10, 2, 0, 2]);
  sender.set(0, 1, address);
  sender.set(1, ELSEWHERE, address);
  const outbox = {
    count: 4,
    bytes: new Uint8Array(64),
    offset: Int32Array.of(0, 16, 32, 48),
    length: Int32Array.of(16, 16, 16, 16),
    route: Int32Array.of(0, 1, 1, 0),
  };
  expect(sender.send(outbox)).toBe(2);
  expect(readCounters(SENDER_COUNTERS, sender.counters)).toEqual({ datagrams: 2, dropNoRoute: 0, dropNoSocket: 0 });
  expect(readCounters(UDP_COUNTERS, socket.counters)).toMatchObject({ sentDatagrams: 2 });
  socket.close();
});
