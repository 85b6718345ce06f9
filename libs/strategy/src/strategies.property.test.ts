import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { builtInStrategies, checkStrategy, type PathSnapshot, path } from './index.js';

const anyPath = (id: number): fc.Arbitrary<PathSnapshot> =>
  fc
    .record({
      state: fc.constantFrom('up', 'suspect', 'gated', 'down'),
      delayMs: fc.integer({ min: 0, max: 900 }),
      queueMs: fc.integer({ min: 0, max: 3_000 }),
      lossRatio: fc.integer({ min: 0, max: 1_000 }).map((permille) => permille / 1_000),
      priority: fc.integer({ min: 1, max: 4 }),
      metered: fc.boolean(),
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

const options: Record<string, fc.Arbitrary<Record<string, unknown>>> = {
  'active-standby': fc.record({ returnAfterMs: fc.integer({ min: 0, max: 600_000 }) }, { requiredKeys: [] }),
  'smallest-delay': fc.record(
    { betterByMs: fc.integer({ min: 0, max: 10_000 }), forMs: fc.integer({ min: 0, max: 600_000 }) },
    { requiredKeys: [] },
  ),
  redundant: fc.record(
    { copies: fc.oneof(fc.constant('all'), fc.integer({ min: 1, max: 256 })) },
    { requiredKeys: [] },
  ),
};

describe.each(builtInStrategies.map((factory) => [factory.name, factory] as const))('%s', (name, factory) => {
  it('keeps every rule of the kit on any trace with any good options', () => {
    fc.assert(
      fc.property(anySteps, options[name], (steps, goodOptions) => {
        expect(checkStrategy(factory, { options: goodOptions, cases: [{ name: 'any', steps }] })).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('answers the very plan in force while nothing changes', () => {
    fc.assert(
      fc.property(anyPaths, (paths) => {
        const strategy = factory.create({});
        const first = strategy.plan({ nowUs: 0, trafficClass: 'default', paths, current: undefined });
        let current = first;
        for (let nowUs = 100_000; nowUs < 3_000_000; nowUs += 100_000) {
          current = strategy.plan({ nowUs, trafficClass: 'default', paths, current });
        }
        expect(current).toBe(first);
      }),
    );
  });
});
