import type { Credentials } from '@corridor/contracts';
import { expect, test } from 'vitest';
import { capsOf } from './registry-caps.js';

const of = (part: Partial<Credentials>) => [...capsOf(part as Credentials)];

test('data caps of the registry begin anew with each month', () => {
  expect(of({ uplinks: [{ name: 'wwan0', monthlyCapBytes: 5e9 }] })).toEqual([['wwan0', { bytes: 5e9, resetDay: 1 }]]);
});

test('an older gateway tells of none', () => {
  expect(of({})).toEqual([]);
});
