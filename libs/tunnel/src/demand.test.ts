import { describe, expect, it } from 'vitest';
import { Clock } from './clock.js';
import { Demand } from './demand.js';

const MS = 1_000;

/** Notes a packet every `stepUs` for `durationUs`, and asks every 200 ms as plans do. Answers the last figures. */
function stream(demand: Demand, clock: Clock, bytes: number, stepUs: number, durationUs: number, flows = 1) {
  let figures = demand.snapshot(clock.nowUs);
  const endUs = clock.nowUs + durationUs;
  for (let i = 0; clock.nowUs < endUs; i++) {
    demand.note(bytes, i % flows, clock);
    clock.nowUs += stepUs;
    if (Math.floor(clock.nowUs / (200 * MS)) > Math.floor((clock.nowUs - stepUs) / (200 * MS)))
      figures = demand.snapshot(clock.nowUs);
  }
  return figures;
}

function begun() {
  const clock = new Clock();
  clock.nowUs = 10_000 * MS;
  return { clock, demand: new Demand() };
}

describe('what a class sends', () => {
  it('is known within one plan when it starts, with packet size and flows', () => {
    const { clock, demand } = begun();
    const figures = stream(demand, clock, 1250, 2 * MS, 200 * MS, 3);
    expect(figures.demandBps).toBeGreaterThan(4.5e6);
    expect(figures.demandBps).toBeLessThan(5.5e6);
    expect(figures).toMatchObject({ packetBytes: 1250, flows: 3 });
    expect(demand.rateBps).toBe(figures.demandBps);
  });

  it('fades over about a second when it becomes less, so that a pause between two pictures is no end', () => {
    const { clock, demand } = begun();
    stream(demand, clock, 1250, 2 * MS, 2_000 * MS);
    const after = (ms: number) => stream(demand, clock, 125, 2 * MS, ms * MS).demandBps;
    expect(after(200)).toBeGreaterThan(3.5e6);
    expect(after(800)).toBeLessThan(3e6);
    expect(after(5_000)).toBeLessThan(0.6e6);
  });

  it('is, when it comes anew after a pause, what comes now', () => {
    const { clock, demand } = begun();
    stream(demand, clock, 1250, 2 * MS, 1_000 * MS);
    clock.nowUs += 20_000 * MS;
    demand.snapshot(clock.nowUs);
    clock.nowUs += 5_000 * MS;
    for (let i = 0; i < 10; i++) {
      demand.note(1250, 1, clock);
      clock.nowUs += 2 * MS;
    }
    expect(demand.peekBps(clock)).toBeCloseTo(5e6, -5);
  });

  it('is asked of the last figures while there is too little of the new', () => {
    const { clock, demand } = begun();
    const { demandBps } = stream(demand, clock, 1250, 2 * MS, 1_000 * MS);
    demand.note(1250, 1, clock);
    clock.nowUs += 1 * MS;
    expect(demand.peekBps(clock)).toBe(demandBps);
  });

  it('is counted from the beginning, whatever was asked meanwhile', () => {
    const { clock, demand } = begun();
    stream(demand, clock, 100, 10 * MS, 1_000 * MS);
    clock.nowUs += 5_000 * MS;
    stream(demand, clock, 300, 10 * MS, 1_000 * MS);
    expect([demand.allPackets, demand.allBytes]).toEqual([200, 40_000]);
  });

  it('of many flows is several, and of one is one', () => {
    const { clock, demand } = begun();
    expect(stream(demand, clock, 100, 1 * MS, 400 * MS, 40).flows).toBeGreaterThan(30);
    expect(stream(demand, clock, 100, 1 * MS, 400 * MS, 1).flows).toBe(1);
  });
});
