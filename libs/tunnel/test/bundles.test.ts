/** Small packets that are ready together share datagrams: what arrives, what it saves, and what is no bundle. */
import { describe, expect, it } from 'vitest';
import { type DatagramOutbox, PacketBatch, type SealBatch } from '../src/batch.js';
import { MTU_FLOOR } from '../src/constants.js';
import { ipPacketBytes } from '../src/ip-packet.js';
import type { TunnelPolicy } from '../src/policy.js';
import { seededRandom } from './node-primitives.js';
import { ipv4 } from './packets.js';
import { MS, policyOf, SECOND, World, type WorldOptions } from './world.js';

const VEHICLE = [10, 77, 0, 2];
const HOSPITAL = [10, 77, 0, 1];
const FRAMES = 2;
const BUNDLE = 4;
/** Sent again; covered by repairs. */
const GOES_ALONE = 2 | 8;
const UDP = 17;
const TCP = 6;

const WAYS = ['up', 'down'] as const;
type Way = (typeof WAYS)[number];
interface Sent {
  readonly key: string;
  readonly flow: number;
  readonly number: number;
}

/** A world whose packets are random bytes, handed in as a TUN device gives them, and known again when they come out. */
class Bundles {
  readonly world: World;
  readonly sent: Record<Way, Sent[]> = { up: [], down: [] };
  readonly came: Record<Way, Sent[]> = { up: [], down: [] };
  /** Sizes of the transport datagrams that went out, and how many of them were bundles. */
  readonly sizes: Record<Way, number[]> = { up: [], down: [] };
  readonly bundles: Record<Way, number> = { up: 0, down: 0 };
  /** Bundles with a packet in it that should be on its own. */
  unfit = 0;
  private readonly batch = new PacketBatch(64);
  private readonly random = seededRandom('bytes of packets');
  private number = 0;

  constructor(options: WorldOptions = {}) {
    const world = new World({ policy: policyOf('active-standby'), ...options });
    this.world = world;
    for (const [way, host, other] of [
      ['up', world.vehicle, world.gateway],
      ['down', world.gateway, world.vehicle],
    ] as const) {
      const seal = host.aead.seal.bind(host.aead);
      host.aead.seal = (batch: SealBatch, source, target) => {
        for (let i = 0; i < batch.count; i++) {
          if ((batch.headerWords[i * 6 + 3] & 0xff) !== BUNDLE) continue;
          this.bundles[way]++;
          const flags = [(batch.headerWords[i * 6 + 3] >>> 8) & 0xff, ...flagsIn(source, batch, i)];
          if (flags.some((one) => (one & GOES_ALONE) !== 0)) this.unfit++;
        }
        seal(batch, source, target);
      };
      const datagrams = host.datagrams.bind(host);
      host.datagrams = (outbox: DatagramOutbox) => {
        for (let i = 0; i < outbox.count; i++) this.sizes[way].push(outbox.length[i]);
        datagrams(outbox);
      };
      other.packets = (packets) => {
        for (let i = 0; i < packets.count; i++) {
          const at = packets.offset[i];
          this.came[way].push(known(other.engine.receiveSlab.slice(at, at + packets.length[i])));
        }
      };
    }
    world.start();
  }

  /** A packet of one of 256 flows with random bytes in it. */
  packet(way: Way, bytes: number, flow: number, protocol = UDP): Uint8Array {
    const number = [24, 16, 8, 0].map((shift) => (this.number >>> shift) & 0xff);
    this.number++;
    const payload = [16, flow, 0, 53, ...number, ...this.random(bytes - 28)];
    const [source, destination] = way === 'up' ? [VEHICLE, HOSPITAL] : [HOSPITAL, VEHICLE];
    return ipv4({ payload, source, destination, protocol });
  }

