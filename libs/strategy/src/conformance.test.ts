import { describe, expect, it } from 'vitest';
import {
  builtInStrategies,
  type ConformanceRule,
  checkStrategy,
  type Plan,
  type PlanRequest,
  path,
  type StrategyFactory,
  StrategyOptionsError,
  trace,
} from './index.js';

describe('every built-in strategy passes the conformance kit', () => {
  const badOptions: Record<string, Record<string, unknown>[]> = {
    'active-standby': [
      { returnAfterMs: -1 },
      { returnAfterMs: '800' },
      { returnAfterMs: Number.NaN },
      { returnAfterMs: null },
    ],
    'smallest-delay': [{ betterByMs: -1 }, { betterByMs: 1e9 }, { forMs: [] }, { forMs: Number.POSITIVE_INFINITY }],
    adaptive: [{ copies: 2 }],
    'load-balancing': [
      { by: 'packets' },
      { by: null },
      { weights: [1, 2] },
      { weights: { w0: -1 } },
      { weights: { w0: '3' } },
      { weights: null },
    ],
    'priority-based': [{ thresholdMs: -1 }, { thresholdMs: 5_000 }, { thresholdMs: '30' }],
    redundant: [{ copies: 0 }, { copies: 1.5 }, { copies: 'both' }, { copies: 257 }, { copies: null }],
  };
  for (const factory of builtInStrategies) {
    it(`${factory.name} with its defaults`, () => {
      expect(badOptions[factory.name].length).toBeGreaterThan(0);
      expect(checkStrategy(factory, { badOptions: badOptions[factory.name] })).toEqual([]);
    });
  }

  it.each([
    ['active-standby', { returnAfterMs: 5_000 }],
    ['smallest-delay', { betterByMs: 20, forMs: 2_000 }],
    ['load-balancing', { by: 'packet' }],
    ['load-balancing', { weights: { w0: 3, w1: 1.5, w2: 0 } }],
    ['priority-based', { thresholdMs: 0 }],
    ['redundant', { copies: 1 }],
    ['redundant', { copies: 2 }],
    ['redundant', { copies: 'all' }],
  ])('%s with %o', (name, options) => {
    const factory = builtInStrategies.find((candidate) => candidate.name === name) as StrategyFactory;
    expect(checkStrategy(factory, { options })).toEqual([]);
  });
});

/** A strategy without faults, into which each test puts one. */
function strategyOf(plan: (request: PlanRequest) => Plan, change: Partial<StrategyFactory> = {}): StrategyFactory {
  return {
    name: 'faulty',
    description: 'Has one fault.',
    create(options) {
      if (Object.keys(options).length > 0) throw new StrategyOptionsError('no options expected');
      return { plan };
    },
    ...change,
  };
}

function upFirst(request: PlanRequest): number[] {
  const order = ['up', 'gated', 'suspect', 'down'];
  return [...request.paths].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state)).map((p) => p.id);
}

const sound = (request: PlanRequest): Plan => {
  const { current } = request;
  const state = request.paths.find((p) => p.id === current?.paths[0])?.state;
  if (current !== undefined && state === 'up' && current.paths.every((id) => request.paths.some((p) => p.id === id)))
    return current;
  return { mode: 'single', paths: upFirst(request), reason: 'first that is up' };
};

/** The sound strategy with something put into its plans. */
function extra(part: (plan: Plan) => Partial<Plan>): StrategyFactory {
  return strategyOf((request) => {
    const plan = sound(request);
    return { ...plan, ...part(plan) };
  });
}

function stateOf(request: PlanRequest, id: number): string | undefined {
  return request.paths.find((p) => p.id === id)?.state;
}

