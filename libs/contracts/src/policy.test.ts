import { describe, expect, it } from 'vitest';
import { Steering } from './policy.js';

/** What is wrong with a steering, by key; empty when nothing is. */
function mistakes(part: Record<string, unknown>): string[] {
  const read = Steering.safeParse({ strategy: 'adaptive', ...part });
  return (read.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('what a class is worth', () => {
  it.each<[string, unknown[], unknown[], string]>([
    ['priority', [1, 8], [0, 9, 1.5, '1', null], 'expected a whole number from 1 to 8'],
    ['minShare', [0, 0.5], [-0.01, 0.51, Number.NaN, '0.1'], 'expected a number from 0 to 0.5'],
    ['deadlineMs', [20, 3_000], [19, 3_001, 100.5], 'expected a whole number from 20 to 3000'],
    ['redundancy', [0, 0.1, 4], [-1, 4.1, Number.POSITIVE_INFINITY], 'expected a number from 0 to 4'],
    ['urgent', [true, false], [1, 'true'], 'Invalid input: expected boolean'],
    ['emergency', [true, false], [0], 'Invalid input: expected boolean'],
    ['order', ['auto', 'flow', 'none'], ['tcp', true], 'Invalid option'],
    ['spread', ['packets', 'flows', 'none'], ['packet'], 'Invalid option'],
    ['avoid', [[], ['metered'], ['capped', 'roaming', 'metered']], [['roaming', 'roaming']], 'expected each kind once'],
  ])('%s takes %j and refuses %j', (key, good, bad, message) => {
    for (const value of good) expect(mistakes({ [key]: value })).toEqual([]);
    for (const value of bad) {
      expect(mistakes({ [key]: value })[0]).toContain(`${key}: `);
      expect(mistakes({ [key]: value })[0]).toContain(message);
    }
  });

  it('names the kind of path that is not known', () => {
    expect(mistakes({ avoid: ['capped', 'lte'] })).toEqual([
      'avoid.1: Invalid option: expected one of "metered"|"roaming"|"capped"',
    ]);
  });

  it('survives a later version that says more', () => {
    const later = { strategy: 'adaptive', colour: 'blue' };
    expect(Steering.parse(later)).toEqual(later);
  });
});
