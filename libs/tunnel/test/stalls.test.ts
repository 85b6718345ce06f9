import { describe, expect, it } from 'vitest';
import { MS, policyOf, SECOND, World } from './world.js';

/**
 * An end that gets no CPU for 100 ms answers nothing, and all paths fall silent at once. That must not end in a storm of
 * replays, which would fill the links' queues and make the next silence.
 */
describe.each(['active-standby', 'redundant'])('a gateway that stands still again and again, with %s', (strategy) => {
  it('is sent little twice, and loses nothing', () => {
    const world = new World({ policy: policyOf(strategy) }).start();
    const { counters: before } = world.vehicle.engine.status(world.nowUs)[0];
    world.every(2 * MS, 10 * SECOND, () => world.sendUp(1200));
    for (let at = 0; at < 10; at++) {
      world.after(at * SECOND + 311 * MS, () => {
        world.gateway.stalledUntilUs = world.nowUs + 100 * MS;
      });
    }
    world.run(12 * SECOND);
    expect(world.gateway.ledger(world.vehicle.sent)).toEqual({ lost: 0, duplicates: 0 });
    const { counters, paths } = world.vehicle.engine.status(world.nowUs)[0];
    const replays = counters.replaysSent - before.replaysSent;
    // Each stall is 50 packets long. Copies under way are not sent again at all.
    expect(replays).toBeLessThanOrEqual(strategy === 'redundant' ? 0 : 10 * 50);
    expect(paths.map((path) => path.state)).toEqual(['up', 'up', 'up']);
  });
});

describe('a vehicle that never stands still', () => {
  it.each(Array.from({ length: 20 }, (_, phase) => phase))(
    'suspects a dead path in time, whatever rests in between: %i ms',
    (phase) => {
      const world = new World({ policy: policyOf('active-standby') }).start();
      world.every(2 * MS, 3 * SECOND, () => world.sendUp(1200));
      // The first after a pause is answered at once: that is noticed when it has been due for long.
      world.every(11 * MS, 3 * SECOND, () => world.sendDown(200));
      world.run(2 * SECOND + phase * MS);
      const cutUs = world.nowUs;
      world.blackout(0, 'up');
      world.run(SECOND);
      const suspicion = world.vehicle.events.find(({ type, atUs }) => type === 'path-state' && atUs >= cutUs);
      expect(suspicion).toMatchObject({ path: 'w0', to: 'suspect' });
      expect(suspicion!.atUs - cutUs).toBeLessThan(60 * MS);
    },
  );
});

describe('a vehicle that stands still', () => {
  it('does not blame its paths for it', () => {
    const world = new World().start();
    world.every(5 * MS, 5 * SECOND, () => world.sendDown(1200));
    for (let at = 0; at < 5; at++) {
      world.after(at * SECOND + 400 * MS, () => {
        world.vehicle.stalledUntilUs = world.nowUs + 80 * MS;
      });
    }
    world.run(7 * SECOND);
    const suspicions = world.vehicle.events.filter((event) => event.type === 'path-state' && event.to === 'suspect');
    expect(suspicions).toEqual([]);
    expect(world.vehicle.ledger(world.gateway.sent)).toEqual({ lost: 0, duplicates: 0 });
  });
});
