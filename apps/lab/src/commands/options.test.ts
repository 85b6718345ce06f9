import { describe, expect, it } from 'vitest';
import { parseArgs, UsageError, wholeNumber } from './options.js';
import { ms, quantile, table } from './table.js';

describe('parseArgs', () => {
  it('takes words and options in any order and both spellings', () => {
    const { words, options } = parseArgs(['clean', '--runs', '3', '--json=out.json', 'more'], ['runs', 'json']);
    expect(words).toEqual(['clean', 'more']);
    expect([...options]).toEqual([
      ['runs', '3'],
      ['json', 'out.json'],
    ]);
  });

  it('names the options that exist, and the one without a value', () => {
    expect(() => parseArgs(['--rusn', '3'], ['runs'])).toThrow(new UsageError('no option --rusn; there are: --runs'));
    expect(() => parseArgs(['--runs'], ['runs'])).toThrow(new UsageError('--runs needs a value'));
  });
});

describe('wholeNumber', () => {
  it.each(['0', '1.5', 'many', '11'])('refuses %s where 1 to 10 is expected', (text) => {
    const parsed = parseArgs(['--runs', text], ['runs']);
    expect(() => wholeNumber(parsed, 'runs', 1, 1, 10)).toThrow(`--runs: a whole number from 1 to 10 was expected`);
  });

  it('has a default', () => expect(wholeNumber(parseArgs([], ['runs']), 'runs', 4, 1, 10)).toBe(4));
});

describe('table', () => {
  it('puts numbers to the right and words to the left', () => {
    const rows = [
      ['vitals up', '850', '107'],
      ['x', '7', 'never'],
    ];
    expect(table(['flow', 'sent', 'gap'], rows)).toBe(
      ['flow       sent    gap', '---------  ----  -----', 'vitals up   850    107', 'x             7  never'].join(
        '\n',
      ),
    );
  });
});

describe('figures', () => {
  it('shows milliseconds with the digits that are worth reading', () => {
    expect([ms(1234), ms(23_456), ms(345_678), ms(Number.POSITIVE_INFINITY)]).toEqual(['1.23', '23.5', '346', 'never']);
  });

  it('takes quantiles by nearest rank', () => {
    expect([quantile([3, 1, 2], 0.5), quantile([3, 1, 2], 0.99)]).toEqual([2, 3]);
    expect(quantile([], 0.5)).toBeNaN();
  });
});
