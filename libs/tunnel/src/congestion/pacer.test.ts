import { describe, expect, it } from 'vitest';
import { Clock, Earliest } from '../clock.js';
import { Pacer } from './pacer.js';

const MBIT = 1 / 8; // bytes per microsecond

function pacer(rate: number, reachUs = 100_000, clock = new Clock()) {
  const made = new Pacer();
  clock.nowUs = 0;
  made.forget();
  made.rate = rate;
  made.capacity = rate;
  made.reachUs = reachUs;
  made.patienceUs = 50_000;
  made.apply(clock);
  return { pacer: made, clock };
}

/** Sends all it may for a while, asked every `stepUs`. */
function fill(
  { pacer, clock }: { pacer: Pacer; clock: Clock },
  untilUs: number,
  stepUs: number,
  bytes: number,
): number {
  let sent = 0;
  for (; clock.nowUs < untilUs; clock.nowUs += stepUs) {
    while (pacer.maySend(bytes, clock)) {
      pacer.sent(bytes, clock);
      pacer.settle(bytes, clock);
      sent += bytes;
    }
  }
  return sent;
}

describe('the pacer', () => {
  it('sends at its rate, also when it is asked only every millisecond', () => {
    for (const stepUs of [10, 900]) {
      const sent = fill(pacer(100 * MBIT), 1_000_000, stepUs, 1400);
      expect((sent * 8) / 1e6).toBeGreaterThan(99.5);
      expect((sent * 8) / 1e6).toBeLessThan(100.5);
    }
  });

  it('lets two packets out at once at low rates, a millisecond of the rate at high ones', () => {
    const atOnce = (rate: number) => {
      const { pacer: made, clock } = pacer(rate);
      let packets = 0;
      for (; made.maySend(1400, clock); packets++) made.sent(1400, clock);
      return packets;
    };
    expect(atOnce(1 * MBIT)).toBeLessThanOrEqual(2);
    expect(atOnce(10 * MBIT)).toBeLessThanOrEqual(2);
    expect(atOnce(1000 * MBIT)).toBeGreaterThanOrEqual(89);
    expect(atOnce(1000 * MBIT)).toBeLessThanOrEqual(91);
  });

  it('stops at the window, and goes on when something arrived', () => {
    const { pacer: made, clock } = pacer(80 * MBIT, 10_000);
    expect(made.windowBytes).toBe(100_000);
    for (; clock.nowUs < 40_000; clock.nowUs += 100) while (made.maySend(1000, clock)) made.sent(1000, clock);
    expect(made.inFlightBytes).toBe(100_000);
    expect(made.refused).toBe(true);
    made.settle(3_000, clock);
    expect(made.maySend(1000, clock)).toBe(true);
  });

  it('lets little more than the window out while nothing is heard', () => {
    const { pacer: made, clock } = pacer(80 * MBIT, 10_000);
    for (; clock.nowUs < 1_000_000; clock.nowUs += 100) while (made.maySend(1000, clock)) made.sent(1000, clock);
    // Every 50 ms of silence what 10 ms carry.
    expect(made.inFlightBytes).toBeGreaterThan(100_000);
    expect(made.inFlightBytes).toBeLessThanOrEqual(100_000 + 20 * 101_000);
    expect(made.inFlightBytes).toBeLessThan(0.25 * 80 * MBIT * 1_000_000);
  });

  it('lets urgent packets go at a quarter of the capacity when it refuses others', () => {
    const { pacer: made, clock } = pacer(80 * MBIT);
    let urgent = 0;
    for (; clock.nowUs < 1_000_000; clock.nowUs += 500) {
      while (made.maySend(1000, clock)) {
        made.sent(1000, clock);
        made.settle(1000, clock);
      }
      while (made.mayOverdraw(100, clock)) {
        made.sent(100, clock);
        made.settle(100, clock);
        urgent += 100;
      }
    }
    expect(urgent).toBeGreaterThan(2_000_000);
    expect(urgent).toBeLessThan(2_700_000);
  });

  it('keeps what is owed in bytes when the rate changes', () => {
    const { pacer: made, clock } = pacer(1 * MBIT);
    for (let i = 0; i < 2; i++) made.sent(1250, clock);
    const waitUs = made.waitUs(clock);
    expect(waitUs).toBe(20_000 - 12_000);
    made.rate = 10 * MBIT;
    made.capacity = 10 * MBIT;
    made.apply(clock);
    expect(made.waitUs(clock)).toBe(2_000 - 1_200);
  });

  it('names a deadline at which it lets something out', () => {
    const { pacer: made, clock } = pacer(2 * MBIT);
    const earliest = new Earliest();
    let sent = 0;
    while (clock.nowUs < 1_000_000) {
      while (made.maySend(1400, clock)) {
        made.sent(1400, clock);
        made.settle(1400, clock);
        sent++;
      }
      earliest.reset();
      made.noteDeadline(earliest);
      expect(earliest.us).toBeGreaterThan(clock.nowUs);
      clock.nowUs = earliest.us;
      expect(made.maySend(1400, clock)).toBe(true);
    }
    expect(sent).toBeGreaterThan(175);
    expect(sent).toBeLessThan(183);
  });
});
