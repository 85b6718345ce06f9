import { DATAGRAM_COOKIE_REPLY, DATAGRAM_RESPONSE } from '@corridor/wire';
import { describe, expect, it } from 'vitest';
import { addressRecord } from '../src/address.js';
import type { Engine } from '../src/engine.js';
import { Attacker, eavesdrop, type Forger, forgers, generator } from './hostile.js';
import { memoryBytes } from './memory.js';
import { type Host, MS, SECOND, World } from './world.js';

/**
 * Bad input by the million: every kind in its own second of virtual time, beside the traffic of an established vehicle.
 * Another seed draws other datagrams: `HOSTILE_SEED=7 npx vitest run libs/tunnel/test/hostile-million.test.ts`.
 */
const SEEDS = process.env.HOSTILE_SEED === undefined ? [1, 2, 3] : [Number(process.env.HOSTILE_SEED)];
const SLICE_US = 10 * MS;
const SLICES = SECOND / SLICE_US;
/**
 * Memory that all of it together may leave, bytes. Measured: 0.8 MB at most, most of it the account of deliveries that
 * the test keeps. The gateway may remember 16,384 answered initiations (2 MB) and 4,096 sources under load.
 */
const GROWTH_BUDGET_BYTES = 4 << 20;

/** Datagrams of each kind. Those that reach cryptography cost most and are fewer. */
const GATEWAY_KINDS: Record<string, number> = {
  random: 320_000,
  truncated: 150_000,
  'bit-flipped transport': 150_000,
  'bit-flipped handshake': 60_000,
  'replayed transport': 150_000,
  'replayed handshake': 40_000,
  'wrong key': 100_000,
  'unknown session': 100_000,
  'recorded handshakes': 20_000,
  'unknown peer': 40_000,
};
const VEHICLE_KINDS: Record<string, number> = {
  random: 100_000,
  truncated: 50_000,
  'bit-flipped transport': 50_000,
  'bit-flipped handshake': 20_000,
  'replayed transport': 50_000,
  'replayed handshake': 20_000,
  'wrong key': 50_000,
  'unknown session': 50_000,
  'unknown peer': 20_000,
};

const sum = (counts: Iterable<number>) => [...counts].reduce((total, count) => total + count, 0);

/** Every counter that a dropped datagram can end in. */
function dropped(host: Host<Engine>, nowUs: number): number {
  const [{ counters }] = host.engine.status(nowUs);
  const { notAuthentic, replayedDatagramsDropped, malformed } = counters;
  return sum(host.engine.refusals.values()) + notAuthentic + replayedDatagramsDropped + malformed;
}

/** Initiations of the true vehicle, each of another handshake, that nobody has seen yet. */
function recordedHandshakes(): Forger {
  const world = new World({ seed: 'recorded' });
  const caught: Uint8Array[] = [];
  world.vehicle.onDatagram = (socket, _to, bytes) => socket === 0 && caught.push(bytes);
  world.vehicle.mutate((engine, nowUs) => engine.setUplinks(world.uplinks(), [], nowUs));
  world.run(40 * SECOND);
  let next = 0;
  return (to) => {
    const bytes = caught[next++ % caught.length];
    to.set(bytes);
    return bytes.length;
  };
}

/** One second of one kind, with vitals both ways; answers what became of it. */
function attack(world: World, attacker: Attacker, host: Host<Engine>, forge: Forger, count: number) {
  const before = { dropped: dropped(host, world.nowUs), fed: attacker.fed, replies: attacker.replies };
  attacker.repliesOf.clear();
  world.every(SLICE_US, SECOND, () => {
    world.sendUp(200);
    world.sendDown(200);
    attacker.feed(forge, count / SLICES);
  });
  world.run(SECOND);
  return {
    fed: attacker.fed - before.fed,
    replies: attacker.replies - before.replies,
    dropped: dropped(host, world.nowUs) - before.dropped,
  };
}

/** The session, its paths and its traffic are as they were. */
function expectUnaffected(world: World): void {
  expect(world.gateway.ledger(world.vehicle.sent)).toEqual({ lost: 0, duplicates: 0 });
  expect(world.vehicle.ledger(world.gateway.sent)).toEqual({ lost: 0, duplicates: 0 });
  const [atGateway] = world.gateway.engine.status(world.nowUs);
  expect(atGateway.paths.map((path) => [path.state, path.remote])).toEqual([
    ['up', '198.51.100.0:40000'],
    ['up', '198.51.100.1:40001'],
    ['up', '198.51.100.2:40002'],
  ]);
  for (const host of [world.gateway, world.vehicle]) {
    const [{ counters }] = host.engine.status(world.nowUs);
    expect([counters.handshakes, counters.wrongInnerSource, counters.malformed]).toEqual([1, 0, 0]);
    expect(host.events.filter((event) => event.type === 'session')).toHaveLength(1);
    expect(host.events.filter((event) => event.type === 'path-moved')).toHaveLength(0);
    // Keys of the session and of at most eight handshakes that nobody confirmed; routes of the paths.
    expect(host.aead.keysInUse).toBeLessThanOrEqual(2 * (1 + 8));
    expect(host.routes.entries.size).toBe(3);
  }
}

