import type { Plan, PlanRequest, StrategyFactory } from '@corridor/strategy';
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '../src/events.js';
import { MS, policyOf, SECOND, World } from './world.js';

type Told<Type extends EngineEvent['type']> = Extract<EngineEvent, { readonly type: Type }>;

function told<Type extends EngineEvent['type']>(world: World, type: Type): Told<Type>[] {
  return world.vehicle.events.filter((event): event is Told<Type> => event.type === type);
}

/** Video of 5 Mbit/s upwards. */
function video(world: World, durationUs: number): void {
  world.every(1.92 * MS, durationUs, () => world.sendUp(1200));
}

/** What the test's strategy adds to a plan for one path; `asked`: how often this end was asked before. */
type Decide = (request: PlanRequest, asked: number) => Partial<Plan>;

function strategy(decide: Decide): StrategyFactory {
  const create = () => {
    let asked = 0;
    const plan = (request: PlanRequest): Plan => {
      const paths = request.paths.map(({ id }) => id);
      return { mode: 'single', paths, reason: 'as the test says', ...decide(request, asked++) };
    };
    return { plan };
  };
  return { name: 'scripted', description: 'for this test', create };
}

function scripted(decide: Decide): World {
  const policy = { version: 1, default: { strategy: 'scripted', redundancy: 1 }, classes: [] };
  return new World({ policy, strategies: [strategy(decide)] }).start();
}

describe('a blackout of the active link', () => {
  const world = new World().start();
  video(world, 8 * SECOND);
  world.run(2 * SECOND);
  const cutUs = world.nowUs;
  world.blackout(0);
  world.run(5 * SECOND);
  const [moved, ...others] = told(world, 'path-switch').filter(({ atUs }) => atUs >= cutUs);

  it('is one switch, with the figures that decided it', () => {
    expect(others).toEqual([]);
    expect(moved).toMatchObject({
      trafficClass: 'default',
      from: ['w0'],
      to: ['w1'],
      before: { mode: 'single', copies: 0, repairPermille: 0 },
      after: { mode: 'single', copies: 0, repairPermille: 0 },
    });
    expect(moved?.replayed).toBeGreaterThan(0);
    expect(moved?.demandBps).toBeGreaterThan(4_500_000);
    expect(moved?.demandBps).toBeLessThan(5_500_000);
    const [w0, w1] = moved?.figures ?? [];
    expect(moved?.figures).toHaveLength(2);
    expect(w0).toMatchObject({ path: 'w0', state: 'suspect', lossRatio: 0, placeBefore: 1, placeAfter: 0 });
    expect(w0?.oneWayDelayUs).toBeGreaterThanOrEqual(20 * MS);
    expect(w0?.oneWayDelayUs).toBeLessThan(25 * MS);
    expect(w0?.deliveredBps).toBeGreaterThan(4_000_000);
    expect(w1).toMatchObject({ path: 'w1', state: 'up', placeBefore: 0, placeAfter: 1 });
    expect(w1?.oneWayDelayUs).toBeGreaterThanOrEqual(30 * MS);
    expect(w1?.oneWayDelayUs).toBeLessThan(35 * MS);
  });

  it('has its effect told two seconds later, once', () => {
    const effects = told(world, 'path-switch-effect').filter(({ atUs }) => atUs >= cutUs);
    expect(effects).toHaveLength(1);
    const [effect] = effects;
    expect(effect).toMatchObject({ from: ['w0'], to: ['w1'], sinceUs: moved?.atUs, switches: 1 });
    expect(effect?.felt.spanUs).toBe((effect?.atUs ?? 0) - (moved?.atUs ?? 0));
    expect(effect?.felt.spanUs).toBeGreaterThanOrEqual(2 * SECOND);
    expect(effect?.felt.spanUs).toBeLessThanOrEqual(2.25 * SECOND);
    // 520.8 packets a second.
    expect(effect?.felt.packets).toBeCloseTo((effect?.felt.spanUs ?? 0) / (1.92 * MS), -1);
    expect(effect?.felt).toMatchObject({ retransmissions: moved?.replayed, queueDrops: 0, waiting: 0 });
    expect(effect?.felt.sentBps).toBe(effect?.felt.demandBps);
    const [w0, w1] = effect?.figures ?? [];
    expect(w0).toMatchObject({ path: 'w0', state: 'down', placeBefore: 1, placeAfter: 0 });
    expect(w1).toMatchObject({ path: 'w1', state: 'up', lossRatio: 0 });
    expect(w1?.deliveredBps).toBeGreaterThan(4_500_000);
  });
});

