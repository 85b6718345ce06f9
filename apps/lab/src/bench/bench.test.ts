import { expect, it } from 'vitest';
import { busyTicks, processSeconds, residentBytes, statTicks } from './cpu.js';
import { longestPauseUs } from './pauses.js';
import { percentile, spreadOf, spreadText } from './statistics.js';
import { digits, table } from './table.js';

it('spreads have a median, a smallest and a largest value', () => {
  expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
  expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
  expect(() => spreadOf([])).toThrow(RangeError);
});

it('percentiles are values that were measured', () => {
  const values = Array.from({ length: 20 }, (_, i) => i + 1);
  expect([percentile(values, 0.99), percentile(values, 0.95), percentile([7], 0.99)]).toEqual([20, 19, 7]);
});

it('spreads read as median with smallest and largest', () => {
  expect(spreadText([3, 1, 2], String)).toBe('2 (1 - 3)');
  expect([spreadText([7], String), spreadText([], String)]).toEqual(['7', '-']);
});

it('tables line up', () => {
  expect(
    table(
      ['name', 'Gbit/s'],
      [
        ['raw veth', '21.6'],
        ['OpenVPN', 'not installed'],
      ],
    ),
  ).toBe(
    ['name             Gbit/s', '--------  -------------', 'raw veth           21.6', 'OpenVPN   not installed'].join(
      '\n',
    ),
  );
});

it('figures have three digits or so', () => {
  expect([digits(0.567), digits(4.912), digits(21.64), digits(240.2), digits(undefined), digits(Number.NaN)]).toEqual([
    '0.57',
    '4.91',
    '21.6',
    '240',
    '-',
    '-',
  ]);
});

it('reads CPU time of a process whose name holds anything', () => {
  const line = '42 (a) b (c) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 7 9 20 0 11 0 1234 1000 200';
  expect(statTicks(line)).toBe(200);
});

it('counts everything but idle and waiting as busy', () => {
  expect(busyTicks('cpu  100 1 50 9999 777 3 20 5 0 0\ncpu0 ...')).toBe(179);
});

it('knows what this very process costs', () => {
  expect(processSeconds([process.pid])).toBeGreaterThan(0);
  expect(processSeconds([2 ** 22 + 1])).toBe(0);
  expect(Math.abs(residentBytes(process.pid) - process.memoryUsage.rss())).toBeLessThan(50e6);
});

it('a pause counts for what happens in it and right after it, not before', () => {
  const pauses = [
    { atUs: 100_000, forUs: 30_000 },
    { atUs: 500_000, forUs: 4_000 },
  ];
  expect(longestPauseUs(pauses, 90_000, 110_000)).toBe(30_000);
  expect(longestPauseUs(pauses, 140_000, 160_000)).toBe(30_000);
  expect(longestPauseUs(pauses, 50_000, 99_000)).toBe(0);
  expect(longestPauseUs(pauses, 160_000, 490_000)).toBe(0);
  expect(longestPauseUs(pauses, 0, 1_000_000)).toBe(30_000);
  expect(longestPauseUs([], 0, 1)).toBe(0);
});