const foreign = () => eavesdrop({ seed: 'foreign', vehicleKey: 'another vehicle' });

describe.each(SEEDS)('bad input by the million, seed %i,', (seed) => {
  it('is counted by a gateway, answered by less than it brought, and changes nothing', () => {
    const { world, up } = eavesdrop({ seed: 'own' });
    const stranger = addressRecord(Uint8Array.of(192, 0, 2, 66), 6400);
    const attacker = new Attacker(world.gateway, stranger, () => world.nowUs);
    const forges = { ...forgers(generator(seed), up, foreign().up), 'recorded handshakes': recordedHandshakes() };
    expectUnaffected(world);
    const memoryBefore = memoryBytes();
    for (const [kind, count] of Object.entries(GATEWAY_KINDS)) {
      const result = attack(world, attacker, world.gateway, forges[kind as keyof typeof forges], count);
      const where = `${kind}, seed ${seed}`;
      expect(result.fed, where).toBe(count);
      expect(result.dropped + result.replies, where).toBe(count);
      expect(attacker.amplified, where).toBe(0);
      expectAnswers(kind, attacker, where);
    }
    world.run(SECOND);
    expectUnaffected(world);
    expect(attacker.fed).toBeGreaterThanOrEqual(1_000_000);
    expect(memoryBytes() - memoryBefore).toBeLessThan(GROWTH_BUDGET_BYTES);
  }, 120_000);

  it('is counted by a vehicle, draws no datagram, and changes nothing', () => {
    const quiet = eavesdrop({ seed: 'own' });
    const { world, down } = eavesdrop({ seed: 'own' });
    const gateway = addressRecord(Uint8Array.of(203, 0, 113, 10), 4510);
    const attacker = new Attacker(world.vehicle, gateway, () => world.nowUs);
    const forges: Record<string, Forger> = forgers(generator(seed), down, foreign().down);
    const memoryBefore = memoryBytes();
    for (const [kind, count] of Object.entries(VEHICLE_KINDS)) {
      const result = attack(world, attacker, world.vehicle, forges[kind], count);
      expect(result.dropped, `${kind}, seed ${seed}`).toBe(count);
      attack(quiet.world, attacker, quiet.world.vehicle, forges[kind], 0);
    }
    world.run(SECOND);
    quiet.world.run(SECOND);
    expectUnaffected(world);
    // What it sends is what it sends without an attack, but for timers that are looked at a little earlier.
    const bytesUp = (one: World) => sum(one.links.map((link) => link.upBytes));
    expect(bytesUp(world)).toBeLessThan(1.05 * bytesUp(quiet.world));
    expect(memoryBytes() - memoryBefore).toBeLessThan(GROWTH_BUDGET_BYTES);
  }, 120_000);
});

/** docs/protocol.md, section 7: which datagrams somebody without a registered key can draw. */
function expectAnswers(kind: string, attacker: Attacker, where: string): void {
  const { repliesOf } = attacker;
  const cookies = repliesOf.get(DATAGRAM_COOKIE_REPLY) ?? 0;
  const responses = repliesOf.get(DATAGRAM_RESPONSE) ?? 0;
  expect(sum(repliesOf.values()), where).toBe(cookies + responses);
  switch (kind) {
    case 'bit-flipped handshake':
      // Those whose every flip hit mac2, which nobody looks at while there is no load.
      expect(responses, where).toBeLessThan(0.05 * GATEWAY_KINDS[kind]);
      break;
    case 'unknown peer':
      // Under load the gateway asks for a cookie before it looks whose key it is.
      expect(responses, where).toBe(0);
      expect(cookies, where).toBeGreaterThan(100);
      break;
    case 'recorded handshakes':
      expect(responses, where).toBeGreaterThan(50);
      break;
    case 'replayed handshake':
      // Answered again for 5 s, as if it came over another path.
      expect(cookies, where).toBe(0);
      break;
    default:
      // Half a handshake datagram draws nothing, nor does any transport datagram.
      expect(cookies + responses, where).toBe(0);
  }
}