  /** Traffic until the paths' rates are known; only what goes out from now on is noted. */
  begin(): void {
    const { world } = this;
    world.every(2 * MS, SECOND, () => {
      for (const way of WAYS) this.send(way, this.packet(way, 1400, 1));
    });
    world.run(1.001 * SECOND);
    for (const way of WAYS) this.sizes[way].length = 0;
  }

  /** Hands packets in with one call. */
  send(way: Way, ...packets: readonly Uint8Array[]): void {
    const { batch } = this;
    const host = way === 'up' ? this.world.vehicle : this.world.gateway;
    const lent = host.engine.lendSlots(batch);
    batch.count = packets.length;
    if (lent < packets.length) throw new Error('too many packets');
    for (const [i, packet] of packets.entries()) {
      host.engine.sendSlab.set(packet, batch.offset[i]);
      batch.length[i] = packet.length;
      batch.group[i] = 0;
      this.sent[way].push(known(packet));
    }
    host.mutate((engine: { sendPackets(batch: PacketBatch, nowUs: number): void }, nowUs: number) =>
      engine.sendPackets(batch, nowUs),
    );
  }

  counters(way: Way) {
    const host = way === 'up' ? this.world.vehicle : this.world.gateway;
    return host.engine.status(this.world.nowUs)[0].counters;
  }

  /** Everything came once, as it was sent; in the order of each flow, if `inOrder`. */
  expectAll(way: Way, inOrder: boolean): void {
    const keys = (all: readonly Sent[]) => all.map(({ key }) => key).sort();
    expect(keys(this.came[way])).toEqual(keys(this.sent[way]));
    if (!inOrder) return;
    const last = new Map<number, number>();
    for (const { flow, number } of this.came[way]) {
      expect(number).toBeGreaterThan(last.get(flow) ?? -1);
      last.set(flow, number);
    }
  }
}

/** Flags of the packets behind the first. */
function flagsIn(slab: Uint8Array, { source, sourceLength }: SealBatch, entry: number): number[] {
  const flags: number[] = [];
  const end = source[entry] + sourceLength[entry];
  for (let at = source[entry]; ; ) {
    const header = at + ipPacketBytes(slab, at, end - at);
    if (header === at || header === end) return flags;
    flags.push(slab[header + 1]);
    at = header + 8;
  }
}

function known(packet: Uint8Array): Sent {
  const view = new DataView(packet.buffer, packet.byteOffset);
  return { key: Buffer.from(packet).toString('hex'), flow: packet[21], number: view.getUint32(24) };
}

describe('packets that are ready together', () => {
  it.each(WAYS)('share datagrams, which hold them whole and are no longer than every path carries (%s)', (way) => {
    const one = new Bundles();
    one.begin();
    one.send(way, ...Array.from({ length: 25 }, (_, i) => one.packet(way, 52, i % 5)));
    // 40 around 20 packets of 52 bytes with 19 headers of 8 between them.
    expect(one.sizes[way]).toEqual([MTU_FLOOR, 40 + 5 * 52 + 4 * 8]);
    expect(one.counters(way)).toMatchObject({ packetsBundled: 25, datagramsSaved: 23, copiesSent: 0 });
    one.world.run(SECOND);
    one.expectAll(way, true);
  });

  it('go alone when they are larger than 400 bytes, and nothing is put behind those', () => {
    const one = new Bundles();
    one.begin();
    const sizes = [401, 100, 401, 400, 400, 100, 1400];
    one.send('up', ...sizes.map((bytes) => one.packet('up', bytes, 1)));
    expect(one.sizes.up).toEqual([441, 140, 441, 40 + 400 + 8 + 400 + 8 + 100, 1440]);
    one.world.run(SECOND);
    one.expectAll('up', true);
  });

  it('are not waited for', () => {
    const one = new Bundles();
    one.begin();
    one.send('up', one.packet('up', 100, 1));
    one.send('up', one.packet('up', 100, 1));
    expect(one.sizes.up).toEqual([140, 140]);
    expect(one.counters('up')).toMatchObject({ packetsBundled: 0, datagramsSaved: 0 });
  });

  it('count as datagrams of their size for what the path carries and loses', () => {
    const one = new Bundles();
    const before = one.world.vehicle.engine.status(one.world.nowUs)[0].paths[0].send;
    one.sizes.up.length = 0;
    one.world.every(10 * MS, SECOND, () => one.send('up', ...[1, 2, 3].map((flow) => one.packet('up', 100, flow))));
    one.world.run(2 * SECOND);
    const after = one.world.vehicle.engine.status(one.world.nowUs)[0].paths[0].send;
    const packets = after.packets - before.packets;
    expect(packets).toBeGreaterThanOrEqual(100);
    expect(packets).toBeLessThan(200);
    expect(after.bytes - before.bytes).toBeGreaterThanOrEqual(100 * (40 + 300 + 16));
    expect(after.bytes - before.bytes).toBeLessThan(100 * (40 + 300 + 16) + (packets - 100) * 300);
  });
});

