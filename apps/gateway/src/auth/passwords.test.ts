import { describe, expect, it } from 'vitest';
import { Attempts } from './attempts.js';
import { generatePassword, Passwords } from './passwords.js';

describe('passwords', () => {
  const passwords = new Passwords();

  it('are kept as argon2id, each with a salt of its own', async () => {
    const [a, b] = await Promise.all([passwords.hash('the same one'), passwords.hash('the same one')]);
    expect(a).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect(a).not.toBe(b);
    expect(await passwords.verify(a, 'the same one')).toBe(true);
    expect(await passwords.verify(a, 'another one')).toBe(false);
  });

  it('of nobody are never right, and are looked at all the same', async () => {
    expect(await passwords.verify(undefined, '')).toBe(false);
    expect(await passwords.verify(undefined, 'anything')).toBe(false);
  });

  it('are checked a few at a time; a crowd is turned away, and what waits is served', async () => {
    const attempts = await Promise.allSettled(Array.from({ length: 60 }, () => passwords.verify(undefined, 'x')));
    const refused = attempts.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const attempt of refused) expect((attempt as PromiseRejectedResult).reason).toMatchObject({ code: 'busy' });
    expect(attempts.length - refused.length).toBeGreaterThanOrEqual(32);
    expect(await passwords.verify(undefined, 'x')).toBe(false);
  });

  it('are generated long, different, and without letters that look alike', () => {
    const some = Array.from({ length: 500 }, generatePassword);
    expect(new Set(some).size).toBe(500);
    for (const password of some) expect(password).toMatch(/^[a-km-zA-HJ-NP-Z2-9]{20}$/);
  });
});

describe('attempts', () => {
  it('are limited within a window, by key, and forgotten after it', () => {
    let now = 0;
    const attempts = new Attempts({ failures: 2, windowMs: 1_000 }, () => now);
    attempts.failed('a');
    expect(attempts.waitSeconds('a')).toBe(0);
    attempts.failed('a');
    expect(attempts.waitSeconds('a')).toBe(1);
    expect(attempts.waitSeconds('b')).toBe(0);
    now = 1_000;
    expect(attempts.waitSeconds('a')).toBe(0);
    attempts.failed('a');
    expect(attempts.waitSeconds('a')).toBe(0);
  });

  it('are taken back and forgotten on success', () => {
    const attempts = new Attempts({ failures: 1, windowMs: 1_000 }, () => 0);
    attempts.failed('a');
    attempts.takeBack('a');
    expect(attempts.waitSeconds('a')).toBe(0);
    attempts.failed('a');
    attempts.forget('a');
    expect(attempts.waitSeconds('a')).toBe(0);
  });

  it('of endless keys do not fill the memory: the oldest go', () => {
    const attempts = new Attempts({ failures: 1, windowMs: 1_000 }, () => 0);
    for (let key = 0; key < 20_000; key++) attempts.failed(`${key}`);
    expect(attempts.waitSeconds('0')).toBe(0);
    expect(attempts.waitSeconds('19999')).toBe(1);
  });
});
