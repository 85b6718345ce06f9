import { describe, expect, it } from 'vitest';
import { MS, policyOf, SECOND, World } from './world.js';

/** Vitals (50/s, 200 B) and video (about 5 Mbit/s in 1,200 B packets), both ways, for `durationUs`. */
function ambulance(world: World, durationUs: number): void {
  world.every(20 * MS, durationUs, () => {
    world.sendUp(200);
    world.sendDown(200);
  });
  world.every(1.92 * MS, durationUs, () => {
    world.sendUp(1200);
    world.sendDown(1200);
  });
}

function vitals(world: World, durationUs: number): void {
  world.every(20 * MS, durationUs, () => {
    world.sendUp(200);
    world.sendDown(200);
  });
}

const active = (world: World, end: 'vehicle' | 'gateway') => world[end].engine.status(world.nowUs)[0].classes[0].paths;
const ledgers = (world: World) => [world.gateway.ledger(world.vehicle.sent), world.vehicle.ledger(world.gateway.sent)];
const NONE = { lost: 0, duplicates: 0 };

describe.each(['both', 'up', 'down'] as const)('a silent blackout of the active link (%s)', (direction) => {
  it.each([
    ['vitals and video', ambulance],
    ['vitals alone', vitals],
  ])('loses nothing and leaves a short gap: %s', (_name, traffic) => {
    const world = new World().start();
    traffic(world, 8 * SECOND);
    world.run(2 * SECOND + 7 * MS);
    world.blackout(0, direction);
    world.run(2 * SECOND);
    expect(active(world, 'vehicle')).not.toEqual(direction === 'down' ? [] : ['w0']);
    world.blackout(0, direction, false);
    world.run(5 * SECOND);
    expect(ledgers(world)).toEqual([NONE, NONE]);
    expect(world.gateway.longestGapUs()).toBeLessThan(110 * MS);
    expect(world.vehicle.longestGapUs()).toBeLessThan(110 * MS);
  });
});

describe('a path in doubt whose answers are only late', () => {
  it('keeps its packets, copied, when the other path is far slower', () => {
    const world = new World({ policy: policyOf('adaptive'), delaysMs: [20, 300] }).start();
    world.every(4 * MS, 6 * SECOND, () => world.sendUp(1200));
    world.run(3 * SECOND);
    world.blackout(0, 'down');
    world.run(80 * MS);
    world.blackout(0, 'down', false);
    world.run(4 * SECOND);
    const states = world.vehicle.events.filter(({ type }) => type === 'path-state');
    expect(states).toContainEqual(expect.objectContaining({ path: 'w0', to: 'suspect' }));
    expect(ledgers(world)).toEqual([NONE, NONE]);
    expect(world.gateway.longestGapUs()).toBeLessThan(20 * MS);
  });
});

describe('redundant', () => {
  it('carries vitals over a blackout with a gap of an interval and the difference of the two best delays', () => {
    const world = new World({ policy: policyOf('redundant') }).start();
    vitals(world, 6 * SECOND);
    world.run(2 * SECOND + 7 * MS);
    world.blackout(0);
    world.run(2 * SECOND);
    world.blackout(0, 'both', false);
    world.run(3 * SECOND);
    expect(ledgers(world)).toEqual([NONE, NONE]);
    expect(world.gateway.longestGapUs()).toBeLessThanOrEqual(30 * MS);
    expect(world.vehicle.longestGapUs()).toBeLessThanOrEqual(30 * MS);
  });
});

describe('a repaired link', () => {
  it('is used again within two seconds', () => {
    const world = new World().start();
    ambulance(world, 14 * SECOND);
    world.run(2 * SECOND);
    world.blackout(0);
    world.run(8 * SECOND);
    expect(active(world, 'vehicle')).toEqual(['w1']);
    expect(active(world, 'gateway')).toEqual(['w1']);
    world.blackout(0, 'both', false);
    world.run(2 * SECOND);
    expect(active(world, 'vehicle')).toEqual(['w0']);
    expect(active(world, 'gateway')).toEqual(['w0']);
  });
});

