import { describe, expect, it } from 'vitest';
import { memoryBytes } from './memory.js';
import { testPrimitives } from './node-primitives.js';
import { SECOND, vehicleKey, World } from './world.js';

const KNOWN = 1_000;
const ESTABLISHED = 100;
const PACKETS = 50;
/**
 * Heap and array buffers at the gateway, bytes: of one vehicle that is known but has never come, and of what is added
 * by a session over three paths with traffic both ways. Measured: 11,500 and 85,100. What these notice is another array
 * for each vehicle, path or flow; whoever means to add one raises them, here and in the README.
 */
const IDLE_BUDGET_BYTES = 14_000;
const SESSION_BUDGET_BYTES = 100_000;

const innerAddress = (number: number) => [10, 78, number >> 8, number & 0xff];

describe(`a gateway of ${KNOWN} vehicles`, () => {
  it('holds little for each, and not much more for each session', () => {
    const world = new World();
    const own = world.vehicle;
    know(world, KNOWN);
    // What the first session makes, all share: room for batches, and code.
    visit(world, KNOWN);
    world.vehicle = own;
    const before = memoryBytes();
    for (let number = 0; number < KNOWN; number++) know(world, number);
    const known = memoryBytes();
    expect((known - before) / KNOWN).toBeLessThan(IDLE_BUDGET_BYTES);

    for (let number = 0; number < ESTABLISHED; number++) visit(world, number);
    world.vehicle = own;
    const status = world.gateway.engine.status(world.nowUs);
    const sessions = status.filter((peer) => peer.counters.handshakes === 1 && peer.name !== `v-${KNOWN}`);
    expect(sessions).toHaveLength(ESTABLISHED);
    expect(
      sessions.map((peer) => [peer.paths.length, peer.counters.packetsSent, peer.counters.packetsDelivered]),
    ).toEqual(Array.from({ length: ESTABLISHED }, () => [3, PACKETS, PACKETS]));
    world.gateway.events.length = 0;
    world.gateway.arrivals.length = 0;
    sessions.length = 0;
    status.length = 0;
    const established = memoryBytes();
    expect((established - known) / ESTABLISHED).toBeLessThan(SESSION_BUDGET_BYTES);
  }, 60_000);
});

/** Makes vehicle `number` known to the gateway. */
function know(world: World, number: number): void {
  const publicKey = testPrimitives.x25519PublicKey(vehicleKey(`vehicle ${number}`));
  const addresses = [`${innerAddress(number).join('.')}/32`];
  world.gateway.mutate((engine, nowUs) => engine.addVehicle({ name: `v-${number}`, publicKey, addresses }, nowUs));
}

/** A vehicle comes over three links, exchanges packets and falls silent: its engine is gone, its session is not. */
function visit(world: World, number: number): void {
  for (const link of world.links) link.natPort = 1024 + number * 8;
  world.vehicle = world.makeVehicle(`visit ${number}`, vehicleKey(`vehicle ${number}`));
  world.vehicle.mutate((engine, nowUs) => engine.setUplinks(world.uplinks(), [], nowUs));
  world.run(0.4 * SECOND);
  world.vehicle.send(innerAddress(number), [10, 77, 0, 1], 200, PACKETS);
  world.gateway.send([10, 77, 0, 1], innerAddress(number), 200, PACKETS);
  world.run(0.2 * SECOND);
}
