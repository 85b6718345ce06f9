import { describe, expect, it } from 'vitest';
import { addressRecord } from '../src/address.js';
import { testPrimitives } from './node-primitives.js';
import { MS, policyOf, SECOND, World } from './world.js';

const NONE = { lost: 0, duplicates: 0 };
const ledgers = (world: World) => [world.gateway.ledger(world.vehicle.sent), world.vehicle.ledger(world.gateway.sent)];
const sessions = (world: World, end: 'vehicle' | 'gateway') =>
  world[end].events.flatMap((event) => (event.type === 'session' ? [event.state] : []));
const status = (world: World, end: 'vehicle' | 'gateway') => world[end].engine.status(world.nowUs)[0];

function traffic(world: World, durationUs: number): void {
  world.every(5 * MS, durationUs, () => {
    world.sendUp(300);
    world.sendDown(300);
  });
}

describe('keys', () => {
  it('change every two minutes under traffic, and nothing is lost or doubled', () => {
    const world = new World().start();
    world.nowUs += 115 * SECOND;
    world.run(SECOND);
    traffic(world, 10 * SECOND);
    world.run(12 * SECOND);
    expect(ledgers(world)).toEqual([NONE, NONE]);
    expect(sessions(world, 'vehicle')).toEqual(['established', 'rekeyed']);
    expect(sessions(world, 'gateway')).toEqual(['established', 'rekeyed']);
    expect(status(world, 'vehicle').counters).toMatchObject({
      rekeys: 1,
      handshakes: 1,
      notAuthentic: 0,
      malformed: 0,
    });
    // The epoch before is forgotten after ten seconds.
    world.run(10 * SECOND);
    expect([world.vehicle.aead.keysInUse, world.gateway.aead.keysInUse]).toEqual([2, 2]);
  });

  it('change though the first response is lost', () => {
    const world = new World().start();
    world.nowUs += 117 * SECOND;
    world.every(10 * MS, 6 * SECOND, () => world.sendUp());
    world.run(1.4 * SECOND);
    world.blackout(0, 'down');
    world.run(5 * SECOND);
    expect(sessions(world, 'gateway')).toEqual(['established', 'rekeyed']);
    expect(world.gateway.ledger(world.vehicle.sent)).toEqual(NONE);
  });

  it.each([700, 900, 1_100, 1_300, 1_500])(
    'change after %d ms of silence, while the gateway still sends under the old ones',
    (silentMs) => {
      const world = new World({ delaysMs: [40] }).start();
      world.every(5 * MS, 4 * SECOND, () => world.sendDown(300));
      world.run(SECOND);
      world.blackout(0);
      world.run(silentMs * MS);
      world.blackout(0, 'both', false);
      world.run(5 * SECOND);
      expect(sessions(world, 'vehicle')).toEqual(['established', 'rekeyed']);
      expect(world.vehicle.ledger(world.gateway.sent)).toEqual(NONE);
      world.run(10 * SECOND);
      expect([world.vehicle.aead.keysInUse, world.gateway.aead.keysInUse]).toEqual([2, 2]);
    },
  );

  it('do not pile up when initiations are answered but never confirmed', () => {
    const world = new World({ delaysMs: [20] }).start();
    world.blackout(0, 'down');
    world.every(20 * MS, 30 * SECOND, () => world.sendUp());
    world.run(30 * SECOND);
    expect(world.gateway.aead.keysInUse).toBeLessThanOrEqual(2 * (2 + 8));
    world.blackout(0, 'down', false);
    world.run(3 * SECOND);
    expect(status(world, 'vehicle').paths[0].state).toBe('up');
  });
});

describe('a vehicle that restarts', () => {
  it('is not taken for its former self: its flows start afresh and nothing of them is dropped as old', () => {
    const world = new World().start();
    traffic(world, 2 * SECOND);
    world.run(3 * SECOND);
    world.vehicle = world.makeVehicle('second');
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(world.uplinks(), [], nowUs));
    world.run(SECOND);
    const before = world.gateway.arrivals.length;
    world.every(5 * MS, SECOND, () => world.sendUp());
    world.run(2 * SECOND);
    expect(world.gateway.arrivals.length - before).toBe(200);
    expect(status(world, 'gateway').paths.map((path) => path.name)).toEqual(['w0', 'w1', 'w2']);
    expect(sessions(world, 'gateway')).toEqual(['established', 'established']);
  });
});

