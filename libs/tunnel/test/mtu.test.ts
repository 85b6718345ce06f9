import { describe, expect, it } from 'vitest';
import { MS, SECOND, World } from './world.js';

/** A world whose link 0 drops datagrams above `limit` bytes of UDP payload, silently. */
function narrow(limit: number, delaysMs: readonly number[]): World {
  const world = new World({ delaysMs });
  const forward = world.vehicle.onDatagram;
  world.vehicle.onDatagram = (socket, to, bytes) => {
    if (socket !== 0 || bytes.length <= limit) forward(socket, to, bytes);
  };
  return world.start();
}

describe('a path that carries only smaller datagrams', () => {
  it('stays up, and what does not fit goes over another', () => {
    const world = narrow(1400, [20, 30]);
    world.run(SECOND);
    world.every(10 * MS, SECOND, () => {
      world.sendUp(1400);
      world.sendUp(1200);
    });
    world.run(2 * SECOND);
    expect(world.gateway.ledger(world.vehicle.sent)).toEqual({ lost: 0, duplicates: 0 });
    const [status] = world.vehicle.engine.status(world.nowUs);
    expect(status.paths.map((path) => [path.state, path.maxDatagramBytes])).toEqual([
      ['up', 1400],
      ['up', 1440],
    ]);
    expect(status.counters.tooBig).toBe(100);
  });

  it('answers senders of what does not fit with the size that does', () => {
    const world = narrow(1400, [20]);
    world.run(SECOND);
    const before = world.vehicle.arrivals.length;
    world.sendUp(1400);
    world.sendUp(1360);
    world.run(SECOND);
    // The ICMP message comes out of the vehicle's own tunnel device.
    expect(world.vehicle.arrivals.length - before).toBe(1);
    expect(world.vehicle.engine.status(world.nowUs)[0].counters.tooBig).toBe(1);
  });

  it('is not suspected for it', () => {
    const world = narrow(1240, [20, 30]);
    world.run(5 * SECOND);
    const states = world.vehicle.events.flatMap((event) => (event.type === 'path-state' ? [event.to] : []));
    expect(states).not.toContain('suspect');
    expect(world.vehicle.engine.status(world.nowUs)[0].paths[0].maxDatagramBytes).toBe(1232);
  });
});
