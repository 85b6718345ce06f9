import { EventEmitter, once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Namespace } from '../test/namespace.js';
import { isValid, pattern, toHex } from '../test/packets.js';
import { fillSlab, makeSlab, takeSlab } from '../test/slab.js';
import { readCounters, TUN_COUNTERS } from './counters.js';
import { DatagramSender } from './sender.js';
import { TunDevice, type TunOptions } from './tun.js';
import { receiveBatch, UdpSocket } from './udp.js';

// One namespace; TUN t0 is 10.9.0.1/24 and fd09::1/64. A mirror behind it sends every packet back with its addresses
// exchanged: whoever talks to 10.9.0.2 talks to 10.9.0.1 through the whole kernel stack, twice.

let space: Namespace;
let opened: { close(): void }[] = [];

beforeAll(async () => {
  space = await Namespace.create();
});
afterAll(() => space.close());
afterEach(() => {
  for (const object of opened) object.close();
  opened = [];
});

function openTun(options: Partial<TunOptions> = {}): TunDevice {
  const tun = TunDevice.open({ name: 't0', netns: space.path, ...options });
  opened.push(tun);
  space.ip(
    `addr add 10.9.0.1/24 dev ${tun.name}`,
    `addr add fd09::1/64 dev ${tun.name} nodad`,
    `link set ${tun.name} up`,
  );
  space.awaitLocal('fd09::1');
  return tun;
}

function openUdp(id: number, family: 4 | 6, dscp = 0): UdpSocket {
  const socket = UdpSocket.open({ id, family, netns: space.path, dscp });
  opened.push(socket);
  return socket;
}

function exchangeAddresses(slab: Uint8Array, at: number): void {
  const v4 = slab[at] >> 4 === 4;
  const length = v4 ? 4 : 16;
  const source = at + (v4 ? 12 : 8);
  const kept = slab.slice(source, source + length);
  slab.copyWithin(source, source + length, source + 2 * length);
  slab.set(kept, source + length);
}

/** Sends everything back; `look` sees each packet first. */
function mirror(tun: TunDevice, look: (packet: Uint8Array) => void = () => {}): void {
  const { slab, batch } = makeSlab(100);
  tun.onReadable = () => {
    const count = tun.read(slab, batch, batch.capacity);
    for (const packet of takeSlab(slab, batch, count)) look(packet);
    for (let i = 0; i < count; i++) exchangeAddresses(slab, batch.offset[i]);
    tun.write(slab, batch);
  };
  tun.start();
}

function recordOf(family: 4 | 6, port: number): Uint8Array {
  const bytes = new Uint8Array(40);
  bytes[0] = family;
  bytes[2] = port & 255;
  bytes[3] = port >> 8;
  bytes.set(family === 4 ? [10, 9, 0, 2] : [0xfd, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], 8);
  return bytes;
}

function outboxOf(datagrams: readonly Uint8Array[]): Parameters<DatagramSender['send']>[0] {
  const offset = new Int32Array(datagrams.length);
  for (let i = 1; i < datagrams.length; i++) offset[i] = offset[i - 1] + datagrams[i - 1].length;
  return {
    count: datagrams.length,
    bytes: Uint8Array.from(datagrams.flatMap((datagram) => [...datagram])),
    offset,
    length: Int32Array.from(datagrams, (datagram) => datagram.length),
    route: new Int32Array(datagrams.length),
  };
}

/** A socket whose datagrams to the mirror come back to itself. */
function echoSocket(
  family: 4 | 6,
  dscp = 0,
): { send(datagrams: Uint8Array[]): number; arrival(n: number): Promise<Uint8Array[]> } {
  const socket = openUdp(1, family, dscp);
  const sender = new DatagramSender();
  sender.attach(socket);
  sender.set(0, 1, recordOf(family, socket.localPort));
  const batch = receiveBatch(64);
  const got: Uint8Array[] = [];
  const events = new EventEmitter();
  socket.onReadable = () => {
    const count = socket.receive(batch);
    for (let i = 0; i < count; i++) got.push(batch.bytes.slice(batch.offset[i], batch.offset[i] + batch.length[i]));
    events.emit('more');
  };
  socket.start();
  return {
    send: (datagrams) => sender.send(outboxOf(datagrams)),
    async arrival(wanted) {
      while (got.length < wanted) await once(events, 'more');
      return got.splice(0, wanted);
    },
  };
}