describe('a goodbye', () => {
  it('of the vehicle ends the session at the gateway at once', () => {
    const world = new World().start();
    world.vehicle.mutate((engine, nowUs) => engine.close(nowUs));
    expect(world.vehicle.engine.nextDeadlineUs()).toBe(Number.POSITIVE_INFINITY);
    world.vehicle.stopped = true;
    world.run(50 * MS);
    expect(sessions(world, 'gateway')).toEqual(['established', 'closed']);
    expect(status(world, 'gateway')).toMatchObject({ session: 'none', paths: [] });
    expect(world.gateway.aead.keysInUse).toBe(0);
  });

  it('of the gateway makes the vehicle call again, until another gateway answers', () => {
    const world = new World().start();
    world.gateway.mutate((engine, nowUs) => engine.close(nowUs));
    world.gateway = world.makeGateway('second');
    world.run(SECOND);
    expect(sessions(world, 'vehicle')).toEqual(['established', 'closed', 'established']);
    expect(status(world, 'gateway').session).toBe('established');
  });

  it('to a removed vehicle is the last it hears', () => {
    const world = new World().start();
    world.gateway.mutate((engine, nowUs) => engine.removeVehicle('rtw-1', nowUs));
    world.run(5 * SECOND);
    expect(sessions(world, 'vehicle')).toEqual(['established', 'closed']);
    expect(world.gateway.engine.refusals.get('unknown-key')).toBeGreaterThan(5);
    expect(status(world, 'vehicle').session).toBe('handshaking');
  });
});

describe('a vehicle that rotates its key', () => {
  const nextKey = new Uint8Array(32).fill(9);
  const prefixes = { name: 'rtw-1', addresses: ['10.77.0.2/32'] };

  function register(world: World, ...keys: readonly [Uint8Array, Uint8Array?]): void {
    const [publicKey, nextPublicKey] = keys.map((key) => testPrimitives.x25519PublicKey(key as Uint8Array));
    const vehicle = nextPublicKey ? { ...prefixes, publicKey, nextPublicKey } : { ...prefixes, publicKey };
    world.gateway.mutate((engine, nowUs) => engine.addVehicle(vehicle, nowUs));
  }

  function restartWith(world: World, key: Uint8Array): void {
    world.vehicle = world.makeVehicle('rotated', key);
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(world.uplinks(), [], nowUs));
    world.run(SECOND);
  }

  it('keeps its session while the second key is made known, and is the same peer under it', () => {
    const world = new World().start();
    register(world, world.vehicleKey, nextKey);
    world.run(SECOND);
    expect(sessions(world, 'gateway')).toEqual(['established']);
    restartWith(world, nextKey);
    expect(sessions(world, 'gateway')).toEqual(['established', 'established']);
    expect(world.gateway.engine.status(world.nowUs)).toHaveLength(1);
    register(world, nextKey);
    traffic(world, SECOND);
    const before = world.gateway.arrivals.length;
    world.run(2 * SECOND);
    expect(world.gateway.arrivals.length).toBeGreaterThan(before);
    expect(sessions(world, 'gateway')).toEqual(['established', 'established']);
  });

  it('may still use the old one until it is taken away; then its session ends at once', () => {
    const world = new World().start();
    register(world, world.vehicleKey, nextKey);
    restartWith(world, world.vehicleKey);
    expect(sessions(world, 'gateway')).toEqual(['established', 'established']);
    register(world, nextKey);
    expect(status(world, 'gateway')).toMatchObject({ session: 'none', paths: [] });
    world.run(3 * SECOND);
    expect(status(world, 'gateway').session).toBe('none');
    expect(world.gateway.engine.refusals.get('unknown-key')).toBeGreaterThan(2);
    expect(world.gateway.aead.keysInUse).toBe(0);
  });
});

