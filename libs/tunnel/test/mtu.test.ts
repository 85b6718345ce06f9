/** Paths that carry only smaller datagrams than the tunnel would like: found out, routed around, told about. */
import { describe, expect, it } from 'vitest';
import { mayFragment } from '../src/ipv4-fragments.js';
import { MS, policyOf, SECOND, World } from './world.js';

interface Narrow {
  readonly world: World;
  /** Bytes of UDP payload above which link 0 loses datagrams from the vehicle without a word. */
  limit: number;
}

function narrow(limit: number, delaysMs: readonly number[], strategy = 'active-standby'): Narrow {
  const made: Narrow = { world: new World({ delaysMs, policy: policyOf(strategy) }), limit };
  const forward = made.world.vehicle.onDatagram;
  made.world.vehicle.onDatagram = (socket, to, bytes) => {
    if (socket !== 0 || bytes.length <= made.limit) forward(socket, to, bytes);
    else made.world.links[socket].upBytes += bytes.length + 28;
  };
  made.world.start();
  return made;
}

const statusOf = (world: World) => world.vehicle.engine.status(world.nowUs)[0];
const suspicions = (world: World) =>
  world.vehicle.events.filter((event) => event.type === 'path-state' && event.to === 'suspect').length;
const within = (least: number, most: number) => expect.toSatisfy((size: number) => size > least && size <= most);
const NONE = { lost: 0, duplicates: 0 };

describe('a path that carries only smaller datagrams', () => {
  it('stays up, and what does not fit goes over another', () => {
    const { world } = narrow(1400, [20, 30]);
    world.every(10 * MS, SECOND, () => {
      world.sendUp(1400);
      world.sendUp(1200);
    });
    world.run(2 * SECOND);
    expect(world.gateway.ledger(world.vehicle.sent)).toEqual(NONE);
    const status = statusOf(world);
    expect(status.paths.map((path) => [path.state, path.maxDatagramBytes, path.mtu])).toEqual([
      ['up', within(1392, 1400), within(1352, 1360)],
      ['up', 1444, 1400],
    ]);
    expect(status.counters.tooBig).toBe(0);
    expect(suspicions(world)).toBe(0);
  });

  it('gets no copies of what does not fit', () => {
    const { world } = narrow(1300, [20, 30, 45], 'redundant');
    world.run(SECOND);
    const before = statusOf(world).counters.copiesSent;
    world.every(10 * MS, SECOND, () => world.sendUp(1400));
    world.run(2 * SECOND);
    expect(statusOf(world).counters.copiesSent - before).toBe(100);
    expect(world.gateway.ledger(world.vehicle.sent)).toEqual(NONE);
  });

  it('loses nothing for good when traffic was there before its size was known', () => {
    const { world } = narrow(1440, [20, 30]);
    const second = narrow(1300, [20, 30]);
    for (const one of [world, second.world]) {
      one.every(5 * MS, SECOND, () => one.sendUp(1400));
      one.run(2 * SECOND);
      expect(one.gateway.ledger(one.vehicle.sent)).toEqual(NONE);
    }
  });

  it('is noticed when it becomes one under traffic, and used in full again when it is repaired', () => {
    const made = narrow(1440, [20, 30]);
    const { world } = made;
    world.every(5 * MS, 20 * SECOND, () => {
      world.sendUp(1400);
      world.sendUp(300);
    });
    world.run(SECOND);
    expect(statusOf(world).paths[0].mtu).toBe(1400);
    made.limit = 1330;
    world.run(2 * SECOND);
    expect(statusOf(world).paths[0].mtu).toSatisfy((mtu: number) => mtu > 1330 - 48 && mtu <= 1330 - 40);
    made.limit = 1440;
    world.run(17.5 * SECOND);
    expect(statusOf(world).paths[0].mtu).toBe(1400);
    expect(world.gateway.ledger(world.vehicle.sent)).toEqual(NONE);
  });

  it('is asked again when its address has changed', () => {
    const made = narrow(1300, [20, 30]);
    const { world } = made;
    world.run(SECOND);
    made.limit = 1440;
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(world.uplinks(), ['w0'], nowUs));
    world.run(SECOND);
    expect(statusOf(world).paths[0].mtu).toBe(1400);
  });

  it('is neither suspected nor blamed with loss for it', () => {
    const { world } = narrow(1240, [20, 30]);
    world.run(5 * SECOND);
    expect(suspicions(world)).toBe(0);
    const [path] = statusOf(world).paths;
    expect(path.maxDatagramBytes).toSatisfy((size: number) => size >= 1232 && size <= 1240);
    expect(path.send.lost).toBe(0);
  });
});

describe('a packet that fits no path', () => {
  it('is answered with the size that does', () => {
    const { world } = narrow(1400, [20]);
    world.run(SECOND);
    const before = world.vehicle.arrivals.length;
    world.sendUp(1400);
    world.sendUp(1350);
    world.run(SECOND);
    // The ICMP message comes out of the vehicle's own tunnel device.
    expect(world.vehicle.arrivals.length - before).toBe(1);
    expect(world.gateway.arrivals).toHaveLength(1);
    expect(statusOf(world).counters.tooBig).toBe(1);
  });

  it('is answered at most a hundred times a second', () => {
    const { world } = narrow(1400, [20]);
    world.run(SECOND);
    const before = world.vehicle.arrivals.length;
    world.vehicle.send([10, 77, 0, 2], [10, 77, 0, 1], 1400, 500);
    expect(world.vehicle.arrivals.length - before).toBe(100);
    world.run(SECOND);
    world.vehicle.send([10, 77, 0, 2], [10, 77, 0, 1], 1400, 500);
    expect(world.vehicle.arrivals.length - before).toBe(200);
  });

  it('goes in fragments when it may', () => {
    const { world } = narrow(1300, [20]);
    world.run(SECOND);
    const lengths: number[] = [];
    const more: boolean[] = [];
    const { gateway } = world;
    gateway.packets = (batch) => {
      const slab = gateway.engine.receiveSlab;
      for (let i = 0; i < batch.count; i++) {
        expect(mayFragment(slab, batch.offset[i])).toBe(true);
        lengths.push(batch.length[i]);
        more.push((slab[batch.offset[i] + 6] & 0x20) !== 0);
      }
    };
    world.vehicle.send([10, 77, 0, 2], [10, 77, 0, 1], 1400, 40, 0);
    world.run(SECOND);
    expect(lengths).toHaveLength(80);
    expect(more.filter(Boolean)).toHaveLength(40);
    for (const length of lengths) expect(length + 40).toBeLessThanOrEqual(1300);
    expect(lengths.reduce((sum, length) => sum + length)).toBe(40 * (1400 + 20));
    expect(statusOf(world).counters.tooBig).toBe(0);
  });

  it('waits, rather than being refused, while no path works at all', () => {
    const { world } = narrow(1300, [20, 30]);
    world.run(SECOND);
    world.blackout(0);
    world.blackout(1);
    world.every(50 * MS, SECOND, () => world.sendUp(1400));
    world.run(1.5 * SECOND);
    expect(statusOf(world).counters.tooBig).toBe(0);
    world.blackout(0, 'both', false);
    world.blackout(1, 'both', false);
    world.run(3 * SECOND);
    expect(world.gateway.ledger(world.vehicle.sent)).toEqual(NONE);
  });
});
