import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { builtInStrategies, checkStrategy, type PathSnapshot, type PathWarning, path, planRequest } from './index.js';

const anyPath = (id: number): fc.Arbitrary<PathSnapshot> =>
  fc
    .record({
      state: fc.constantFrom('up', 'suspect', 'gated', 'down'),
      delayMs: fc.integer({ min: 0, max: 900 }),
      queueMs: fc.integer({ min: 0, max: 3_000 }),
      lossRatio: fc.integer({ min: 0, max: 1_000 }).map((permille) => permille / 1_000),
      priority: fc.integer({ min: 1, max: 4 }),
      metered: fc.boolean(),
      roaming: fc.boolean(),
      capReached: fc.boolean(),
      signal: fc.double({ min: 0, max: 1, noNaN: true }),
      warnings: fc.subarray<PathWarning>(['silence', 'delay', 'loss', 'signal']),
      capacityMbps: fc.integer({ min: 0, max: 100 }),
      deliveredMbps: fc.integer({ min: 0, max: 100 }),
      burstPackets: fc.integer({ min: 0, max: 40 }),
    } as const)
    .map((change) => path(id, change));

const anyPaths = fc
  .uniqueArray(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 6 })
  .chain((ids) => fc.tuple(...ids.sort((a, b) => a - b).map(anyPath)));

/** Steps of a trace with uneven waits from nothing to a minute. */
const anySteps = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 60_000_000 }), anyPaths), { minLength: 1, maxLength: 30 })
  .map((steps) => {
    let atUs = 0;
    return steps.map(([waitUs, paths]) => {
      atUs += waitUs;
      return { atUs, paths };
    });
  });

const anyTraffic = fc.record({
  demandBps: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 100_000_000 })),
  packetBytes: fc.integer({ min: 0, max: 1_400 }),
  flows: fc.integer({ min: 0, max: 1_000 }),
});

const anyLimits = fc.record({
  redundancy: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 4, noNaN: true })),
  deadlineUs: fc.integer({ min: 20_000, max: 3_000_000 }),
  urgent: fc.boolean(),
  aggregate: fc.boolean(),
  flowPinned: fc.boolean(),
});

const options: Record<string, fc.Arbitrary<Record<string, unknown>>> = {
  'active-standby': fc.record({ returnAfterMs: fc.integer({ min: 0, max: 600_000 }) }, { requiredKeys: [] }),
  'smallest-delay': fc.record(
    { betterByMs: fc.integer({ min: 0, max: 10_000 }), forMs: fc.integer({ min: 0, max: 600_000 }) },
    { requiredKeys: [] },
  ),
  adaptive: fc.constant({}),
  'load-balancing': fc.record(
    {
      by: fc.constantFrom('flow', 'packet'),
      weights: fc.dictionary(fc.constantFrom('w0', 'w1', 'w2', 'w3'), fc.integer({ min: 0, max: 1_000 })),
    },
    { requiredKeys: [] },
  ),
  'priority-based': fc.record({ thresholdMs: fc.integer({ min: 0, max: 1_000 }) }, { requiredKeys: [] }),
  redundant: fc.record(
    { copies: fc.oneof(fc.constant('all'), fc.integer({ min: 1, max: 256 })) },
    { requiredKeys: [] },
  ),
};

describe.each(builtInStrategies.map((factory) => [factory.name, factory] as const))('%s', (name, factory) => {
  it('keeps every rule of the kit on any trace with any good options', () => {
    fc.assert(
      fc.property(anySteps, options[name], anyTraffic, anyLimits, (steps, goodOptions, traffic, limits) => {
        const cases = [{ name: 'any', steps, traffic, limits }];
        expect(checkStrategy(factory, { options: goodOptions, cases })).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('answers the very plan in force while nothing changes', () => {
    fc.assert(
      fc.property(anyPaths, (paths) => {
        const strategy = factory.create({});
        const first = strategy.plan(planRequest(0, paths));
        let current = first;
        for (let nowUs = 100_000; nowUs < 3_000_000; nowUs += 100_000) {
          current = strategy.plan(planRequest(nowUs, paths, { current }));
        }
        expect(current).toBe(first);
      }),
    );
  });
});
