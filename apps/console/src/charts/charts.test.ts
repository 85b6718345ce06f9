import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LinkView } from '../live/shown.js';
import { fromMetrics, gapS, type History, indexAt, type LinkHistory, withSample } from './history.js';
import { laneSegments, niceTop, scaleTop, timeTicks } from './lane-layout.js';

const EMPTY: History = { stepS: 1, rangeS: 300, links: [] };
const column = (history: History): LinkHistory => history.links[0] as LinkHistory;

function view(state: string, rttUs: number, isActive = false): LinkView {
  const direction = { lossRatio: 0.1, rateBps: 1000, jitterUs: 0, delayVariationUs: 0 };
  return {
    name: 'wwan0',
    source: 'vehicle',
    state,
    reason: null,
    otherState: null,
    blocked: false,
    overTls: false,
    metered: false,
    roaming: false,
    capReached: false,
    capUsed: null,
    rttUs,
    up: direction,
    down: direction,
    activeFor: isActive ? ['default'] : [],
  };
}

describe('the history of a link', () => {
  it('averages the samples of one step and begins the next', () => {
    let history = { ...EMPTY, stepS: 6 };
    for (const [atS, rtt] of [
      [600, 10],
      [602, 20],
      [605.9, 30],
      [606, 90],
    ] as const)
      history = withSample(history, atS, [view('up', rtt)]) as typeof history;
    expect(column(history).atS).toEqual([600, 606]);
    expect(column(history).rttUs).toEqual([20, 90]);
  });

  it('shows no delay and no loss of a link that is down, though the engine keeps the last figures', () => {
    const history = withSample(EMPTY, 10, [view('down', 44)]);
    expect(column(history)).toMatchObject({ rttUs: [null], upLoss: [null], upBps: [1000], state: ['down'] });
  });

  it('leaves a gap where nobody was heard, but not for a frame that was late', () => {
    let history = withSample(EMPTY, 100, [view('up', 1)]);
    history = withSample(history, 103, [view('up', 1)]);
    expect(column(history).atS).toEqual([100, 103]);
    history = withSample(history, 120, [view('up', 1)]);
    expect(column(history).atS).toEqual([100, 103, 104, 120]);
    expect(column(history).state).toEqual(['up', 'up', null, 'up']);
  });

  it('stays sorted, within its range and of equal columns, whatever comes in', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: 0, max: 2000, noNaN: true }), fc.constantFrom('up', 'down')), {
          maxLength: 80,
        }),
        fc.constantFrom(1, 6, 120),
        (samples, stepS) => {
          let history: History = { ...EMPTY, stepS };
          for (const [atS, state] of samples) history = withSample(history, atS, [view(state, 1)]);
          if (samples.length === 0) return;
          const { atS, merged, name, ...columns } = column(history);
          expect([...atS].sort((a, b) => a - b)).toEqual(atS);
          expect(new Set(atS).size).toBe(atS.length);
          for (const values of Object.values(columns)) expect(values).toHaveLength(atS.length);
        },
      ),
    );
  });

  it('turns what the gateway measured into the vehicle’s directions', () => {
    const one = {
      name: 'wwan0',
      atS: [1],
      rttUs: [5],
      sendLossRatio: [0.1],
      receiveLossRatio: [0.2],
      sendRateBps: [3],
      receiveRateBps: [4],
      state: ['up'],
      activeRatio: [1],
    };
    const metrics = { source: 'gateway' as const, stepSeconds: 1, links: [one] };
    expect(column(fromMetrics(metrics, 300))).toMatchObject({
      upLoss: [0.2],
      downLoss: [0.1],
      upBps: [4],
      downBps: [3],
    });
    expect(column(fromMetrics({ ...metrics, source: 'vehicle' }, 300))).toMatchObject({ upLoss: [0.1], upBps: [3] });
  });

  it('finds the step of a moment, and nothing in a gap', () => {
    let history = withSample(EMPTY, 100, [view('up', 1)]);
    history = withSample(history, 101, [view('up', 2)]);
    expect(indexAt(column(history), 101.5, 1)).toBe(1);
    expect(indexAt(column(history), 99, 1)).toBeUndefined();
    expect(indexAt(column(history), 101 + gapS(1), 1)).toBeUndefined();
  });
});

describe('lanes', () => {
  const link = (states: (string | null)[], active: number[]): LinkHistory => ({
    ...column(withSample(EMPTY, 0, [view('up', 1)])),
    atS: states.map((_, at) => at),
    state: states,
    active,
  });

  it('join equal neighbours and leave the unknown empty', () => {
    expect(laneSegments(link(['up', 'up', 'up', null, 'down', 'down'], [1, 1, 0, 0, 0, 0]), 1)).toEqual([
      { fromS: 0, toS: 2, state: 'up', active: true },
      { fromS: 2, toS: 3, state: 'up', active: false },
      { fromS: 4, toS: 6, state: 'down', active: false },
    ]);
  });

  it('never overlap and cover each known step once', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('up', 'down', null), { maxLength: 50 }), (states) => {
        const segments = laneSegments(
          link(
            states,
            states.map((_, at) => (at % 3 === 0 ? 1 : 0)),
          ),
          1,
        );
        for (const [at, segment] of segments.entries())
          expect(segment.fromS).toBeGreaterThanOrEqual(segments[at - 1]?.toS ?? 0);
        expect(segments.reduce((sum, { fromS, toS }) => sum + toS - fromS, 0)).toBe(
          states.filter((state) => state !== null).length,
        );
      }),
    );
  });

  it('have ticks at round local times, not too many', () => {
    expect(timeTicks(1000, 1300, 6)).toEqual([1020, 1080, 1140, 1200, 1260]);
    expect(timeTicks(0, 86_400, 8, 3600)[0]).toBe(7200);
    expect(timeTicks(0, 3600, 6).length).toBeLessThanOrEqual(7);
  });

  it('have scales that do not jump with each sample', () => {
    expect([0.7, 1, 1.2, 4.2, 9, 42_000, 50_000].map(niceTop)).toEqual([0.8, 1, 2, 5, 10, 50_000, 50_000]);
    expect(niceTop(0)).toBe(1);
  });

  it('have scales that a single wild sample does not flatten', () => {
    const calm = Array.from({ length: 300 }, (_, at) => 30_000 + at);
    expect(scaleTop([[...calm, 150_000_000], [null]], 50_000)).toBe(100_000);
    expect(scaleTop([[...calm, 80_000]], 50_000)).toBe(80_000);
    expect(scaleTop([[]], 0.02)).toBe(0.02);
  });
});
