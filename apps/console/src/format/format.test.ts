import { describe, expect, it } from 'vitest';
import { duration, elapsed, localTime, shortAge, utcTime } from './time.js';
import { formatBytes, formatCount, formatDelay, formatLoss, formatRate, formatSpeed } from './units.js';

const plain = (text: string) => text.replaceAll('\u00a0', ' ');

describe('figures with their units', () => {
  it.each([
    [null, '–'],
    [undefined, '–'],
    [Number.NaN, '–'],
    [0, '0 ms'],
    [820, '0.8 ms'],
    [8_440, '8.4 ms'],
    [9_960, '10 ms'],
    [123_456, '123 ms'],
    [2_820_000, '2820 ms'],
  ])('%s us is %s', (us, text) => expect(plain(formatDelay(us))).toBe(text));

  it.each([
    [null, '–'],
    [0, '0 %'],
    [0.0004, '< 0.1 %'],
    [0.012, '1.2 %'],
    [0.5, '50 %'],
    [1, '100 %'],
  ])('a loss of %s is %s', (ratio, text) => expect(plain(formatLoss(ratio))).toBe(text));

  it.each([
    [0, '0 bit/s'],
    [940, '940 bit/s'],
    [999.7, '1.0 kbit/s'],
    [6_400_000, '6.4 Mbit/s'],
    [12_345_678, '12 Mbit/s'],
    [4.9e9, '4.9 Gbit/s'],
  ])('%s bit/s is %s', (bps, text) => expect(plain(formatRate(bps))).toBe(text));

  it('writes bytes, speeds and counts', () => {
    expect(plain(formatBytes(50e9))).toBe('50 GB');
    expect(plain(formatSpeed(13.9))).toBe('50 km/h');
    expect(plain(formatCount(1, 'vehicle'))).toBe('1 vehicle');
    expect(plain(formatCount(1000, 'vehicle'))).toBe('1,000 vehicles');
  });
});

describe('times', () => {
  it.each([
    [-500, '0 s', '0 s'],
    [12_400, '12 s', '12 s'],
    [65_000, '1 min 5 s', '1 min'],
    [7_200_000, '2 h', '2 h'],
    [7_440_000, '2 h 4 min', '2 h'],
    [442_800_000, '5 d 3 h', '5 d'],
  ])('%s ms last %s, in short %s', (ms, long, short) => {
    expect(plain(duration(ms))).toBe(long);
    expect(plain(shortAge(ms))).toBe(short);
  });

  it('counts what took less than a second exactly', () => {
    expect(plain(elapsed(131.4))).toBe('131 ms');
    expect(plain(elapsed(1_430))).toBe('1.4 s');
    expect(plain(elapsed(65_000))).toBe('1 min 5 s');
  });

  it('names the day only of other days, and UTC in full', () => {
    const at = new Date(2026, 10, 23, 8, 41, 12, 345);
    expect(localTime(at, new Date(2026, 10, 23, 23, 0))).toBe('08:41:12');
    expect(plain(localTime(at, new Date(2026, 10, 24, 0, 1), true))).toBe('2026-11-23 08:41:12.345');
    expect(utcTime(new Date('2026-11-23T07:41:12.345Z'))).toBe('2026-11-23 07:41:12.345 UTC');
  });
});
