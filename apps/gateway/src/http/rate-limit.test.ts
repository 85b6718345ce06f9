import { describe, expect, it } from 'vitest';
import { RateLimit } from './rate-limit.js';

describe('a rate limit', () => {
  let now = 0;
  const make = () => new RateLimit({ perSecond: 2, burst: 3, maxKeys: 2 }, () => now);
  const taken = (limit: RateLimit, key: string, times: number) =>
    Array.from({ length: times }, () => limit.take(key)).filter(Boolean).length;

  it('takes a burst, then its rate, by key', () => {
    const limit = make();
    expect(taken(limit, 'a', 10)).toBe(3);
    expect(taken(limit, 'b', 1)).toBe(1);
    now += 1_000;
    expect(taken(limit, 'a', 10)).toBe(2);
    now += 60_000;
    expect(taken(limit, 'a', 10)).toBe(3);
  });

  it('remembers a bounded number of keys: the one quiet for longest is forgotten', () => {
    const limit = make();
    taken(limit, 'a', 3);
    taken(limit, 'b', 3);
    taken(limit, 'c', 3);
    expect(limit.take('b')).toBe(false);
    expect(limit.take('a')).toBe(true);
  });

  it('is not fooled by a clock that goes back', () => {
    const limit = make();
    now = 10_000;
    limit.take('a');
    now = 0;
    expect(taken(limit, 'a', 10)).toBe(2);
  });
});
