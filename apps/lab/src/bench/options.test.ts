import { expect, it } from 'vitest';
import { choices, numbers } from './options.js';
import { policyOf } from './policy.js';

it('takes whole numbers, and the defaults where none is given', () => {
  expect(numbers({ runs: '3' }, { runs: 20, seconds: 5 })).toEqual({ runs: 3, seconds: 5 });
  for (const runs of ['0', '1.5', 'x', '10001']) expect(() => numbers({ runs }, { runs: 1 })).toThrow(`not "${runs}"`);
});

it('takes the known names in their order, or all', () => {
  expect(choices('way', undefined, ['a', 'b'])).toEqual(['a', 'b']);
  expect(choices('way', ['b', 'a'], ['a', 'b', 'c'])).toEqual(['a', 'b']);
  expect(() => choices('way', ['d'], ['a', 'b'])).toThrow('--way takes one of "a", "b", not "d".');
});

it('measures the built-in policy, or one strategy for everything', () => {
  expect(policyOf().classes.length).toBeGreaterThan(0);
  expect(policyOf('redundant')).toEqual({ version: 1, default: { strategy: 'redundant' }, classes: [] });
});