describe('uplinks', () => {
  it('may come up in any order, the first being enough', () => {
    const world = new World();
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks([], [], nowUs));
    world.run(SECOND);
    expect(status(world, 'vehicle').session).toBe('none');
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(world.uplinks().slice(2), [], nowUs));
    world.run(300 * MS);
    expect(status(world, 'gateway').paths.map((path) => path.name)).toEqual(['w2']);
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(world.uplinks(), [], nowUs));
    world.run(300 * MS);
    expect(status(world, 'gateway').paths.map((path) => path.state)).toEqual(['up', 'up', 'up']);
  });

  it.each([
    ['with another address', 41_000],
    ['with the same address', 40_000],
  ])('that vanish under traffic are left at once, and used when they return %s', (_name, natPort) => {
    const world = new World().start();
    traffic(world, 6 * SECOND);
    world.run(SECOND);
    const gone = world.links[0];
    world.blackout(0);
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(world.uplinks().slice(1), [], nowUs));
    world.run(SECOND);
    expect(status(world, 'gateway').paths.map((path) => path.name)).toEqual(['w1', 'w2']);
    world.blackout(0, 'both', false);
    gone.natPort = natPort;
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(world.uplinks(), [], nowUs));
    world.run(5 * SECOND);
    expect(status(world, 'vehicle').paths.map((path) => [path.id, path.name, path.state])).toEqual([
      [0, 'w0', 'up'],
      [1, 'w1', 'up'],
      [2, 'w2', 'up'],
    ]);
    expect(status(world, 'gateway').paths[0]).toMatchObject({ state: 'up', remote: `198.51.100.0:${natPort}` });
    expect(ledgers(world)).toEqual([NONE, NONE]);
    expect(world.gateway.longestGapUs()).toBeLessThan(60 * MS);
    // Both ways: the gateway sends over it, too.
    expect(status(world, 'gateway').classes[0].paths).toEqual(['w0']);
  });

  it('that change their address heal within the time of a round trip', () => {
    const world = new World().start();
    traffic(world, 3 * SECOND);
    world.run(SECOND);
    world.links[0].natPort = 42_000;
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(world.uplinks(), ['w0'], nowUs));
    world.run(3 * SECOND);
    expect(ledgers(world)).toEqual([NONE, NONE]);
    expect(world.vehicle.longestGapUs()).toBeLessThan(80 * MS);
    expect(status(world, 'vehicle').paths[0].state).toBe('up');
    expect(sessions(world, 'vehicle')).toEqual(['established']);
  });

  it('tell the gateway what they cost and in which order they are wanted', () => {
    const world = new World({ metered: true }).start();
    const changed = world.uplinks().map((uplink, i) => ({ ...uplink, priority: 3 - i }));
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(changed, [], nowUs));
    world.run(SECOND);
    expect(status(world, 'gateway').paths.map((path) => [path.metered, path.priority])).toEqual([
      [true, 3],
      [true, 2],
      [true, 1],
    ]);
  });

  it("try the next of the gateway's addresses while one does not answer", () => {
    const world = new World({ delaysMs: [20] });
    const wrong = addressRecord(Uint8Array.of(203, 0, 113, 99), 4510);
    const forward = world.vehicle.onDatagram;
    world.vehicle.onDatagram = (socket, to, bytes) => {
      if (to[11] !== 99) forward(socket, to, bytes);
    };
    const uplinks = world.uplinks().map((uplink) => ({ ...uplink, remotes: [wrong, ...uplink.remotes] }));
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(uplinks, [], nowUs));
    world.run(3 * SECOND);
    expect(status(world, 'vehicle').session).toBe('established');
  });
});

/** A drill with the first path, at one of the ends. */
function setBlocked({ vehicle, gateway }: World, end: 'vehicle' | 'gateway', blocked: boolean): void {
  if (end === 'vehicle') vehicle.mutate((engine, nowUs) => engine.setPathBlocked('w0', blocked, nowUs));
  else gateway.mutate((engine, nowUs) => engine.setPathBlocked('rtw-1', 'w0', blocked, nowUs));
}