describe('a switch', () => {
  it('of an uplink that was taken away has its last figures', () => {
    const world = new World().start();
    video(world, 4 * SECOND);
    world.run(2 * SECOND);
    const fromUs = world.nowUs;
    world.vehicle.mutate((engine, nowUs) => engine.setUplinks(world.uplinks().slice(1), [], nowUs));
    world.run(1 * SECOND);
    const [moved] = told(world, 'path-switch').filter(({ atUs }) => atUs >= fromUs);
    expect(moved).toMatchObject({ from: ['w0'], to: ['w1'] });
    const gone = moved?.figures.find(({ path }) => path === 'w0');
    expect(gone).toMatchObject({ state: 'down', warnings: [], placeBefore: 1, placeAfter: 0 });
    expect(gone?.deliveredBps).toBeGreaterThan(4_000_000);
  });

  it('of a class that sends nothing moved nothing: no figures, no effect', () => {
    const world = new World().start();
    const fromUs = world.nowUs;
    world.blackout(0);
    world.run(12 * SECOND);
    const switches = told(world, 'path-switch').filter(({ atUs }) => atUs >= fromUs);
    expect(switches[0]).toMatchObject({ from: ['w0'], to: ['w1'], demandBps: 0, figures: [] });
    expect(told(world, 'path-switch-effect').filter(({ atUs }) => atUs >= fromUs)).toEqual([]);
  });

  it('after switch: their effects are told together, not more often than every two seconds', () => {
    const world = scripted(({ paths }, asked) => {
      const order = asked % 2 === 0 ? [0, 1, 2] : [1, 0, 2];
      return { paths: order.slice(0, paths.length) };
    });
    video(world, 20 * SECOND);
    const fromUs = world.nowUs;
    world.run(20 * SECOND);
    const switches = told(world, 'path-switch').filter(({ atUs }) => atUs >= fromUs);
    expect(switches.length).toBeGreaterThan(50);
    const effects = told(world, 'path-switch-effect');
    expect(effects.length).toBeGreaterThanOrEqual(4);
    for (let i = 1; i < effects.length; i++) {
      expect((effects[i]?.atUs ?? 0) - (effects[i - 1]?.atUs ?? 0)).toBeGreaterThanOrEqual(2 * SECOND);
      expect(effects[i]?.felt.spanUs).toBeLessThanOrEqual(4.25 * SECOND);
      expect(effects[i]?.switches).toBeGreaterThan(10);
    }
  });
});

describe('protection', () => {
  it('that begins and ends without a switch is told with its cause', () => {
    let copies = 0;
    const world = scripted(() =>
      copies > 0 ? { mode: 'spill', copies, reason: 'w0 answers late' } : { mode: 'spill' },
    );
    video(world, 10 * SECOND);
    world.run(3 * SECOND);
    const fromUs = world.nowUs;
    copies = 1;
    world.run(3 * SECOND);
    copies = 0;
    world.run(3 * SECOND);
    const [began, ended, ...others] = told(world, 'protection').filter(({ atUs }) => atUs >= fromUs);
    expect(others).toEqual([]);
    expect(began).toMatchObject({
      trafficClass: 'default',
      paths: ['w0', 'w1', 'w2'],
      reason: 'w0 answers late',
      before: { mode: 'spill', copies: 0, repairPermille: 0 },
      after: { mode: 'spill', copies: 1, repairPermille: 0 },
      changes: 1,
    });
    expect(began?.figures.map(({ path, placeBefore, placeAfter }) => [path, placeBefore, placeAfter])).toEqual([
      ['w0', 1, 1],
      ['w1', 2, 2],
      ['w2', 3, 3],
    ]);
    expect(began?.demandBps).toBeGreaterThan(4_500_000);
    expect(ended).toMatchObject({ before: { copies: 1 }, after: { copies: 0 }, reason: 'as the test says' });
  });

  it('that comes and goes with every plan is told every two seconds at most, with how often it changed', () => {
    const world = scripted((_, asked) => ({ mode: 'spill', repair: asked % 2 === 0 ? 0.1 : 0.2 }));
    video(world, 20 * SECOND);
    const fromUs = world.nowUs;
    world.run(20 * SECOND);
    const events = told(world, 'protection').filter(({ atUs }) => atUs >= fromUs);
    expect(events.length).toBeGreaterThan(5);
    expect(events.length).toBeLessThanOrEqual(10);
    for (let i = 1; i < events.length; i++) {
      expect((events[i]?.atUs ?? 0) - (events[i - 1]?.atUs ?? 0)).toBeGreaterThanOrEqual(2 * SECOND);
      expect(events[i]?.changes).toBeGreaterThan(5);
    }
  });

  it('of a class that sends nothing is not told', () => {
    const world = scripted((_, asked) => ({ mode: 'spill', copies: 1 + (asked % 2) }));
    world.run(10 * SECOND);
    expect(told(world, 'protection')).toEqual([]);
  });
});

describe('another policy', () => {
  it('leaves no promise of an effect behind, and tells of the new plan', () => {
    const world = new World().start();
    video(world, 8 * SECOND);
    world.run(2 * SECOND);
    const fromUs = world.nowUs;
    world.vehicle.mutate((engine, nowUs) => engine.setPolicy(policyOf('redundant', 2), nowUs));
    world.run(5 * SECOND);
    const moved = told(world, 'path-switch').filter(({ atUs }) => atUs >= fromUs);
    expect(moved[0]).toMatchObject({ from: ['w0'], to: ['w0', 'w1', 'w2'], after: { mode: 'copies' } });
    const effects = told(world, 'path-switch-effect').filter(({ atUs }) => atUs >= fromUs);
    expect(effects[0]).toMatchObject({ from: ['w0'], to: ['w0', 'w1', 'w2'], after: { mode: 'copies' } });
  });
});