describe('addresses', () => {
  it.each([
    ['three links', [20, 30, 45]],
    ['a single link', [20]],
  ])('follow a NAT that rebinds, with %s', (_name, delaysMs) => {
    const world = new World({ delaysMs }).start();
    ambulance(world, 4 * SECOND);
    world.run(1 * SECOND + 7 * MS);
    world.links[0].natPort = 50_000;
    world.run(4 * SECOND);
    expect(ledgers(world)).toEqual([NONE, NONE]);
    expect(world.vehicle.longestGapUs()).toBeLessThan(110 * MS);
    expect(world.gateway.longestGapUs()).toBeLessThan(40 * MS);
    expect(world.gateway.events.filter((event) => event.type === 'path-moved')).toHaveLength(1);
    expect(world.gateway.events.filter((event) => event.type === 'session')).toHaveLength(1);
    const [status] = world.gateway.engine.status(world.nowUs);
    expect(status.paths[0].remote).toBe('198.51.100.0:50000');
    expect(status.paths[0].state).toBe('up');
  });
});

describe('a gateway that is killed and restarted', () => {
  it('has the session back at once, and what was held goes out again', () => {
    const world = new World().start();
    vitals(world, 8 * SECOND);
    world.run(2 * SECOND);
    for (const link of world.links) world.blackout(world.links.indexOf(link));
    world.run(1.5 * SECOND);
    world.gateway = world.makeGateway('second');
    for (const link of world.links) world.blackout(world.links.indexOf(link), 'both', false);
    const backUs = world.nowUs;
    world.run(4 * SECOND);
    expect(world.gateway.arrivals[0].atUs - backUs).toBeLessThan(700 * MS);
    const first = Math.min(...world.gateway.arrivals.map((arrival) => arrival.number));
    const last = Math.max(...world.gateway.arrivals.map((arrival) => arrival.number));
    const numbers = new Set(world.gateway.arrivals.map((arrival) => arrival.number));
    expect(numbers.size).toBe(last - first + 1);
    // Those sent since the gateway died: the first that is missing was sent at most a round trip before.
    expect(first).toBeLessThan(2 * 50 + 5);
    expect(world.gateway.arrivals.length).toBe(numbers.size);
    const received = world.vehicle.arrivals.filter((arrival) => arrival.atUs > backUs);
    expect(received.length).toBeGreaterThan(100);
    expect(world.vehicle.events.filter((event) => event.type === 'session').map((event) => event.state)).toEqual([
      'established',
      'established',
    ]);
  });
});

describe('an outage of every link', () => {
  it('shakes hands again with the same gateway, and neither loses nor doubles what is inside the horizon', () => {
    const world = new World().start();
    vitals(world, 8 * SECOND);
    world.run(2 * SECOND);
    for (let i = 0; i < 3; i++) world.blackout(i);
    world.run(2 * SECOND);
    for (let i = 0; i < 3; i++) world.blackout(i, 'both', false);
    world.run(6 * SECOND);
    expect(ledgers(world)).toEqual([NONE, NONE]);
  });
});

describe('a policy', () => {
  it('is switched at run time, here and at the gateway, without loss', () => {
    const world = new World().start();
    ambulance(world, 4 * SECOND);
    world.run(1 * SECOND);
    world.vehicle.mutate((engine, nowUs) => engine.setPolicy(policyOf('redundant', 2), nowUs));
    world.run(1 * SECOND);
    expect(world.gateway.engine.status(world.nowUs)[0].policyVersion).toBe(2);
    expect(active(world, 'gateway')).toEqual(['w0', 'w1', 'w2']);
    world.vehicle.mutate((engine, nowUs) => engine.setPolicy(policyOf('smallest-delay', 3), nowUs));
    world.run(3 * SECOND);
    expect(active(world, 'gateway')).toEqual(['w0']);
    expect(ledgers(world)).toEqual([NONE, NONE]);
    const outcomes = world.vehicle.events.flatMap((event) =>
      event.type === 'policy' ? [`${event.version} ${event.outcome}`] : [],
    );
    expect(outcomes).toEqual(['1 acknowledged', '2 applied', '2 acknowledged', '3 applied', '3 acknowledged']);
  });
});
