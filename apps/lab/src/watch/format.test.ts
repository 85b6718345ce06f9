import { describe, expect, it } from 'vitest';
import { clock, count, milliseconds, percent, rate, scaleTop, sparkline } from './format.js';
import { LossCounter, PageTimes } from './history.js';

describe('figures', () => {
  it.each([
    [milliseconds(7.42), '7.4 ms'],
    [milliseconds(24.4), '24 ms'],
    [milliseconds(999.4), '999 ms'],
    [milliseconds(1_240), '1.2 s'],
    [milliseconds(61_000), '61 s'],
    [milliseconds(Number.NaN), '–'],
    [percent(0), '0 %'],
    [percent(0.0001), '0.1 %'],
    [percent(0.0123), '1.2 %'],
    [percent(0.5), '50 %'],
    [rate(12), '0'],
    [rate(84_100), '84 k'],
    [rate(6_230_000), '6.2 M'],
    [rate(41_000_000), '41 M'],
    [count(1_234_567), '1,234,567'],
    [clock(134_900), '02:14'],
    [clock(3_734_000), '1:02:14'],
  ])('%s', (shown, expected) => {
    expect(shown).toBe(expected);
  });
});

describe('a sparkline', () => {
  it('maps 0 to the lowest and the top to the highest bar', () => {
    expect(sparkline([0, 50, 100, 250], 4, 100)).toBe('▁▄██');
  });

  it('shows the newest values, leaves gaps for unknown ones and fills from the right', () => {
    expect(sparkline([1, 1, 1, 8], 3, 8)).toBe('▁▁█');
    expect(sparkline([Number.NaN, 8], 4, 8)).toBe('   █');
  });

  it('has a scale that ends on a round number', () => {
    expect([scaleTop([3], 50), scaleTop([61], 50), scaleTop([130, Number.NaN], 50), scaleTop([501], 50)]).toEqual([
      50, 100, 200, 1000,
    ]);
  });
});

describe('losses', () => {
  it('count only packets that had time to arrive', () => {
    const losses = new LossCounter(3_000);
    expect(losses.update(0, 10, 5)).toBe(0);
    expect(losses.update(2_000, 100, 95)).toBe(0);
    expect(losses.update(3_000, 150, 145)).toBe(0);
    expect(losses.update(5_000, 250, 98)).toBe(2);
    expect(losses.update(8_100, 400, 249)).toBe(1);
  });
});

describe('page times', () => {
  it('know their percentiles and keep failures apart', () => {
    const pages = new PageTimes();
    expect(pages.percentileMs(0.5)).toBeNaN();
    for (const ms of [300, 100, 200, 1_000]) pages.page(ms);
    pages.fail();
    expect([pages.lastMs, pages.percentileMs(0.5), pages.percentileMs(0.95), pages.pages, pages.failed]).toEqual([
      1_000, 200, 1_000, 4, 1,
    ]);
    expect(pages.history.at(-1)).toBeNaN();
  });
});