describe.each([
  ['with offloads', true],
  ['without offloads', false],
] as const)('a TUN device %s', (_, offload) => {
  it.each([4, 6] as const)('carries UDP of every size over IPv%i, also in fragments', async (family) => {
    const tun = openTun({ offload });
    const kinds = { plain: 0, wrong: 0 };
    mirror(tun, (packet) => {
      const fragment = packet[0] >> 4 === 4 ? ((packet[6] & 0x3f) | packet[7]) !== 0 : packet[6] === 44;
      if (!fragment && (packet[0] >> 4 === 4 ? packet[9] : packet[6]) === 17) {
        kinds.plain++;
        if (!isValid(packet)) kinds.wrong++;
      }
    });
    const echo = echoSocket(family);
    const largest = family === 4 ? 1_472 : 1_452;
    const sizes = Array.from({ length: largest }, (_, i) => 1 + i).concat(largest + 1, 3_000, 8_000);
    for (let at = 0; at < sizes.length; at += 50) {
      const datagrams = sizes.slice(at, at + 50).map((size) => pattern(size, size));
      expect(echo.send(datagrams)).toBe(datagrams.length);
      expect((await echo.arrival(datagrams.length)).map(toHex)).toEqual(datagrams.map(toHex));
    }
    // The mirror sees each datagram once (what it writes goes up, not out).
    expect(kinds).toEqual({ plain: largest, wrong: 0 });
  });

  it('carries equal datagrams as super-packets where the kernel can', async () => {
    const tun = openTun({ offload });
    mirror(tun);
    const echo = echoSocket(4);
    const datagrams = Array.from({ length: 64 }, (_, i) => pattern(i < 63 ? 800 : 300, i));
    expect(echo.send(datagrams)).toBe(64);
    expect((await echo.arrival(64)).map(toHex)).toEqual(datagrams.map(toHex));
    const counters = readCounters(TUN_COUNTERS, tun.counters);
    if (tun.offloads === 'tcp+udp') {
      expect(counters.readSuperPackets).toBeGreaterThan(0);
      expect(counters.writtenMerged).toBeGreaterThan(32);
    } else {
      expect(counters.readSuperPackets).toBe(0);
      expect(counters.writtenMerged).toBe(0);
    }
    expect(counters.writtenPackets).toBe(counters.readPackets);
  });

  it.each(['10.9.0.2', 'fd09::2'])('carries TCP to %s intact, both ways', async (address) => {
    const tun = openTun({ offload });
    let wrong = 0;
    mirror(tun, (packet) => {
      if ((packet[0] >> 4 === 4 ? packet[9] : packet[6]) === 6 && !isValid(packet)) wrong++;
    });
    const answer = await space.node(`
      const net = require('node:net');
      const { createHash, randomBytes } = require('node:crypto');
      const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');
      const data = randomBytes(4_000_000), back = randomBytes(3_000_000);
      const read = (socket) => new Promise((resolve, reject) => {
        const parts = [];
        socket.on('data', (part) => parts.push(part)).on('end', () => resolve(hash(Buffer.concat(parts)))).on('error', reject);
      });
      const server = net.createServer({ allowHalfOpen: true }, async (socket) => {
        socket.end(back);
        console.log((await read(socket)) === hash(data));
      });
      server.listen(0, '::', async () => {
        const socket = net.connect({ port: server.address().port, host: '${address}', allowHalfOpen: true });
        socket.end(data);
        console.log((await read(socket)) === hash(back));
        server.close();
      });
    `);
    expect(answer.split('\n')).toEqual(['true', 'true']);
    expect(wrong).toBe(0);
    const counters = readCounters(TUN_COUNTERS, tun.counters);
    expect(counters.writeDropped + counters.readMalformed + counters.readOversize).toBe(0);
    if (offload) expect(counters.readSuperPackets).toBeGreaterThan(10);
  });
});

describe('reading', () => {
  it('keeps the rest of a super-packet, and goes on calling until it is taken', async () => {
    const tun = openTun();
    const echo = echoSocket(4, 46);
    const { slab, batch } = makeSlab(3);
    const seen: Uint8Array[] = [];
    const groups: number[] = [];
    const done = new EventEmitter();
    tun.onReadable = () => {
      const count = tun.read(slab, batch, 3);
      takeSlab(slab, batch, count).forEach((packet, i) => {
        if (packet[0] >> 4 !== 4 || packet[9] !== 17) return;
        seen.push(packet);
        groups.push(batch.group[i]);
      });
      if (seen.length === 40) done.emit('done');
    };
    tun.start();
    const datagrams = Array.from({ length: 40 }, (_, i) => pattern(1_000, i));
    echo.send(datagrams);
    await once(done, 'done');
    expect(seen.every(isValid)).toBe(true);
    expect(seen.map((packet) => toHex(packet.slice(28)))).toEqual(datagrams.map(toHex));
    expect(seen.every((packet) => packet[1] >> 2 === 46)).toBe(true);
    if (tun.offloads === 'tcp+udp') expect(groups.every((group) => group !== 0 && group === groups[0])).toBe(true);
    expect(tun.read(slab, batch, 3)).toBe(0);
  });

  it('calls nobody back after stop, and hands everything out after start', async () => {
    const tun = openTun();
    const { slab, batch } = makeSlab(64);
    const echo = echoSocket(4);
    let calls = 0;
    tun.onReadable = () => {
      calls++;
      tun.stop();
    };
    tun.start();
    echo.send([pattern(10)]);
    while (calls === 0) await new Promise(setImmediate);
    echo.send([pattern(10), pattern(10)]);
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(calls).toBe(1);
    tun.start();
    while (calls === 1) await new Promise(setImmediate);
    expect(tun.read(slab, batch, 64)).toBeGreaterThanOrEqual(3);
  });

  it('drops what does not fit a slot and counts it', async () => {
    const tun = openTun({ offload: false });
    space.ip('link set t0 mtu 4000');
    const echo = echoSocket(4);
    const { slab, batch } = makeSlab(8);
    const done = new EventEmitter();
    const lengths: number[] = [];
    tun.onReadable = () => {
      const count = tun.read(slab, batch, 8);
      for (const packet of takeSlab(slab, batch, count)) if (packet[0] >> 4 === 4) lengths.push(packet.length);
      if (lengths.length === 2) done.emit('done');
    };
    tun.start();
    echo.send([pattern(1_984 - 28), pattern(1_985 - 28), pattern(3_000), pattern(5)]);
    await once(done, 'done');
    expect(lengths).toEqual([1_984, 33]);
    expect(readCounters(TUN_COUNTERS, tun.counters).readOversize).toBe(2);
  });
});