describe('a path taken out of use', () => {
  it.each(['vehicle', 'gateway'] as const)('at the %s carries nothing in either direction, and comes back', (end) => {
    const world = new World().start();
    traffic(world, 6 * SECOND);
    world.run(SECOND);
    setBlocked(world, end, true);
    world.run(SECOND);
    const { upBytes, downBytes } = world.links[0];
    world.run(SECOND);
    expect(world.links[0][end === 'vehicle' ? 'upBytes' : 'downBytes']).toBe(end === 'vehicle' ? upBytes : downBytes);
    expect(status(world, end).paths[0]).toMatchObject({ state: 'down', blocked: true });
    setBlocked(world, end, false);
    world.run(5 * SECOND);
    expect(status(world, end).paths[0].state).toBe('up');
    expect(status(world, end).classes[0].paths).toEqual(['w0']);
    expect(ledgers(world)).toEqual([NONE, NONE]);
  });
});

describe('a path that is put back into use while its uplink is away', () => {
  it.each(['vehicle', 'gateway'] as const)('at the %s carries traffic when the uplink is back', (end) => {
    const world = new World().start();
    traffic(world, 6 * SECOND);
    world.run(SECOND);
    const plug = (uplinks: ReturnType<World['uplinks']>) =>
      world.vehicle.mutate((engine, nowUs) => engine.setUplinks(uplinks, [], nowUs));
    setBlocked(world, end, true);
    world.run(SECOND / 2);
    plug(world.uplinks().filter(({ name }) => name !== 'w0'));
    world.run(SECOND / 2);
    setBlocked(world, end, false);
    world.run(SECOND / 2);
    plug(world.uplinks());
    world.run(5 * SECOND);
    expect(status(world, end).paths[0]).toMatchObject({ name: 'w0', state: 'up', blocked: false });
    expect(ledgers(world)).toEqual([NONE, NONE]);
  });
});

describe('a new address that never answers its challenge', () => {
  it('gets three times what came from it, and the old one is back after that', () => {
    const world = new World({ delaysMs: [20], policy: policyOf('active-standby') }).start();
    // Somebody on the way takes the vehicle's newest datagram and sends it from elsewhere, before it arrives.
    const forward = world.vehicle.onDatagram;
    let stolen = 0;
    world.vehicle.onDatagram = (socket, to, bytes) => {
      if (stolen === 0 && bytes.length > 300) {
        stolen = bytes.length;
        world.after(MS, () => world.gateway.receive(0, addressRecord(Uint8Array.of(192, 0, 2, 66), 6666), bytes));
      } else forward(socket, to, bytes);
    };
    let toThief = 0;
    const answer = world.gateway.onDatagram;
    world.gateway.onDatagram = (socket, to, bytes) => {
      if (to[8] === 192) toThief += bytes.length;
      else answer(socket, to, bytes);
    };
    world.every(20 * MS, 2 * SECOND, () => world.sendDown(1000));
    world.run(100 * MS);
    world.sendUp(400);
    world.run(4 * SECOND);
    expect(stolen).toBeGreaterThan(400);
    expect(toThief).toBeGreaterThan(0);
    expect(toThief).toBeLessThanOrEqual(3 * stolen);
    expect(status(world, 'gateway').paths[0]).toMatchObject({ state: 'up', remote: '198.51.100.0:40000' });
    expect(world.vehicle.ledger(world.gateway.sent).lost).toBe(0);
  });
});

describe('idle', () => {
  it('costs little on every link', () => {
    const world = new World({ metered: true }).start();
    world.run(20 * SECOND);
    const before = world.links.map((link) => link.upBytes + link.downBytes);
    world.run(600 * SECOND);
    const perHour = world.links.map((link, i) => (link.upBytes + link.downBytes - before[i]) * 6);
    for (const bytes of perHour) expect(bytes).toBeLessThan(100_000);
  });
});
