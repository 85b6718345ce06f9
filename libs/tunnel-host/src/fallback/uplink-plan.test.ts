import { describe, expect, test } from 'vitest';
import { type Sight, UplinkPlan, type Verdict } from './uplink-plan.js';

/** A plan whose pauses are exactly as long as their mean, and a clock for it. */
function planned() {
  const plan = new UplinkPlan(() => 0.5);
  let nowMs = 1_000_000;
  const look = (sight: Partial<Sight> = {}): Verdict =>
    plan.look({ nowMs, udp: 'dead', besides: false, stream: undefined, ...sight });
  /** Looks twice a second for `ms`; answers what was decided, and when. */
  const pass = (ms: number, sight: Partial<Sight> = {}): [Verdict, number][] => {
    const decided: [Verdict, number][] = [];
    for (let at = 0; at < ms; at += 500) {
      nowMs += 500;
      const verdict = look(sight);
      if (verdict !== 'stay') decided.push([verdict, at + 500]);
    }
    return decided;
  };
  /** How long it takes until `wanted` is decided; nothing else may be before. */
  const until = (wanted: Verdict, sight: Partial<Sight> = {}): number => {
    for (let ms = 500; ms <= 100_000; ms += 500) {
      const [decided] = pass(500, sight);
      if (decided === undefined) continue;
      expect(decided[0]).toBe(wanted);
      return ms;
    }
    throw new Error(`${wanted} was never decided`);
  };
  const now = () => nowMs;
  return { plan, look, pass, until, now };
}

describe('an uplink whose UDP gets nowhere', () => {
  test('tries TLS after 3 s when no other works', () => {
    const { look, pass } = planned();
    expect(look()).toBe('stay');
    expect(pass(10_000)).toEqual([['dial', 3000]]);
  });

  test('tries it after 10 s while another works, and sooner when that fails, too', () => {
    const { look, pass } = planned();
    look({ besides: true });
    expect(pass(9_500, { besides: true })).toEqual([]);
    expect(pass(500, { besides: true })).toEqual([['dial', 500]]);
    const other = planned();
    other.look({ besides: true });
    other.pass(4_000, { besides: true });
    expect(other.look({ besides: false })).toBe('dial');
  });

  test('never tries it while UDP works now and then, or an operator holds the path', () => {
    const { pass } = planned();
    for (let i = 0; i < 20; i++) {
      expect(pass(2_500)).toEqual([]);
      expect(pass(500, { udp: 'up' })).toEqual([]);
    }
    expect(pass(60_000, { udp: 'blocked' })).toEqual([]);
  });

  test('waits longer after each failure, up to a minute, and starts over with a new address', () => {
    const { plan, look, pass, now } = planned();
    look();
    const pauses: number[] = [];
    pass(3_000);
    for (let i = 0; i < 8; i++) {
      plan.ended(now());
      pauses.push(pass(60_000)[0][1]);
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    plan.ended(now());
    plan.moved();
    expect(look()).toBe('dial');
  });

  test('spreads its attempts', () => {
    const first = (random: number) => {
      const plan = new UplinkPlan(() => random);
      plan.look({ nowMs: 0, udp: 'dead', besides: false, stream: undefined });
      plan.look({ nowMs: 3000, udp: 'dead', besides: false, stream: undefined });
      plan.ended(3000);
      let at = 3000;
      while (plan.look({ nowMs: at, udp: 'dead', besides: false, stream: undefined }) !== 'dial') at += 10;
      return at - 3000;
    };
    expect([first(0), first(0.999)]).toEqual([750, 1250]);
  });
});

describe('an uplink that goes over TLS', () => {
  function opened() {
    const all = planned();
    all.look();
    all.pass(3_000);
    all.plan.opened(all.now());
    return all;
  }

  test('leaves it when UDP has worked for 5 s without a break', () => {
    const { pass } = opened();
    expect(pass(60_000, { stream: true })).toEqual([]);
    expect(pass(4_500, { stream: true, udp: 'up' })).toEqual([]);
    expect(pass(500, { stream: true })).toEqual([]);
    expect(pass(6_000, { stream: true, udp: 'up' })).toEqual([['leave', 5500]]);
  });

  test('stays longer each time that UDP fails again soon, up to a minute', () => {
    const { plan, until, now } = opened();
    const stays: number[] = [];
    for (let i = 0; i < 7; i++) {
      const after = until('leave', { stream: true, udp: 'up' });
      stays.push(after - 500);
      until('dial');
      plan.opened(now());
    }
    expect(stays).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000, 60_000]);
  });

  test('gives up an attempt when UDP works', () => {
    const { look, pass } = planned();
    look();
    expect(pass(3_000)).toEqual([['dial', 3000]]);
    expect(pass(500, { udp: 'up' })).toEqual([['leave', 500]]);
  });

  test('opens another connection when nothing comes over it for 8 s', () => {
    const { pass } = opened();
    expect(pass(7_500, { stream: false })).toEqual([]);
    expect(pass(500, { stream: false })).toEqual([['renew', 500]]);
    expect(pass(1_000)).toEqual([['dial', 1000]]);
  });

  test('forgets earlier failures once something came', () => {
    const { plan, pass, now } = planned();
    pass(3_500);
    for (let i = 0; i < 4; i++) plan.ended(now());
    expect(pass(10_000)).toHaveLength(1);
    plan.opened(now());
    pass(1_000, { stream: true });
    plan.ended(now());
    expect(pass(1_000)).toEqual([['dial', 1000]]);
  });
});
