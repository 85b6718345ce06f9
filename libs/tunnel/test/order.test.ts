/** One flow over two paths of unlike delay, packet by packet: in which order it comes out at the other end. */
import { describe, expect, it } from 'vitest';
import type { OrderRule, TunnelPolicy } from '../src/policy.js';
import { type Host, MS, SECOND, World } from './world.js';

const policyWith = (order: OrderRule): TunnelPolicy => ({
  version: 1,
  default: { strategy: 'load-balancing', options: { by: 'packet' }, order },
  classes: [],
});

/** Drops each datagram with a packet in it with the given probability. */
function losing(host: Host<never> | World['vehicle'] | World['gateway'], share: number): void {
  const send = host.onDatagram;
  let state = 11;
  host.onDatagram = (socket, to, bytes) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    if (bytes.length < 300 || state / 0x7fff_ffff >= share) send(socket, to, bytes);
  };
}

/** Both ends send 500 packets a second for three seconds. */
function exchange(order: OrderRule, loss = 0): World {
  const world = new World({ delaysMs: [20, 60], policy: policyWith(order) }).start();
  losing(world.vehicle, loss);
  losing(world.gateway, loss);
  world.every(2 * MS, 3 * SECOND, () => {
    world.sendUp(400);
    world.sendDown(400);
  });
  world.run(5 * SECOND);
  return world;
}

const numbers = (world: World, at: 'vehicle' | 'gateway') => world[at].arrivals.map(({ number }) => number);
const sent = Array.from({ length: 1500 }, (_, i) => i);
const overtaken = (order: readonly number[]) => order.filter((number, i) => i > 0 && number < order[i - 1]).length;

/** Longest time between the sending of a packet and its delivery. */
function longestWayUs(world: World, at: 'vehicle' | 'gateway'): number {
  return Math.max(...world[at].arrivals.map(({ atUs, number }) => atUs - 1.5 * SECOND - number * 2 * MS));
}

describe('the order of a flow', () => {
  it.each(['vehicle', 'gateway'] as const)('is restored at the %s', (at) => {
    const world = exchange('flow');
    expect(numbers(world, at)).toEqual(sent);
    expect(longestWayUs(world, at)).toBeLessThan(75 * MS);
    const status = world[at].engine.status(world.nowUs)[0].order;
    expect(status).toMatchObject({ waiting: 0, givenUp: 0 });
    expect(status?.filled).toBeGreaterThan(300);
  });

  it.each(['vehicle', 'gateway'] as const)('is restored at the %s though one packet in fifty is lost', (at) => {
    const world = exchange('flow', 0.02);
    expect(numbers(world, at)).toEqual(sent);
  });

  it('is left as it is where nobody asks for it', () => {
    const world = exchange('none');
    for (const at of ['vehicle', 'gateway'] as const) {
      expect(overtaken(numbers(world, at))).toBeGreaterThan(300);
      expect([...numbers(world, at)].sort((a, b) => a - b)).toEqual(sent);
      expect(world[at].engine.status(world.nowUs)[0].order).toBeUndefined();
    }
  });

  it('is that of TCP only by default: datagrams of others do not wait', () => {
    expect(overtaken(numbers(exchange('auto'), 'gateway'))).toBeGreaterThan(300);
  });

  it('starts over with a vehicle that starts over', () => {
    const world = exchange('flow');
    world.vehicle = world.makeVehicle('second');
    world.start();
    world.vehicle.arrivals.length = 0;
    world.gateway.arrivals.length = 0;
    world.every(2 * MS, SECOND, () => world.sendUp(400));
    world.run(2 * SECOND);
    expect(numbers(world, 'gateway')).toEqual(sent.slice(0, 500));
  });
});
