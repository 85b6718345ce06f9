import { describe, expect, it } from 'vitest';
import { addressRecord } from '../src/address.js';
import { seededRandom } from './node-primitives.js';
import { MS, SECOND, World } from './world.js';

const STRANGER = addressRecord(Uint8Array.of(192, 0, 2, 66), 6666);

/** Small and fast: xorshift32. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** A world in which every datagram towards the gateway is kept for the attacker. */
function eavesdrop(): { world: World; caught: Uint8Array[] } {
  const world = new World();
  const caught: Uint8Array[] = [];
  const forward = world.vehicle.onDatagram;
  world.vehicle.onDatagram = (socket, to, bytes) => {
    // Nothing that is under way when the attack begins: whoever is faster than the original does not replay.
    if (world.nowUs < 3 * SECOND) caught.push(bytes.slice());
    forward(socket, to, bytes);
  };
  world.start();
  world.every(5 * MS, SECOND, () => world.sendUp(300));
  world.run(2 * SECOND);
  return { world, caught };
}

/** The session, its paths and its traffic are as they were. */
function expectUnaffected(world: World): void {
  const before = world.gateway.arrivals.length;
  world.every(10 * MS, SECOND, () => world.sendUp(300));
  world.run(2 * SECOND);
  expect(world.gateway.arrivals.length - before).toBe(100);
  const [status] = world.gateway.engine.status(world.nowUs);
  expect(status.paths.map((path) => [path.state, path.remote])).toEqual([
    ['up', '198.51.100.0:40000'],
    ['up', '198.51.100.1:40001'],
    ['up', '198.51.100.2:40002'],
  ]);
  expect(world.gateway.events.filter((event) => event.type === 'session')).toHaveLength(1);
  expect(world.gateway.events.filter((event) => event.type === 'path-moved')).toHaveLength(0);
}

const refused = (world: World) => [...world.gateway.engine.refusals.values()].reduce((sum, count) => sum + count, 0);

describe('hostile datagrams are counted and change nothing:', () => {
  it('random bytes, 100,000 of every length', () => {
    const world = new World().start();
    const draw = generator(1);
    const arena = seededRandom('noise')(1 << 16);
    for (let i = 0; i < 100_000; i++) {
      const length = draw(100) === 0 ? draw(2000) : draw(200);
      const from = draw(arena.length - length);
      // Half of them look like something at the first byte.
      if (draw(2) === 0) arena[from] = 1 + draw(4);
      world.gateway.receive(0, STRANGER, arena.subarray(from, from + length));
    }
    expect(refused(world)).toBe(100_000);
    expectUnaffected(world);
  }, 60_000);

  it('every bit of a caught datagram flipped, one at a time', () => {
    const { world, caught } = eavesdrop();
    const draw = generator(2);
    const before = refused(world);
    let sent = 0;
    for (let i = 0; i < 300; i++) {
      const original = caught[draw(caught.length)];
      for (let tries = 0; tries < 100; tries++) {
        const bytes = original.slice();
        bytes[draw(bytes.length)] ^= 1 << draw(8);
        world.gateway.receive(0, STRANGER, bytes);
        sent++;
      }
    }
    const { notAuthentic, replayedDatagramsDropped } = world.gateway.engine.status(world.nowUs)[0].counters;
    // Repeated responses to a mangled mac2 are not refusals, hence "at most".
    expect(refused(world) - before + notAuthentic + replayedDatagramsDropped).toBeLessThanOrEqual(sent);
    expect(refused(world) - before + notAuthentic + replayedDatagramsDropped).toBeGreaterThan(0.95 * sent);
    expect(notAuthentic).toBeGreaterThan(100);
    expectUnaffected(world);
  }, 60_000);

  it('caught datagrams truncated at every length', () => {
    const { world, caught } = eavesdrop();
    for (const original of caught.slice(0, 60)) {
      for (let length = 0; length < original.length; length++)
        world.gateway.receive(0, STRANGER, original.slice(0, length));
    }
    expectUnaffected(world);
  }, 60_000);

  it('caught datagrams replayed from elsewhere, the handshake too', () => {
    const { world, caught } = eavesdrop();
    const arrived = world.gateway.arrivals.length;
    for (let round = 0; round < 20; round++) for (const bytes of caught) world.gateway.receive(0, STRANGER, bytes);
    expect(world.gateway.arrivals.length).toBe(arrived);
    expect(world.gateway.engine.status(world.nowUs)[0].counters.replayedDatagramsDropped).toBeGreaterThan(20 * 200);
    expectUnaffected(world);
  }, 60_000);

  it('a vehicle whose key nobody registered', () => {
    const world = new World().start();
    const stranger = new World({ seed: 'stranger' });
    const sent: Uint8Array[] = [];
    stranger.vehicle.onDatagram = (_socket, _to, bytes) => sent.push(bytes);
    world.gateway.mutate((engine, nowUs) => engine.removeVehicle('rtw-1', nowUs));
    stranger.vehicle.mutate((engine, nowUs) => engine.setUplinks(stranger.uplinks(), [], nowUs));
    for (const bytes of sent) world.gateway.receive(0, STRANGER, bytes);
    expect(sent.length).toBe(3);
    // The first is looked at; the other two are the same initiation, and known to be for nobody.
    expect(refused(world)).toBeGreaterThanOrEqual(1);
    expect(world.gateway.engine.status(world.nowUs)).toEqual([]);
  });

  it("an inner packet with a source address that is not the vehicle's", () => {
    const world = new World().start();
    world.vehicle.send([10, 77, 0, 99], [10, 77, 0, 1], 200, 5);
    world.vehicle.send([10, 77, 0, 2], [10, 77, 0, 1], 200, 1);
    world.run(SECOND);
    expect(world.gateway.arrivals).toHaveLength(1);
    expect(world.gateway.engine.status(world.nowUs)[0].counters.wrongInnerSource).toBe(5);
  });
});
