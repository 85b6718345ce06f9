import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TestClock } from '../../test/registry.js';
import { CHALLENGE_SECONDS, Challenges } from './challenges.js';

const DEVICES = ['0192d3a0-0000-7000-8000-000000000001', '0192d3a0-0000-7000-8000-000000000002'] as const;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

function accepts(challenges: Challenges, deviceId: string, challenge: string): boolean {
  try {
    challenges.take(deviceId, challenge);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ kind: 'unauthenticated', code: 'challenge-unknown' });
    return false;
  }
}

describe('challenges', () => {
  it('are good once, for their device, for a minute: as a list of all given ones would have it', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('give' as const), device: fc.nat(1) }),
      fc.record({ do: fc.constant('take' as const), device: fc.nat(1), which: fc.nat(20) }),
      fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 1, max: 40 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const clock = new StillClock();
        const challenges = new Challenges(clock);
        const given: { challenge: string; device: number; atMs: number; used: boolean }[] = [];
        for (const step of steps) {
          if (step.do === 'wait') clock.advance(step.seconds * 1000);
          else if (step.do === 'give') {
            const { challenge } = challenges.give(DEVICES[step.device]!);
            given.push({ challenge, device: step.device, atMs: clock.monotonicMs(), used: false });
          } else if (given.length > 0) {
            const one = given[step.which % given.length]!;
            const young = clock.monotonicMs() - one.atMs < CHALLENGE_SECONDS * 1000;
            const good = one.device === step.device && !one.used && young;
            expect(accepts(challenges, DEVICES[step.device]!, one.challenge)).toBe(good);
            one.used ||= good;
          }
        }
      }),
    );
  });

  it('are ours, letter by letter', () => {
    const challenges = new Challenges(new TestClock());
    const { challenge } = challenges.give(DEVICES[0]);
    fc.assert(
      fc.property(fc.nat(challenge.length - 1), fc.constantFrom(...ALPHABET), (at, letter) => {
        fc.pre(challenge[at] !== letter);
        const changed = challenge.slice(0, at) + letter + challenge.slice(at + 1);
        expect(accepts(challenges, DEVICES[0], changed)).toBe(false);
      }),
    );
    expect(accepts(challenges, DEVICES[0], challenge)).toBe(true);
  });

  it('are never the same, and differ from one process to the next', () => {
    const [one, other] = [new Challenges(new TestClock()), new Challenges(new TestClock())];
    const texts = Array.from({ length: 100 }, () => one.give(DEVICES[0]).challenge);
    expect(new Set(texts).size).toBe(100);
    expect(accepts(other, DEVICES[0], texts[0]!)).toBe(false);
  });
});

/** Stands still until it is told to go. */
class StillClock extends TestClock {
  readonly #startMs = super.monotonicMs();
  #waitedMs = 0;

  override advance(ms: number): void {
    this.#waitedMs += ms;
  }

  override monotonicMs(): number {
    return this.#startMs + this.#waitedMs;
  }
}