describe('a peer that does not say that it understands bundles', () => {
  it('gets none, and hears of it when the other end does', () => {
    const one = new Bundles();
    const { world } = one;
    // The gateway is of an older kind: its frames have no flags.
    const seal = world.gateway.aead.seal.bind(world.gateway.aead);
    world.gateway.aead.seal = (batch: SealBatch, source, target) => {
      for (let i = 0; i < batch.count; i++)
        if ((batch.headerWords[i * 6 + 3] & 0xff) === FRAMES) batch.headerWords[i * 6 + 3] &= ~0xff00;
      seal(batch, source, target);
    };
    // Keys of which nothing is known yet.
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks([], [], nowUs));
    world.vehicle = world.makeVehicle('another life');
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(world.uplinks(), [], nowUs));
    world.run(SECOND);
    one.bundles.up = 0;
    one.bundles.down = 0;
    for (let i = 0; i < 20; i++) {
      one.send('up', ...[1, 2, 3].map((flow) => one.packet('up', 100, flow)));
      one.send('down', ...[1, 2, 3].map((flow) => one.packet('down', 100, flow)));
      world.run(20 * MS);
    }
    expect(one.counters('up')).toMatchObject({ packetsSent: 60, packetsBundled: 0, datagramsSaved: 0 });
    expect(one.counters('down').packetsBundled).toBe(60);
  });
});

describe('random packets both ways, some of them large', () => {
  const policies: Record<string, TunnelPolicy> = {
    'over one path': policyOf('active-standby'),
    'copied over all': policyOf('redundant'),
    'spilling, with copies and repairs': {
      version: 1,
      default: { strategy: 'adaptive', redundancy: 0.3 },
      classes: [],
    },
    balanced: policyOf('load-balancing'),
  };
  it.each(Object.entries(policies).flatMap(([name, policy]) => [0, 0.08].map((loss) => [name, loss, policy] as const)))(
    '%s, of which %f are lost: each comes once, unchanged',
    (_name, loss, policy) => {
      const one = new Bundles({ policy });
      const { world } = one;
      const draw = seededRandom('draws');
      const chance = () => draw(1)[0] / 256;
      if (loss > 0) {
        for (const host of [world.vehicle, world.gateway]) {
          const forward = host.onDatagram;
          host.onDatagram = (socket, to, bytes) => {
            if (chance() >= loss) forward(socket, to, bytes);
          };
        }
      }
      for (const way of WAYS) {
        world.every(4 * MS, 3 * SECOND, () => {
          const many = 1 + Math.floor(chance() * 12);
          const packets = Array.from({ length: many }, () => {
            const bytes = chance() < 0.15 ? 400 + Math.floor(chance() * 1000) : 28 + Math.floor(chance() * 200);
            return one.packet(way, bytes, Math.floor(chance() * 8), chance() < 0.5 ? UDP : TCP);
          });
          one.send(way, ...packets);
        });
      }
      world.run(6 * SECOND);
      expect(one.unfit).toBe(0);
      for (const way of WAYS) {
        one.expectAll(way, false);
        expect(one.counters(way).datagramsSaved).toBeGreaterThan(0.3 * one.sent[way].length);
        expect(one.counters(way).malformed).toBe(0);
        expect(one.bundles[way]).toBeGreaterThan(500);
        expect(Math.max(...one.sizes[way])).toBeLessThanOrEqual(1444);
      }
    },
  );
});