describe('writing', () => {
  it('counts what the kernel refuses', () => {
    const tun = openTun();
    const { slab, batch } = makeSlab(4);
    fillSlab(slab, batch, [new Uint8Array(0), Uint8Array.of(0xff), new Uint8Array(60)]);
    expect(tun.write(slab, batch)).toBe(0);
    space.ip('link set t0 down');
    const packet = new Uint8Array(60);
    packet[0] = 0x45;
    fillSlab(slab, batch, [packet]);
    expect(tun.write(slab, batch)).toBe(0);
    expect(readCounters(TUN_COUNTERS, tun.counters).writeDropped).toBe(4);
  });
});

describe('opening and closing', () => {
  it('makes the device with MTU and queue length, and removes it', async () => {
    const tun = openTun({ name: 'pio%d', mtu: 1_280, queueLength: 777 });
    expect(tun.name).toMatch(/^pio\d+$/);
    const show = `require('node:child_process').execSync('ip -o link show').toString()`;
    expect(await space.node(`console.log(${show})`)).toMatch(new RegExp(`${tun.name}.* mtu 1280 .* qlen 777`));
    tun.close();
    tun.close();
    expect(await space.node(`console.log(${show})`)).not.toContain(tun.name);
    expect(() => tun.start()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }));
  });

  it('names the call, the device and the reason', () => {
    openTun();
    const open = (options: Partial<TunOptions>) => () => TunDevice.open({ name: 't0', netns: space.path, ...options });
    expect(open({})).toThrow(
      expect.objectContaining({ code: 'EBUSY', syscall: 'ioctl(TUNSETIFF)', message: expect.stringContaining('t0') }),
    );
    expect(open({ netns: '/proc/nowhere' })).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    for (const mtu of [67, 1_985, Number.NaN]) {
      expect(open({ name: 't1', mtu })).toThrow(expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }));
    }
    expect(open({ name: 'a-name-that-is-too-long' })).toThrow(expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }));
    expect(open({ name: 't1', queueLength: 0 })).toThrow(expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }));
  });

  it('leaves the thread in its own namespace, also after an error', async () => {
    const { readlinkSync } = await import('node:fs');
    const home = readlinkSync('/proc/thread-self/ns/net');
    const tun = openTun();
    expect(() => TunDevice.open({ name: 't0', netns: space.path })).toThrow();
    expect(readlinkSync('/proc/thread-self/ns/net')).toBe(home);
    expect(tun.gone).toBe(false);
  });

  it('refuses batches that lie outside the slab', () => {
    const tun = openTun();
    const { slab, batch } = makeSlab(4);
    const outside = expect.objectContaining({ code: 'ERR_OUT_OF_BOUNDS' });
    expect(() => tun.read(slab, batch, 5)).toThrow(outside);
    expect(() => tun.read(slab, batch, -1)).toThrow(outside);
    batch.offset[3] = slab.length - 1_983;
    expect(() => tun.read(slab, batch, 4)).toThrow(outside);
    batch.count = 4;
    batch.length.fill(100);
    batch.offset[2] = -1;
    expect(() => tun.write(slab, batch)).toThrow(outside);
    expect(() => tun.write([] as unknown as Uint8Array, batch)).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_ARGUMENT' }),
    );
  });

  it('tells when somebody else deleted the device, and does not spin', async () => {
    const tun = openTun();
    const events = new EventEmitter();
    let calls = 0;
    tun.onReadable = () => {
      calls++;
      if (tun.gone) events.emit('gone');
    };
    const { slab, batch } = makeSlab(8);
    tun.start();
    const gone = once(events, 'gone');
    space.ip('link del t0');
    await gone;
    const after = calls;
    for (let i = 0; i < 50; i++) await new Promise(setImmediate);
    expect(calls).toBe(after);
    expect(tun.read(slab, batch, 8)).toBe(0);
    fillSlab(slab, batch, [new Uint8Array(60)]);
    expect(tun.write(slab, batch)).toBe(0);
  });
});
