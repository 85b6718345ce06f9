import { describe, expect, it } from 'vitest';
import { MS, SECOND, World } from './world.js';

describe('an engine pair', () => {
  it('shakes hands and brings every path up in both directions', () => {
    const world = new World().start();
    const [vehicle] = world.vehicle.engine.status(world.nowUs);
    const [gateway] = world.gateway.engine.status(world.nowUs);
    expect(vehicle.session).toBe('established');
    expect(gateway.session).toBe('established');
    expect(vehicle.paths.map((path) => path.state)).toEqual(['up', 'up', 'up']);
    expect(gateway.paths.map((path) => [path.name, path.state])).toEqual([
      ['w0', 'up'],
      ['w1', 'up'],
      ['w2', 'up'],
    ]);
    expect(vehicle.paths.map((path) => Math.round(path.rttUs / MS))).toEqual([40, 60, 90]);
    expect(gateway.policyVersion).toBe(1);
    expect(vehicle.counters.malformed + gateway.counters.malformed).toBe(0);
  });

  it('carries packets both ways, each once', () => {
    const world = new World().start();
    world.every(2 * MS, 2 * SECOND, () => {
      world.sendUp();
      world.sendDown(1000);
    });
    world.run(3 * SECOND);
    expect(world.gateway.ledger(world.vehicle.sent)).toEqual({ lost: 0, duplicates: 0 });
    expect(world.vehicle.ledger(world.gateway.sent)).toEqual({ lost: 0, duplicates: 0 });
    expect(world.gateway.longestGapUs()).toBeLessThan(5 * MS);
    expect(world.links[1].upBytes).toBeLessThan(5_000);
  });
});