describe('the conformance kit can fail', () => {
  let calls = 0;
  const faulty: [ConformanceRule, string, StrategyFactory][] = [
    ['description', 'a name in capitals', strategyOf(sound, { name: 'Cheapest' })],
    ['description', 'no description', strategyOf(sound, { description: ' ' })],
    ['options', 'takes any options', strategyOf(sound, { create: () => ({ plan: sound }) })],
    [
      'options',
      'refuses with a plain error',
      strategyOf(sound, {
        create(options) {
          if (Object.keys(options).length > 0) throw new Error('no');
          return { plan: sound };
        },
      }),
    ],
    [
      'never-throws',
      'throws without an up path',
      strategyOf((request) => {
        if (!request.paths.some((p) => p.state === 'up')) throw new Error('nothing to choose from');
        return sound(request);
      }),
    ],
    [
      'never-throws',
      'sorts the paths of the request in place',
      strategyOf((request) => {
        (request.paths as PlanRequest['paths'][number][]).sort((a, b) => a.rttUs - b.rttUs);
        return sound(request);
      }),
    ],
    [
      'valid-plan',
      'empty when nothing is up',
      strategyOf((request) => ({
        ...sound(request),
        paths: upFirst(request).filter((id) => request.paths.find((p) => p.id === id)?.state === 'up'),
      })),
    ],
    ['valid-plan', 'keeps a path that is gone', strategyOf((request) => request.current ?? sound(request))],
    [
      'valid-plan',
      'names a path twice',
      strategyOf((request) => ({ ...sound(request), paths: [request.paths[0].id, request.paths[0].id] })),
    ],
    ['valid-plan', 'unknown mode', strategyOf((request) => ({ ...sound(request), mode: 'stripe' as 'single' }))],
    ['valid-plan', 'no reason', strategyOf((request) => ({ ...sound(request), reason: '' }))],
    ['valid-plan', 'no plan', strategyOf(() => undefined as unknown as Plan)],
    ['valid-plan', 'more copies than other paths', extra(() => ({ copies: 5 }))],
    ['valid-plan', 'half a copy', extra(() => ({ copies: 0.5 }))],
    ['valid-plan', 'copies beside copies', extra(() => ({ mode: 'copies', copies: 1 }))],
    ['valid-plan', 'no repair, spelled out', extra(() => ({ repair: 0 }))],
    ['valid-plan', 'more repair than anybody may pay for', extra(() => ({ repair: 4.5 }))],
    [
      'valid-plan',
      'a weight too few',
      extra(({ paths }) => ({ mode: 'balance', weights: paths.slice(1).map(() => 1) })),
    ],
    ['valid-plan', 'a weight of 0', extra(({ paths }) => ({ mode: 'balance', weights: paths.map(() => 0) }))],
    ['valid-plan', 'weights without balance', extra(({ paths }) => ({ weights: paths.map(() => 1) }))],
    ['valid-plan', 'a spill that is pinned', extra(() => ({ mode: 'spill', pinned: true }))],
    ['valid-plan', 'a balance with preference', extra(() => ({ mode: 'balance', preferUs: 1 }))],
    ['valid-plan', 'a preference before now', extra(() => ({ mode: 'spill', preferUs: -1 }))],
    ['budget', 'always repairs', extra(() => ({ repair: 0.5 }))],
    ['budget', 'always copies', extra((plan) => (plan.paths.length > 1 ? { copies: 1 } : {}))],
    [
      'steady',
      'has a new reason each time',
      strategyOf((request) => ({ ...sound(request), reason: `planned at ${request.nowUs}` })),
    ],
    [
      'leaves-suspect',
      'spills over paths that are silent',
      strategyOf((request) => ({
        mode: 'spill',
        paths: upFirst(request).filter((id, at) => at === 0 || stateOf(request, id) !== 'down'),
        reason: 'what may be alive',
      })),
    ],
    [
      'leaves-down',
      'balances over everything',
      strategyOf((request) => ({ mode: 'balance', paths: upFirst(request), reason: 'all' })),
    ],
    ['json', 'carries a function', strategyOf((request) => ({ ...sound(request), why: () => 'secret' }) as Plan)],
    ['json', 'carries a bigint', strategyOf((request) => ({ ...sound(request), at: 1n }) as Plan)],
    [
      'deterministic',
      'counts calls over all instances',
      strategyOf((request) => ({ ...sound(request), reason: `call ${++calls}` })),
    ],
    [
      'steady',
      'always the fastest of the moment',
      strategyOf((request) => {
        const up = request.paths.filter((p) => p.state === 'up');
        const usable = [...(up.length > 0 ? up : request.paths)].sort(
          (a, b) => a.send.delayVariationUs - b.send.delayVariationUs,
        );
        return { mode: 'single', paths: usable.map((p) => p.id), reason: 'fastest' };
      }),
    ],
    [
      'leaves-down',
      'never leaves',
      strategyOf((request) => ({ mode: 'single', paths: [request.paths[0].id], reason: 'stay' })),
    ],
    [
      'leaves-down',
      'copies to paths that are down',
      strategyOf((request) => ({ mode: 'copies', paths: upFirst(request), reason: 'all' })),
    ],
    [
      'leaves-suspect',
      'waits while suspect',
      strategyOf((request) => {
        const usable = request.paths.find((p) => p.state !== 'down') ?? request.paths[0];
        return { mode: 'single', paths: [usable.id], reason: 'not down' };
      }),
    ],
  ];

  it.each(faulty)('%s: %s', (rule, _, factory) => {
    expect(checkStrategy(factory).map((violation) => violation.rule)).toContain(rule);
  });

  it('finds nothing in the strategy that the faults were put into', () => {
    expect(checkStrategy(strategyOf(sound))).toEqual([]);
  });

  it('runs the cases that it is given', () => {
    const steps = trace(10, (tick) => [path(0, { state: tick === 5 ? 'down' : 'up' }), path(1)]);
    const cases = [{ name: 'one short failure', steps, maxSwitches: 0 }];
    expect(checkStrategy(strategyOf(sound), { cases })).toEqual([
      { rule: 'steady', where: 'one short failure', message: 'moved traffic 1 times, at most 0 expected' },
    ]);
  });
});
