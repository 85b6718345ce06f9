import { Steering } from '@corridor/contracts';
import { builtInStrategies } from '@corridor/strategy';
import { checkPolicy } from '@corridor/tunnel';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const LISTS = {
  order: ['auto', 'flow', 'none', 'tcp'],
  spread: ['packets', 'flows', 'none', 'packet'],
} as const;

const anyNumber = fc.oneof(
  fc.integer({ min: -1, max: 9 }),
  fc.integer({ min: 0, max: 4_000 }),
  fc.double({ min: -1, max: 5, noNaN: true }),
);

const anything: Record<string, fc.Arbitrary<unknown>> = {
  priority: anyNumber,
  minShare: anyNumber,
  deadlineMs: anyNumber,
  redundancy: anyNumber,
  urgent: fc.oneof(fc.boolean(), fc.constant(1)),
  emergency: fc.oneof(fc.boolean(), fc.constant('no')),
  order: fc.constantFrom(...LISTS.order),
  spread: fc.constantFrom(...LISTS.spread),
  avoid: fc.array(fc.constantFrom('metered', 'roaming', 'capped', 'lte'), { maxLength: 4 }),
  options: fc.constantFrom({}, { no: 1 }),
  strategy: fc.constantFrom('adaptive'),
};

function engineTakes(steering: unknown): boolean {
  try {
    checkPolicy({ default: steering }, builtInStrategies);
    return true;
  } catch {
    return false;
  }
}

describe('documents and engine agree on what a class may say', () => {
  test('and on its keys', () => {
    expect(new Set(Object.keys(anything))).toEqual(new Set(Object.keys(Steering.shape)));
  });

  // The options are the strategy's own: the document takes any object.
  test.each(Object.keys(anything).filter((key) => key !== 'options'))('%s', (key) => {
    fc.assert(
      fc.property(anything[key] as fc.Arbitrary<unknown>, (value) => {
        const steering = { strategy: 'adaptive', [key]: value };
        expect(engineTakes(steering)).toBe(Steering.safeParse(steering).success);
      }),
      { numRuns: 500 },
    );
  });
});
