import { describe, expect, test } from 'vitest';
import { TrustedClock } from './trusted-clock.js';

/** A machine whose monotonic clock the test turns. */
function machine(monoMs: number) {
  const at = { monoMs };
  return { at, mono: () => at.monoMs };
}

const NOV = Date.parse('2026-11-23T08:00:00Z');

describe('the trusted clock', () => {
  test('knows nothing before the gateway has spoken', () => {
    const clock = new TrustedClock(undefined, 'boot-1', () => 5000);
    expect(clock.nowMs()).toBeUndefined();
    expect(clock.notBeforeMs()).toBeUndefined();
    expect(clock.tokenLeftMs).toBe(Number.NEGATIVE_INFINITY);
  });

  test('counts on from what the gateway said, whatever the wall clock shows', () => {
    const { at, mono } = machine(1000);
    const clock = new TrustedClock(undefined, 'boot-1', mono);
    clock.learn(NOV, 900, 1000);
    at.monoMs += 60_000;
    expect(clock.nowMs()).toBe(NOV + 60_000);
    expect(clock.tokenLeftMs).toBe(840_000);
  });

  test('survives a restart of the agent', () => {
    const { at, mono } = machine(1000);
    const stored = new TrustedClock(undefined, 'boot-1', mono).learn(NOV, 900, 1000);
    at.monoMs += 30_000;
    const again = new TrustedClock(stored, 'boot-1', mono);
    expect(again.nowMs()).toBe(NOV + 30_000);
    expect(again.tokenLeftMs).toBe(870_000);
  });

  test('after a boot knows only that it is not earlier', () => {
    const stored = new TrustedClock(undefined, 'boot-1', () => 9_000_000).learn(NOV, 900, 9_000_000);
    const { at, mono } = machine(20_000);
    const clock = new TrustedClock(stored, 'boot-2', mono);
    at.monoMs += 5_000;
    expect(clock.nowMs()).toBeUndefined();
    expect(clock.notBeforeMs()).toBe(NOV + 5_000);
    expect(clock.tokenLeftMs).toBe(Number.NEGATIVE_INFINITY);
  });
});
