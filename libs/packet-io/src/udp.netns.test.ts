import { EventEmitter, once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Namespace } from '../test/namespace.js';
import { pattern, toHex } from '../test/packets.js';
import { readCounters, UDP_COUNTERS } from './counters.js';
import { type DatagramBatchLike, nowUs, type OutboxLike } from './index.js';
import { DatagramSender } from './sender.js';
import { receiveBatch, UdpSocket } from './udp.js';

// Two namespaces, one veth:   a (v0 10.2.0.1, fd02::1)  ----  (v1 10.2.0.2, fd02::2) b

let a: Namespace;
let b: Namespace;

beforeAll(async () => {
  a = await Namespace.create();
  b = await Namespace.create();
  a.ip(
    `link add v0 type veth peer name v1 netns ${b.pid}`,
    'addr add 10.2.0.1/24 dev v0',
    'addr add fd02::1/64 dev v0 nodad',
    'link set v0 up',
  );
  b.ip(
    'addr add 10.2.0.2/24 dev v1',
    'addr add 10.2.0.3/24 dev v1',
    'addr add fd02::2/64 dev v1 nodad',
    'link set v1 up',
  );
  a.awaitLocal('fd02::1');
  b.awaitLocal('fd02::2');
});
afterAll(async () => {
  await a.close();
  await b.close();
});