describe('a bundle that is not sound', () => {
  it.each([
    ['with a byte behind it', (bytes: Uint8Array) => bytes.with(108 + 3, 99)],
    ['with a header and no packet behind it', (bytes: Uint8Array) => bytes.with(108 + 3, 92).with(108 + 92, 1)],
    ['whose first packet reaches into the second', (bytes: Uint8Array) => bytes.with(3, bytes[3] + 30)],
    ['whose second packet is of another kind', (bytes: Uint8Array) => bytes.with(100, 2)],
    ['whose last packet claims more than there is', (bytes: Uint8Array) => bytes.with(108 + 3, 101)],
  ])('%s is counted, acknowledged, and nothing of it delivered', (_name, change) => {
    const one = new Bundles();
    const { world } = one;
    const seal = world.vehicle.aead.seal.bind(world.vehicle.aead);
    let damaged = 0;
    world.vehicle.aead.seal = (batch: SealBatch, source, target) => {
      for (let i = 0; i < batch.count; i++) {
        if ((batch.headerWords[i * 6 + 3] & 0xff) !== BUNDLE) continue;
        const at = batch.source[i];
        const bytes = change(source.slice(at, at + batch.sourceLength[i]));
        source.set(bytes, at);
        damaged++;
      }
      seal(batch, source, target);
    };
    const before = one.world.gateway.engine.status(world.nowUs)[0].counters;
    one.send('up', one.packet('up', 100, 1), one.packet('up', 100, 2));
    world.run(SECOND);
    expect(damaged).toBe(1);
    expect(one.came.up).toEqual([]);
    const after = world.gateway.engine.status(world.nowUs)[0].counters;
    expect(after).toEqual({ ...before, malformed: before.malformed + 1 });
    // Nothing of the flows was touched: what comes next is delivered.
    world.vehicle.aead.seal = seal;
    one.sent.up.length = 0;
    one.send('up', one.packet('up', 100, 1), one.packet('up', 100, 2));
    world.run(SECOND);
    one.expectAll('up', true);
  });

  it("delivers those of its packets whose source is the vehicle's", () => {
    const one = new Bundles();
    const stranger = ipv4({ source: [10, 77, 0, 99], payload: [...one.packet('up', 80, 3).subarray(20)] });
    const packets = [one.packet('up', 80, 1), stranger, one.packet('up', 80, 2)];
    one.send('up', ...packets);
    one.sent.up.splice(1, 1);
    one.world.run(SECOND);
    one.expectAll('up', true);
    expect(one.world.gateway.engine.status(one.world.nowUs)[0].counters.wrongInnerSource).toBe(1);
  });
});

describe('what goes again, and what repairs cover', () => {
  it('goes in datagrams of its own', () => {
    const one = new Bundles({ policy: policyOf('active-standby') });
    const { world } = one;
    const forward = world.vehicle.onDatagram;
    let swallowed = 0;
    world.vehicle.onDatagram = (socket, to, bytes) => {
      if (one.bundles.up === 1 && bytes.length > 500 && swallowed++ === 0) return;
      forward(socket, to, bytes);
    };
    one.send('up', ...Array.from({ length: 8 }, (_, i) => one.packet('up', 100, i)));
    one.sizes.up.length = 0;
    world.run(SECOND);
    expect(swallowed).toBe(1);
    expect(one.sizes.up.filter((bytes) => bytes === 140)).toHaveLength(8);
    expect(one.bundles.up).toBe(1);
    one.expectAll('up', true);
  });
});
