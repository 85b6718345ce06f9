import { describe, expect, it } from 'vitest';
import { periodStart, UsageMeter } from './usage-meter.js';

const MONTHLY = { bytes: 1e9, resetDay: 15 } as const;
const WEEKLY = { bytes: 1e9, perDays: 7 } as const;
const utc = (text: string) => Date.parse(`${text}Z`);

const look = (bytes: number, ifindex = 3) => ({ name: 'wwan0', ifindex, bytes });

/** A meter that has seen `wwan0` at zero. */
function meter(bootId = 'boot-1'): UsageMeter {
  const made = new UsageMeter(bootId);
  made.count(look(0));
  return made;
}

/** The process ended and another one took over what was stored. */
function restarted(before: UsageMeter, bootId = 'boot-1'): UsageMeter {
  const after = new UsageMeter(bootId);
  expect(after.load(before.stored())).toBe(true);
  return after;
}

describe('the usage of an uplink', () => {
  it('counts from the first look on', () => {
    const usage = new UsageMeter('boot-1');
    usage.count(look(5000));
    expect(usage.usedBytes('wwan0')).toBe(0);
    usage.count(look(5700));
    usage.count(look(6000));
    expect(usage.usedBytes('wwan0')).toBe(1000);
    expect(usage.usedBytes('wwan1')).toBe(0);
  });

  it('counts on what went over while the process was away', () => {
    const usage = meter();
    usage.count(look(1000));
    const after = restarted(usage);
    after.count(look(1500));
    expect(after.usedBytes('wwan0')).toBe(1500);
  });

  it('counts all of an interface that was made anew, or of a new boot, once', () => {
    const usage = meter();
    usage.count(look(1000));
    usage.count(look(300, 9));
    expect(usage.usedBytes('wwan0')).toBe(1300);
    // A larger counter after a boot is no continuation.
    const after = restarted(usage, 'boot-2');
    after.count(look(700, 9));
    after.count(look(700, 9));
    expect(after.usedBytes('wwan0')).toBe(2000);
    // Some drivers begin anew when the modem resets.
    after.count(look(50, 9));
    expect(after.usedBytes('wwan0')).toBe(2050);
  });

  it.each(['', '{', '[]', '{"version":2,"uplinks":{}}', '{"version":1,"uplinks":{"a":{"usedBytes":-1}}}'])(
    'that is stored as %j is refused and counted from zero',
    (text) => {
      const usage = new UsageMeter('boot-1');
      expect(usage.load(text)).toBe(false);
      usage.count(look(10));
      expect(usage.usedBytes('wwan0')).toBe(0);
    },
  );
});

describe('the period', () => {
  it.each([
    ['2026-11-23T10:00', '2026-11-15T00:00'],
    ['2026-11-15T00:00', '2026-11-15T00:00'],
    ['2026-11-14T23:59', '2026-10-15T00:00'],
    ['2027-01-03T00:00', '2026-12-15T00:00'],
  ])('of each month: at %s it began %s', (now, start) => {
    expect(periodStart(MONTHLY, 0, utc(now))).toBe(utc(start));
  });

  it('of some days follows the one before without a gap', () => {
    const anchor = utc('2026-11-01T09:00');
    expect(periodStart(WEEKLY, anchor, utc('2026-11-08T08:59'))).toBe(anchor);
    expect(periodStart(WEEKLY, anchor, utc('2026-11-23T12:00'))).toBe(utc('2026-11-22T09:00'));
  });

  it('that ends begins from zero, once', () => {
    const usage = meter();
    usage.roll('wwan0', MONTHLY, utc('2026-11-14T12:00'));
    usage.count(look(1000));
    expect(usage.roll('wwan0', MONTHLY, utc('2026-11-15T00:00'))).toBe(true);
    usage.count(look(1400));
    expect(usage.roll('wwan0', MONTHLY, utc('2026-11-16T00:00'))).toBe(false);
    expect(usage.usedBytes('wwan0')).toBe(400);
    expect(usage.sinceMs('wwan0')).toBe(utc('2026-11-15T00:00'));
  });

  it('does not end because the time becomes known for the first time', () => {
    const usage = meter();
    usage.count(look(1000));
    expect(usage.sinceMs('wwan0')).toBeUndefined();
    expect(usage.roll('wwan0', MONTHLY, utc('2026-11-20T00:00'))).toBe(false);
    expect(usage.usedBytes('wwan0')).toBe(1000);
  });

  it('does not end when the time goes back, and a time that was years ahead does not make it last for years', () => {
    const usage = meter();
    usage.roll('wwan0', MONTHLY, utc('2031-05-20T00:00'));
    usage.count(look(1000));
    expect(usage.roll('wwan0', MONTHLY, utc('2026-11-20T00:00'))).toBe(false);
    expect(usage.usedBytes('wwan0')).toBe(1000);
    expect(usage.roll('wwan0', MONTHLY, utc('2026-12-15T00:00'))).toBe(true);
    expect(usage.usedBytes('wwan0')).toBe(0);
  });

  it('that is over when the machine comes back ends at the first trusted time', () => {
    const usage = meter();
    usage.roll('wwan0', WEEKLY, utc('2026-11-01T00:00'));
    usage.count(look(1000));
    const after = restarted(usage, 'boot-2');
    after.count(look(20));
    expect(after.usedBytes('wwan0')).toBe(1020);
    expect(after.roll('wwan0', WEEKLY, utc('2026-12-01T00:00'))).toBe(true);
    expect(after.usedBytes('wwan0')).toBe(0);
    expect(after.sinceMs('wwan0')).toBe(utc('2026-11-29T00:00'));
  });
});

it('over random lives of the machine adds up to what went over the uplink', () => {
  let state = 7;
  const below = (limit: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return state % limit;
  };
  let usage = new UsageMeter('boot-0');
  let boot = 0;
  let ifindex = 3;
  let counter = 0;
  let total = 0;
  usage.count({ name: 'wwan0', ifindex, bytes: 0 });
  for (let step = 0; step < 5000; step++) {
    const what = below(12);
    if (what === 0) {
      // The machine boots; it wrote in good order before.
      usage = restarted(usage, `boot-${++boot}`);
      counter = 0;
    } else if (what === 1) {
      ifindex++;
      counter = 0;
    } else if (what === 2) usage = restarted(usage, `boot-${boot}`);
    const bytes = below(1_000_000);
    counter += bytes;
    total += bytes;
    usage.count({ name: 'wwan0', ifindex, bytes: counter });
  }
  expect(usage.usedBytes('wwan0')).toBe(total);
});
