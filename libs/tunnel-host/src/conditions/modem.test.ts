import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseModem, parseModemList } from './modem.js';

const recorded = (name: string) =>
  readFileSync(new URL(`../../test/fixture/mmcli/${name}.json`, import.meta.url), 'utf8');

describe('an answer of mmcli', () => {
  it('names the modems', () => {
    const text = '{"modem-list":["/org/freedesktop/ModemManager1/Modem/0","/org/freedesktop/ModemManager1/Modem/12"]}';
    expect(parseModemList(text)).toEqual([
      '/org/freedesktop/ModemManager1/Modem/0',
      '/org/freedesktop/ModemManager1/Modem/12',
    ]);
    expect(parseModemList('{"modem-list":[]}')).toEqual([]);
  });

  it('tells of a modem that roams', () => {
    expect(parseModem(recorded('modem-0'))).toEqual({
      interfaces: ['wwan0'],
      roaming: true,
      signal: 0.62,
      operator: 'Orange F',
      technology: 'lte',
    });
  });

  it('tells of a modem at home that has not measured a signal yet', () => {
    expect(parseModem(recorded('modem-3'))).toEqual({
      interfaces: ['wwan1'],
      roaming: false,
      signal: undefined,
      operator: 'Telekom.de',
      technology: 'lte',
    });
  });

  it.each(['', 'error: no modem', '{}', '{"modem":{}}', '{"modem":{"generic":{"ports":"wwan0"}}}'])(
    'that makes no sense is none: %s',
    (text) => {
      expect(parseModem(text)).toBeUndefined();
      expect(parseModemList(text)).toBeUndefined();
    },
  );

  it.each([
    ['0', 'yes', 0],
    ['0', 'no', undefined],
    ['100', 'no', 1],
    ['--', 'yes', undefined],
    ['', 'yes', undefined],
    ['130', 'yes', undefined],
  ])('with a signal quality of %s, recent: %s, gives %s', (value, recent, expected) => {
    const text = JSON.stringify({ modem: { generic: { 'signal-quality': { value, recent } } } });
    expect(parseModem(text)?.signal).toBe(expected);
  });
});
