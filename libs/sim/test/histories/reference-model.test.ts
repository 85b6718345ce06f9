/** The judge is judged: the model demands what it should, and the runner finds what is broken on purpose. */
import { describe, expect, it } from 'vitest';
import { link, policy } from '../../src/index.js';
import type { History, HistoryStep } from './history.js';
import { goodIntervals, ReferenceModel } from './reference-model.js';
import { runHistory } from './run-history.js';

const good = { rateBps: 10e6, delayUs: 20_000 };

function historyOf(steps: readonly HistoryStep[], deadlineMs = 1_000): History {
  return {
    seed: 1,
    durationUs: 10_000_000,
    links: [link('w0', good, { nat: {} }), link('w1', { ...good, lossRatio: 0.2 })],
    policy: policy({ strategy: 'active-standby', deadlineMs }),
    traffic: [{ kind: 'vitals', direction: 'up', packetsPerSecond: 20, bytes: 100 }],
    steps,
  };
}

function owes(history: History, sentAtUs: number): boolean {
  return new ReferenceModel(history).owedUntilUs(history.traffic[0], sentAtUs) >= 0;
}

describe('a link', () => {
  it('is good from end to end when nothing happens to it, and never when it is bad', () => {
    const history = historyOf([]);
    expect(goodIntervals(history, 'w0')).toEqual([{ fromUs: 0, toUs: Number.POSITIVE_INFINITY }]);
    expect(goodIntervals(history, 'w1')).toEqual([]);
  });

  it('is not good while either direction is dark, it is pulled out or blocked, or too slow', () => {
    const times = (...steps: HistoryStep[]) =>
      goodIntervals(historyOf(steps), 'w0').map(({ fromUs, toUs }) => [fromUs / 1e6, toUs / 1e6]);
    const rest = Number.POSITIVE_INFINITY;
    expect(
      times(
        { atUs: 4e6, action: 'blackout', link: 'w0', direction: 'up' },
        { atUs: 5e6, action: 'blackout', link: 'w0' },
        { atUs: 6e6, action: 'restore', link: 'w0', direction: 'up' },
        { atUs: 7e6, action: 'restore', link: 'w0' },
      ),
    ).toEqual([
      [0, 4],
      [7, rest],
    ]);
    expect(times({ atUs: 4e6, action: 'unplug', link: 'w0' }, { atUs: 5e6, action: 'plug', link: 'w0' })).toEqual([
      [0, 4],
      [5, rest],
    ]);
    expect(times({ atUs: 4e6, action: 'block', link: 'w0' }, { atUs: 5e6, action: 'unblock', link: 'w1' })).toEqual([
      [0, 4],
    ]);
    expect(times({ atUs: 4e6, action: 'set', link: 'w0', direction: 'down', set: { rateBps: 1e6 } })).toEqual([[0, 4]]);
    expect(times({ atUs: 4e6, action: 'change-address', link: 'w0' })).toEqual([
      [0, 4],
      [4, rest],
    ]);
  });
});

describe('the model', () => {
  it('demands every packet of a calm history, and none before the session is up', () => {
    const history = historyOf([]);
    expect([1, 3, 6, 9.9].map((second) => owes(history, second * 1e6))).toEqual([false, true, true, true]);
    expect(owes(historyOf([], 300), 6e6)).toBe(false);
  });

  it('demands nothing that only a bad link could carry', () => {
    const history = historyOf([
      { atUs: 5e6, action: 'blackout', link: 'w0' },
      { atUs: 6e6, action: 'restore', link: 'w0' },
    ]);
    // Sent less than its deadline before, in the dark, and until the link has settled.
    expect([3.9, 4.1, 5.5, 7.9, 8.1].map((second) => owes(history, second * 1e6))).toEqual([
      true,
      false,
      false,
      false,
      true,
    ]);
  });

  it('demands what was sent in the dark when enough of its deadline is left in the light', () => {
    const history = historyOf(
      [
        { atUs: 5e6, action: 'blackout', link: 'w0' },
        { atUs: 5.5e6, action: 'restore', link: 'w0' },
      ],
      3_000,
    );
    expect([5.4, 5.51].map((second) => owes(history, second * 1e6))).toEqual([false, true]);
  });

  it('demands nothing around a restart of the gateway, or beside a connection that fills every queue', () => {
    const restarted = historyOf([{ atUs: 5e6, action: 'restart-gateway', downUs: 1e6 }]);
    expect(owes(restarted, 3e6)).toBe(false);
    const saturated: History = {
      ...historyOf([]),
      traffic: [...historyOf([]).traffic, { kind: 'tcp', direction: 'up', bytes: 0 }],
    };
    expect(owes(saturated, 6e6)).toBe(false);
  });

  it('takes the shortest deadline that may hold while policies change', () => {
    const history = historyOf([
      { atUs: 5e6, action: 'policy', policy: policy({ strategy: 'redundant', deadlineMs: 300 }, 2) },
    ]);
    expect([3, 5.5].map((second) => owes(history, second * 1e6))).toEqual([false, false]);
    const later = historyOf([
      { atUs: 5e6, action: 'policy', policy: policy({ strategy: 'redundant', deadlineMs: 1_500 }, 2) },
    ]);
    expect(new ReferenceModel(later).owedUntilUs(later.traffic[0], 3e6)).toBe(3e6 + 1e6 + 150_000);
  });
});

describe('the runner', () => {
  it('finds nothing wrong with a calm history', () => {
    const result = runHistory(historyOf([]));
    expect(result.violations).toEqual([]);
    expect(result.owed).toBeGreaterThan(100);
  });

  it('finds packets that are lost', () => {
    const { violations } = runHistory(historyOf([]), (world) => {
      for (const name of ['w0', 'w1']) {
        world.clock.schedule(5e6, () => world.link(0, name).setBlackout(true));
        world.clock.schedule(9e6, () => world.link(0, name).setBlackout(false));
      }
    });
    expect(violations.some(({ kind }) => kind === 'lost')).toBe(true);
  });

  it('finds packets that come twice', () => {
    const { violations } = runHistory(historyOf([]), (_, log) => {
      const delivered = log.delivered.bind(log);
      log.delivered = (flow, sequence, atUs) => {
        delivered(flow, sequence, atUs);
        if (sequence === 50) delivered(flow, sequence, atUs);
      };
    });
    expect(violations.map(({ kind }) => kind)).toEqual(['twice']);
  });

  it('finds state that is left behind, and a tunnel that does not come to rest', () => {
    const { violations } = runHistory(historyOf([]), (world) => {
      const { host } = world.vehicles[0];
      Object.assign(host.engine, { leak: new Uint8Array(64_000_000) });
      const again = () => {
        host.mutate((engine, nowUs) => engine.tick(nowUs));
        world.clock.schedule(world.clock.nowUs + 1_000, again);
      };
      world.clock.schedule(0, again);
    });
    expect([...new Set(violations.map(({ kind }) => kind))].sort()).toEqual(['never at rest', 'state']);
    expect(violations.some(({ what }) => what.includes('Vehicle.leak has 64000000'))).toBe(true);
  });

  it('finds what throws', () => {
    const { violations } = runHistory(historyOf([]), (world) => {
      world.clock.schedule(4e6, () => {
        throw new Error('broken');
      });
    });
    expect(violations).toMatchObject([{ kind: 'threw', atUs: 4e6 }]);
  });
});
