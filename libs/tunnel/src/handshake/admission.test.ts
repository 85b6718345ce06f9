import { describe, expect, it } from 'vitest';
import { seededRandom, testPrimitives } from '../../test/node-primitives.js';
import { addressRecord } from '../address.js';
import { Budget, CookieJar, LoadEstimate, SourceLimit } from './admission.js';

const SECOND = 1_000_000;

describe('a budget', () => {
  it('gives a tenth of a second at once, then its rate', () => {
    const budget = new Budget(1000);
    const taken = (count: number, nowUs: number) =>
      Array.from({ length: count }, () => budget.take(nowUs)).filter((given) => given).length;
    expect(taken(500, 0)).toBe(100);
    expect(taken(500, 10_000)).toBe(10);
    expect(taken(500, 3600 * SECOND)).toBe(100);
  });
});

describe('the load', () => {
  it('is that of this second or the one before', () => {
    const load = new LoadEstimate(3);
    const notes = [0, 0.1, 0.2, 0.3, 1.2, 2.1, 2.2].map((second) => load.note(second * SECOND));
    // The fourth exceeds 3; the second after it still remembers; the one after that does not.
    expect(notes).toEqual([false, false, false, true, true, false, false]);
  });

  it('is forgotten over a long pause', () => {
    const load = new LoadEstimate(0);
    expect(load.note(0)).toBe(true);
    const quiet = new LoadEstimate(1);
    quiet.note(0);
    quiet.note(0);
    expect(quiet.note(100 * SECOND)).toBe(false);
  });
});

describe('cookies', () => {
  it('made before a long pause are worth nothing after it', () => {
    const jar = new CookieJar(testPrimitives, seededRandom('jar'));
    const source = new Uint8Array(24).fill(1);
    const data = new Uint8Array(10);
    const mac2 = (cookie: Uint8Array) => testPrimitives.hmacBlake2s(cookie, data).slice(0, 16);
    const cookie = jar.cookie(source, 0);
    expect(jar.proves(source, data, mac2(cookie), 0)).toBe(true);
    expect(jar.proves(source, data, mac2(cookie), 239 * SECOND)).toBe(true);
    expect(jar.proves(source, data, mac2(cookie), 240 * SECOND + 239 * SECOND)).toBe(false);
    const late = new CookieJar(testPrimitives, seededRandom('late'));
    const early = late.cookie(source, 0);
    expect(late.proves(source, data, mac2(early), 240 * SECOND)).toBe(false);
  });
});

describe('the limit by source', () => {
  const source = (i: number) => addressRecord(Uint8Array.of(10, i >> 16, i >> 8, i), 1);

  it('remembers a bounded number of sources, and forgets those that became quiet', () => {
    const limit = new SourceLimit();
    const admitted = (from: number, count: number, nowUs: number) => {
      let sum = 0;
      for (let i = from; i < from + count; i++) if (limit.admits(source(i), 0, nowUs)) sum++;
      return sum;
    };
    expect(admitted(0, 5000, 0)).toBe(4096);
    expect(admitted(0, 4096, 0)).toBe(4096);
    expect(admitted(10_000, 10, 0.9 * SECOND)).toBe(0);
    expect(admitted(10_000, 5000, SECOND)).toBe(4096);
  });

  it('takes the address, not the port', () => {
    const limit = new SourceLimit();
    let admitted = 0;
    for (let port = 0; port < 100; port++) {
      if (limit.admits(addressRecord(Uint8Array.of(192, 0, 2, 1), port), 0, 0)) admitted++;
    }
    expect(admitted).toBe(20);
  });
});