function record(address: readonly number[], port: number): Uint8Array {
  const bytes = new Uint8Array(40);
  bytes[0] = address.length === 4 ? 4 : 6;
  bytes[2] = port & 255;
  bytes[3] = port >> 8;
  bytes.set(address, 8);
  return bytes;
}
const V4 = [10, 2, 0, 2];
const V6 = [0xfd, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

function outboxOf(datagrams: readonly Uint8Array[], route: (index: number) => number): OutboxLike {
  const offset = new Int32Array(datagrams.length);
  let at = 0;
  datagrams.forEach((datagram, i) => {
    offset[i] = at;
    at += datagram.length;
  });
  return {
    count: datagrams.length,
    bytes: Uint8Array.from(datagrams.flatMap((datagram) => [...datagram])),
    offset,
    length: Int32Array.from(datagrams, (datagram) => datagram.length),
    route: Int32Array.from(datagrams, (_, i) => route(i)),
  };
}

/** Copies of what arrives, in order, until `wanted` datagrams are there. */
async function collect(socket: UdpSocket, wanted: number, capacity = 64): Promise<Uint8Array[]> {
  const batch = receiveBatch(capacity);
  const got: Uint8Array[] = [];
  const events = new EventEmitter();
  socket.onReadable = () => {
    const count = socket.receive(batch);
    for (let i = 0; i < count; i++) got.push(batch.bytes.slice(batch.offset[i], batch.offset[i] + batch.length[i]));
    if (got.length >= wanted) events.emit('done');
  };
  socket.start();
  await once(events, 'done');
  socket.stop();
  return got;
}

/** Waits for readiness, then receives once. */
async function receiveOnce(socket: UdpSocket, batch: ReturnType<typeof receiveBatch>): Promise<number> {
  const events = new EventEmitter();
  socket.onReadable = () => events.emit('readable');
  socket.start();
  await once(events, 'readable');
  socket.stop();
  return socket.receive(batch);
}

describe.each([
  [4, V4],
  [6, V6],
] as const)('IPv%i over veth', (family, address) => {
  it('carries every size of datagram, in order, merged and split', async () => {
    const from = UdpSocket.open({ id: 1, family, netns: a.path, device: 'v0' });
    const to = UdpSocket.open({ id: 2, family, netns: b.path });
    const sender = new DatagramSender();
    sender.attach(from);
    sender.set(0, 1, record(address, to.localPort));
    // Runs of three equal ones and a shorter one, every size from 1 to 1440 and some that must be fragmented.
    const sizes = Array.from({ length: 1_440 }, (_, i) => 1 + i).concat(1_473, 2_000, 9_000, 65_000);
    for (let at = 0; at < sizes.length; at += 40) {
      const datagrams = sizes
        .slice(at, at + 40)
        .flatMap((size) => [
          ...[1, 2, 3].map((seed) => pattern(size, seed * size)),
          pattern(Math.max(1, size >> 1), size),
        ]);
      const arrival = collect(to, datagrams.length, 37);
      expect(sender.send(outboxOf(datagrams, () => 0))).toBe(datagrams.length);
      expect((await arrival).map(toHex)).toEqual(datagrams.map(toHex));
    }
    const sent = readCounters(UDP_COUNTERS, from.counters);
    const received = readCounters(UDP_COUNTERS, to.counters);
    expect(sent.sentDatagrams).toBe(received.receivedDatagrams);
    expect(sent.sentBytes).toBe(received.receivedBytes);
    expect(sent.sendCalls).toBeLessThan(sent.sentDatagrams / 4);
    expect(received.receivedMerged).toBeGreaterThan(0);
    from.close();
    to.close();
  });

  it('tells who sent, to which address of ours, and when; and answers from there', async () => {
    const client = UdpSocket.open({ id: 1, family, netns: a.path });
    const server = UdpSocket.open({ id: 2, family, netns: b.path });
    const sender = new DatagramSender();
    sender.attach(client);
    sender.attach(server);
    const second = family === 4 ? [10, 2, 0, 3] : address;
    sender.set(5, 1, record(second, server.localPort));
    const before = nowUs();
    const batch = receiveBatch(8);
    sender.send(outboxOf([pattern(100)], () => 5));
    expect(await receiveOnce(server, batch)).toBe(1);
    expect(batch.socket[0]).toBe(2);
    expect(batch.receivedAtUs[0]).toBeGreaterThanOrEqual(before - 50);
    expect(batch.receivedAtUs[0]).toBeLessThanOrEqual(nowUs());
    const from = batch.address.slice(0, 40);
    expect(from[0]).toBe(family);
    expect(from[2] | (from[3] << 8)).toBe(client.localPort);
    expect([...from.slice(24, 24 + second.length)]).toEqual(second);

    sender.set(6, 2, from);
    sender.send(outboxOf([pattern(50)], () => 6));
    expect(await receiveOnce(client, batch)).toBe(1);
    expect([...batch.address.slice(8, 8 + second.length)]).toEqual(second);
    client.close();
    server.close();
  });
});

describe('receiving', () => {
  it('hands the rest out when a receive brings more than the batch holds, also to another socket', async () => {
    const from = UdpSocket.open({ id: 1, family: 4, netns: a.path });
    const to = UdpSocket.open({ id: 2, family: 4, netns: b.path });
    const idle = UdpSocket.open({ id: 3, family: 4, netns: b.path });
    const sender = new DatagramSender();
    sender.attach(from);
    sender.set(0, 1, record(V4, to.localPort));
    const datagrams = Array.from({ length: 60 }, (_, i) => pattern(500, i + 1));
    sender.send(outboxOf(datagrams, () => 0));
    const batch = receiveBatch(7);
    const copy = (from: DatagramBatchLike): string[] =>
      Array.from({ length: from.count }, (_, i) =>
        toHex(from.bytes.slice(from.offset[i], from.offset[i] + from.length[i])),
      );
    const got: string[] = [];
    await receiveOnce(to, batch);
    got.push(...copy(batch));
    while (got.length < 60) {
      expect(idle.receive(batch)).toBeGreaterThan(0);
      expect(batch.socket[0]).toBe(2);
      got.push(...copy(batch));
    }
    expect(got).toEqual(datagrams.map(toHex));
    expect(to.receive(batch)).toBe(0);
    for (const socket of [from, to, idle]) socket.close();
  });

  it('forgets the rest of a closed socket', async () => {
    const from = UdpSocket.open({ id: 1, family: 4, netns: a.path });
    const to = UdpSocket.open({ id: 2, family: 4, netns: b.path });
    const other = UdpSocket.open({ id: 3, family: 4, netns: b.path });
    const sender = new DatagramSender();
    sender.attach(from);
    sender.set(0, 1, record(V4, to.localPort));
    sender.send(
      outboxOf(
        Array.from({ length: 20 }, (_, i) => pattern(300, i)),
        () => 0,
      ),
    );
    const batch = receiveBatch(4);
    expect(await receiveOnce(to, batch)).toBe(4);
    to.close();
    expect(other.receive(batch)).toBe(0);
    from.close();
    other.close();
  });

  it('is not disturbed by ICMP errors', async () => {
    const socket = UdpSocket.open({ id: 1, family: 4, netns: a.path });
    const peer = UdpSocket.open({ id: 2, family: 4, netns: b.path });
    const sender = new DatagramSender();
    sender.attach(socket);
    sender.attach(peer);
    sender.set(0, 1, record(V4, 9)); // nobody listens: port unreachable comes back
    sender.set(1, 2, record([10, 2, 0, 1], socket.localPort));
    const arrival = collect(socket, 20);
    for (let i = 0; i < 20; i++) {
      expect(sender.send(outboxOf([pattern(10)], () => 0))).toBe(1);
      expect(sender.send(outboxOf([pattern(20, i)], () => 1))).toBe(1);
    }
    expect(await arrival).toHaveLength(20);
    socket.close();
    peer.close();
  });
});

describe('sending', () => {
  it('keeps the order of each route and counts what cannot be sent', async () => {
    const from = UdpSocket.open({ id: 1, family: 4, netns: a.path });
    const gone = UdpSocket.open({ id: 9, family: 4, netns: a.path });
    const one = UdpSocket.open({ id: 2, family: 4, netns: b.path });
    const two = UdpSocket.open({ id: 3, family: 4, netns: b.path });
    const sender = new DatagramSender();
    sender.attach(from);
    sender.attach(gone);
    gone.close();
    sender.set(0, 1, record(V4, one.localPort));
    sender.set(1, 1, record(V4, two.localPort));
    sender.set(2, 9, record(V4, 1)); // its socket is closed
    sender.set(3, 8, record(V4, 1)); // no such socket
    sender.set(4, 1, record([203, 0, 113, 1], 1)); // no way to get there
    const datagrams = Array.from({ length: 120 }, (_, i) => pattern(i % 5 === 0 ? 90 : 100, i));
    const arrivals = [collect(one, 20), collect(two, 20)];
    expect(sender.send(outboxOf(datagrams, (i) => i % 6))).toBe(40);
    const [atOne, atTwo] = await Promise.all(arrivals);
    expect(atOne.map(toHex)).toEqual(datagrams.filter((_, i) => i % 6 === 0).map(toHex));
    expect(atTwo.map(toHex)).toEqual(datagrams.filter((_, i) => i % 6 === 1).map(toHex));
    expect([...sender.counters]).toEqual([120, 20, 40]); // route 5 is not set
    expect(readCounters(UDP_COUNTERS, from.counters).dropUnreachable).toBe(20);
    sender.delete(0);
    sender.detach(1);
    expect(sender.send(outboxOf([pattern(9)], () => 0))).toBe(0);
    for (const socket of [from, one, two]) socket.close();
  });

  it('sends singly what is longer than the MTU of the device', async () => {
    a.ip('link set v0 mtu 1000');
    try {
      const from = UdpSocket.open({ id: 1, family: 4, netns: a.path });
      const to = UdpSocket.open({ id: 2, family: 4, netns: b.path });
      const sender = new DatagramSender();
      sender.attach(from);
      sender.set(0, 1, record(V4, to.localPort));
      const datagrams = Array.from({ length: 10 }, (_, i) => pattern(i < 5 ? 1_200 : 900, i));
      const arrival = collect(to, 10);
      expect(sender.send(outboxOf(datagrams, () => 0))).toBe(10);
      expect((await arrival).map(toHex)).toEqual(datagrams.map(toHex));
      // The long ones and the first short one made a run that the kernel refused; the other four went as one.
      expect(readCounters(UDP_COUNTERS, from.counters).sentMerged).toBe(4);
      expect(readCounters(UDP_COUNTERS, from.counters).segmentationOff).toBe(0);
      from.close();
      to.close();
    } finally {
      a.ip('link set v0 mtu 1500');
    }
  });

  it('fragments nothing when told so, and counts what is too long', () => {
    const socket = UdpSocket.open({ id: 1, family: 4, netns: a.path, dontFragment: true });
    const sender = new DatagramSender();
    sender.attach(socket);
    sender.set(0, 1, record(V4, 9));
    const datagrams = [pattern(1_473), pattern(1_472), pattern(2_000), pattern(2_000), pattern(2_000)];
    expect(sender.send(outboxOf(datagrams, () => 0))).toBe(1);
    expect(readCounters(UDP_COUNTERS, socket.counters)).toMatchObject({ sentDatagrams: 1, dropTooLong: 4 });
    socket.close();
  });

  it('drops and counts when its device is gone', async () => {
    a.ip('link add d0 type veth peer name d1', 'addr add 10.3.0.1/24 dev d0', 'link set d1 up', 'link set d0 up');
    const socket = UdpSocket.open({ id: 1, family: 4, netns: a.path, device: 'd0' });
    const sender = new DatagramSender();
    sender.attach(socket);
    sender.set(0, 1, record([10, 3, 0, 1], socket.localPort));
    expect(sender.send(outboxOf([pattern(10)], () => 0))).toBe(1);
    a.ip('link del d0');
    expect(sender.send(outboxOf([pattern(10), pattern(10), pattern(9)], () => 0))).toBe(0);
    expect(readCounters(UDP_COUNTERS, socket.counters).dropUnreachable).toBe(3);
    socket.close();
  });
});

describe('opening', () => {
  it('names the call, the device and the reason', () => {
    const open = (more: object) => () => UdpSocket.open({ id: 1, family: 4, netns: a.path, ...more });
    expect(open({ device: 'nosuch0' })).toThrow(
      expect.objectContaining({
        code: 'ENODEV',
        syscall: 'setsockopt(SO_BINDTODEVICE)',
        message: expect.stringContaining('nosuch0'),
      }),
    );
    expect(open({ address: '10.9.9.9' })).toThrow(expect.objectContaining({ code: 'EADDRNOTAVAIL', syscall: 'bind' }));
    expect(open({ address: 'fd02::1' })).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(open({ netns: '/proc/nowhere' })).toThrow(expect.objectContaining({ code: 'ENOENT', syscall: 'open' }));
    expect(open({ netns: '/dev/null' })).toThrow(expect.objectContaining({ code: 'EINVAL', syscall: 'setns' }));
    expect(open({ family: 5 })).toThrow(expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }));
    expect(open({ id: -1 })).toThrow(expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }));
    expect(open({ device: 'a-name-that-is-too-long' })).toThrow(expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }));
    expect(() => receiveBatch(0)).toThrow(expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }));
    const socket = open({ port: 4_510 })();
    expect(socket.localPort).toBe(4_510);
    expect(open({ port: 4_510 })).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
    socket.close();
    socket.close();
    expect(() => socket.receive(receiveBatch(1))).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
    expect(() => socket.start()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  it('lets both families share a port', () => {
    const v4 = UdpSocket.open({ id: 1, family: 4, netns: a.path, port: 4_510 });
    const v6 = UdpSocket.open({ id: 2, family: 6, netns: a.path, port: 4_510 });
    v4.close();
    v6.close();
  });
});
