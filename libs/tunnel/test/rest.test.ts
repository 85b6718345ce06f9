/** What a tunnel keeps when its traffic has ended: nothing, whatever happened, and it sleeps. */
import { describe, expect, it } from 'vitest';
import { PacketBatch } from '../src/batch.js';
import type { Engine } from '../src/engine.js';
import type { TunnelPolicy } from '../src/policy.js';
import { type Host, MS, policyOf, SECOND, World } from './world.js';

const SLOTS = 4096;
/** Probes of three paths, plans and acknowledgements of probes. */
const CALM_WAKES_PER_SECOND = 30;

/** Slots of an engine that hold no packet. */
const freeSlots = (host: Host<never>) => (host.engine as Engine).lendSlots(new PacketBatch(SLOTS));

/** How often an engine is called by its own deadlines, a second, over the next four. */
function wakesPerSecond(world: World, host: Host<never>): number {
  const engine = host.engine as Engine;
  const { tick } = engine;
  let wakes = 0;
  engine.tick = function (nowUs) {
    wakes++;
    tick.call(this, nowUs);
  };
  world.run(4 * SECOND);
  engine.tick = tick;
  return wakes / 4;
}

function expectRest(world: World): void {
  for (const host of [world.vehicle, world.gateway] as unknown as Host<never>[]) {
    expect(freeSlots(host)).toBe(SLOTS);
    expect(wakesPerSecond(world, host)).toBeLessThan(CALM_WAKES_PER_SECOND);
  }
}

const WITH_CLASSES: TunnelPolicy = {
  version: 2,
  default: { strategy: 'active-standby' },
  classes: [
    { name: 'vitals', strategy: 'redundant', match: [{ dscp: [46] }], urgent: true, deadlineMs: 1_000 },
    { name: 'rest', strategy: 'active-standby', match: [{ protocol: 'udp' }] },
  ],
};

function traffic(world: World, durationUs: number): void {
  world.every(4 * MS, durationUs, () => {
    world.sendUp(1200);
    world.sendDown(1200);
  });
}

const HISTORIES: readonly [string, (world: World) => void][] = [
  ['nothing', (world) => world.run(3 * SECOND)],
  [
    'an outage of every link that is longer than anybody waits',
    (world) => {
      world.run(SECOND);
      for (let i = 0; i < 3; i++) world.blackout(i);
      world.run(7 * SECOND);
      for (let i = 0; i < 3; i++) world.blackout(i, 'both', false);
    },
  ],
  [
    'links that go dark one after another while another one is blocked',
    (world) => {
      world.run(900 * MS);
      world.blackout(0);
      world.run(400 * MS);
      world.blackout(1);
      world.vehicle.mutate((engine, nowUs) => engine.setPathBlocked('w2', true, nowUs));
      world.run(1_200 * MS);
      for (let i = 0; i < 2; i++) world.blackout(i, 'both', false);
      world.vehicle.mutate((engine, nowUs) => engine.setPathBlocked('w2', false, nowUs));
    },
  ],
  [
    'links that are unplugged one after another',
    (world) => {
      const uplinks = world.uplinks();
      const plug = (...places: number[]) =>
        world.vehicle.mutate((engine, nowUs) =>
          engine.setUplinks(
            places.map((i) => uplinks[i]),
            [],
            nowUs,
          ),
        );
      world.run(700 * MS);
      plug(0, 2);
      world.run(900 * MS);
      plug(0);
      world.run(300 * MS);
      plug();
      world.run(300 * MS);
      plug(0, 1, 2);
    },
  ],
  [
    'other classes, announced while packets wait to be sent again',
    (world) => {
      world.run(SECOND);
      for (let i = 0; i < 3; i++) world.blackout(i, 'up');
      world.run(250 * MS);
      world.vehicle.mutate((engine, nowUs) => engine.setPolicy(policyOf('active-standby', 3), nowUs));
      world.run(100 * MS);
      for (let i = 0; i < 3; i++) world.blackout(i, 'up', false);
    },
  ],
  [
    'a peer that has gone for good',
    (world) => {
      world.run(SECOND);
      for (let i = 0; i < 3; i++) world.blackout(i);
      world.run(8 * SECOND);
    },
  ],
];

describe.each([
  ['one class', policyOf('active-standby')],
  ['several classes', WITH_CLASSES],
  ['copies', policyOf('redundant')],
])('after traffic, with %s', (_name, policy) => {
  it.each(HISTORIES)('and %s, no packet is held, and the engines sleep', (_what, happen) => {
    const world = new World({ policy, sendSlots: SLOTS }).start();
    traffic(world, 3 * SECOND);
    happen(world);
    world.run(8 * SECOND);
    expectRest(world);
  });
});
