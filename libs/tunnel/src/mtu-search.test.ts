import { describe, expect, it } from 'vitest';
import { MTU_FLOOR, MTU_PROBE_TRIES, MTU_STEP } from './constants.js';
import { MtuSearch } from './mtu-search.js';

/** Plays a search against a path that carries up to `limit` bytes and loses what `lost` says. Answers its probes. */
function play(search: MtuSearch, limit: number, lost: () => boolean = () => false): number {
  let probes = 0;
  for (let rounds = 0; !search.isDone; rounds++) {
    if (rounds > 60) throw new Error('the search has no end');
    const sizes = search.round();
    probes += sizes.length;
    let goesOn = false;
    for (const size of sizes) if (size <= limit && !lost()) goesOn = search.arrived(size) || goesOn;
    if (!goesOn) search.over();
  }
  return probes;
}

describe('the search for the size of a path', () => {
  it('is over with one probe where the full size passes', () => {
    const search = new MtuSearch(1440);
    expect(search.round()).toEqual([1440]);
    expect(play(search, 1440)).toBe(1);
    expect(search.result).toBe(1440);
  });

  it('comes within a step of every limit, and never above it', () => {
    for (const full of [1240, 1300, 1440, 1500, 1940]) {
      for (let limit = MTU_FLOOR; limit <= full; limit++) {
        const search = new MtuSearch(full);
        const probes = play(search, limit);
        expect(search.result, `${limit} of ${full}`).toBeLessThanOrEqual(limit);
        expect(search.result, `${limit} of ${full}`).toBeGreaterThan(limit - MTU_STEP);
        expect(probes).toBeLessThan(50);
      }
    }
  });

  it('does not miss by a few bytes the size that is sent most', () => {
    for (let limit = 1440; limit < 1444; limit++) {
      const search = new MtuSearch(1444, 1440);
      play(search, limit);
      expect(search.result, `${limit}`).toBe(1440);
    }
    const smaller = new MtuSearch(1444, 1440);
    play(smaller, 1439);
    expect(smaller.result).toSatisfy((size: number) => size > 1439 - MTU_STEP && size <= 1439);
  });

  it('needs no probe where the full size passes everywhere', () => {
    const search = new MtuSearch(MTU_FLOOR);
    expect(search.round()).toEqual([]);
    expect(search).toMatchObject({ isDone: true, result: MTU_FLOOR });
  });

  it('assumes nothing until the full size was lost as often as it takes', () => {
    const search = new MtuSearch(1440);
    for (let tries = 1; tries < MTU_PROBE_TRIES; tries++) {
      search.over();
      expect(search.result).toBe(0);
      expect(search.round()[0]).toBe(1440);
    }
    search.over();
    expect(search.result).toBe(MTU_FLOOR);
  });

  it('takes an answer that comes late', () => {
    const search = new MtuSearch(1440);
    for (let tries = 0; tries < MTU_PROBE_TRIES; tries++) search.over();
    expect(search.result).toBe(MTU_FLOOR);
    search.arrived(1440);
    expect(search).toMatchObject({ isDone: true, result: 1440 });
  });

  it('keeps what was known while it begins afresh, and finds less', () => {
    const search = new MtuSearch(1440);
    play(search, 1440);
    search.restart();
    expect(search.result).toBe(1440);
    play(search, 1300);
    expect(search.result).toBeLessThanOrEqual(1300);
    expect(search.result).toBeGreaterThan(1300 - MTU_STEP);
  });

  it('rises with the path, and stays where the path does', () => {
    const search = new MtuSearch(1440);
    play(search, 1300);
    const before = search.result;
    search.raise();
    play(search, 1300);
    expect(search.result).toBeGreaterThanOrEqual(before);
    expect(search.result).toBeLessThanOrEqual(1300);
    search.raise();
    play(search, 1400);
    expect(search.result).toBeGreaterThan(1400 - MTU_STEP);
    search.raise();
    play(search, 1440);
    expect(search.result).toBe(1440);
  });

  it('never ends above the limit, whatever else is lost', () => {
    let seed = 7;
    const lost = () => {
      seed = (seed * 48271) % 0x7fffffff;
      return seed % 100 < 30;
    };
    for (let limit = MTU_FLOOR; limit <= 1440; limit += 3) {
      const search = new MtuSearch(1440);
      play(search, limit, lost);
      expect(search.result).toBeGreaterThanOrEqual(MTU_FLOOR);
      expect(search.result).toBeLessThanOrEqual(limit);
    }
  });
});
