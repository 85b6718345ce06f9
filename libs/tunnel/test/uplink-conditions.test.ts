import { describe, expect, it } from 'vitest';
import type { UplinkConditions } from '../src/engine.js';
import type { TunnelPolicy } from '../src/policy.js';
import type { PathStatus } from '../src/status.js';
import { MS, policyOf, SECOND, World } from './world.js';

const FINE: UplinkConditions = { roaming: false, capReached: false, signal: undefined };

function state(world: World, name: string, conditions: Partial<UplinkConditions>): void {
  world.vehicle.mutate((engine, nowUs) => engine.setUplinkConditions(name, { ...FINE, ...conditions }, nowUs));
}

const pathsOf = (world: World, end: 'vehicle' | 'gateway'): readonly PathStatus[] =>
  world[end].engine.status(world.nowUs)[0].paths;
const conditionsOf = (world: World, end: 'vehicle' | 'gateway') =>
  pathsOf(world, end).map(({ roaming, capReached, signal }) => [roaming, capReached, signal]);
const inUse = (world: World, end: 'vehicle' | 'gateway') => world[end].engine.status(world.nowUs)[0].classes[0].paths;

describe('what an uplink is like', () => {
  it('is known at both ends, but the signal at the vehicle only', () => {
    const world = new World({ delaysMs: [20, 30] }).start();
    state(world, 'w0', { roaming: true, signal: 0.4 });
    state(world, 'w1', { capReached: true });
    world.run(SECOND);
    expect(conditionsOf(world, 'vehicle')).toEqual([
      [true, false, 0.4],
      [false, true, undefined],
    ]);
    expect(conditionsOf(world, 'gateway')).toEqual([
      [true, false, undefined],
      [false, true, undefined],
    ]);
    state(world, 'w0', {});
    world.run(SECOND);
    expect(conditionsOf(world, 'gateway')[0]).toEqual([false, false, undefined]);
  });

  it('may be stated with the uplinks; what is not stated stays', () => {
    const world = new World({ delaysMs: [20, 30] });
    const uplinks = world.uplinks().map((uplink) => ({ ...uplink, conditions: { ...FINE, capReached: true } }));
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(uplinks, [], nowUs));
    world.run(SECOND);
    expect(conditionsOf(world, 'gateway')).toEqual([
      [false, true, undefined],
      [false, true, undefined],
    ]);
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(world.uplinks(), [], nowUs));
    world.run(SECOND);
    expect(conditionsOf(world, 'gateway')[0]).toEqual([false, true, undefined]);
  });

  it('of an uplink that there is not is nothing', () => {
    const world = new World({ delaysMs: [20] }).start();
    state(world, 'w7', { roaming: true });
    expect(conditionsOf(world, 'vehicle')).toEqual([[false, false, undefined]]);
  });

  it('costs the gateway no message when only the signal changes', () => {
    const sent = (conditionsAt: (step: number) => Partial<UplinkConditions>) => {
      const world = new World({ delaysMs: [20] }).start();
      for (let step = 0; step < 10; step++) {
        state(world, 'w0', conditionsAt(step));
        world.run(100 * MS);
      }
      return world.links[0].upBytes;
    };
    const quiet = sent(() => ({}));
    expect(sent((step) => ({ signal: step / 10 }))).toBe(quiet);
    expect(sent((step) => ({ roaming: step > 5 }))).toBeGreaterThan(quiet);
  });
});

describe('a class that avoids', () => {
  const avoiding = (avoid: NonNullable<TunnelPolicy['default']['avoid']>): TunnelPolicy => {
    const policy = policyOf('smallest-delay');
    return { ...policy, default: { ...policy.default, avoid } };
  };

  /** Both ends send for a while; answers which paths their class uses then. */
  function traffic(world: World): { vehicle: readonly string[]; gateway: readonly string[] } {
    world.every(5 * MS, 3 * SECOND, () => {
      world.sendUp();
      world.sendDown();
    });
    world.run(3.5 * SECOND);
    return { vehicle: inUse(world, 'vehicle').slice(0, 1), gateway: inUse(world, 'gateway').slice(0, 1) };
  }

  it.each([
    ['capped', { capReached: true }],
    ['roaming', { roaming: true }],
  ] as const)(
    '%s uplinks leaves one that becomes so at both ends, without loss, and comes back',
    (kind, conditions) => {
      const world = new World({ delaysMs: [20, 40], policy: avoiding([kind]) }).start();
      expect(traffic(world)).toEqual({ vehicle: ['w0'], gateway: ['w0'] });
      state(world, 'w0', conditions);
      expect(traffic(world)).toEqual({ vehicle: ['w1'], gateway: ['w1'] });
      state(world, 'w0', FINE);
      expect(traffic(world)).toEqual({ vehicle: ['w0'], gateway: ['w0'] });
      world.run(SECOND);
      for (const [from, to] of [
        [world.vehicle, world.gateway],
        [world.gateway, world.vehicle],
      ]) {
        expect(new Set(to.arrivals.map(({ number }) => number)).size).toBe(from.sent);
        expect(to.arrivals.length).toBe(from.sent);
      }
    },
  );

  it('uses what it avoids while nothing else works', () => {
    const world = new World({ delaysMs: [20, 40], policy: avoiding(['capped']) }).start();
    state(world, 'w0', { capReached: true });
    expect(traffic(world).vehicle).toEqual(['w1']);
    world.blackout(1);
    expect(traffic(world)).toEqual({ vehicle: ['w0'], gateway: ['w0'] });
    world.blackout(1, 'both', false);
    world.run(2 * SECOND);
    expect(traffic(world)).toEqual({ vehicle: ['w1'], gateway: ['w1'] });
  });
});
