import { describe, expect, it } from 'vitest';
import { EarlyWarnings, noise, type WarningFigures } from './index.js';

const STEP_US = 200_000;

/** Leads a watch through steps of 200 ms; answers at which of them which warnings were in force, as text where any. */
function watched(steps: number, figuresAt: (step: number) => Partial<WarningFigures>): string[] {
  const watch = new EarlyWarnings();
  return Array.from({ length: steps }, (_, step) =>
    watch
      .update({
        nowUs: 1_000_000 + step * STEP_US,
        delayVariationUs: 2_000,
        jitterUs: 1_000,
        lossRatio: 0,
        burstPackets: 0,
        silence: 0,
        signal: undefined,
        isFilled: false,
        ...figuresAt(step),
      })
      .join(' '),
  );
}

/** First and last step at which `kind` was in force; undefined when never. */
function span(inForce: readonly string[], kind: string): [number, number] | undefined {
  const at = inForce.flatMap((kinds, step) => (kinds.split(' ').includes(kind) ? [step] : []));
  return at.length === 0 ? undefined : [at[0], at[at.length - 1]];
}

describe('early warnings', () => {
  it('are silent on a noisy path that is as it always is', () => {
    const random = noise(7);
    const inForce = watched(1_000, () => ({
      delayVariationUs: random() * 40_000,
      jitterUs: 13_000,
      lossRatio: 0.02 + random() * 0.02,
      burstPackets: 1 + random() * 2,
      silence: random() * 0.55,
      signal: 0.5 + random() * 0.2,
    }));
    expect(inForce.filter((kinds) => kinds !== '')).toEqual([]);
  });

  it('see a delay that grows before it is high, and calm down a second after it stopped', () => {
    const inForce = watched(60, (step) => ({
      delayVariationUs: 2_000 + Math.min(Math.max(0, step - 20), 15) * 12_000,
    }));
    const [from, to] = span(inForce, 'delay') ?? [];
    expect(from).toBeLessThanOrEqual(24);
    expect(from).toBeGreaterThan(20);
    expect(to).toBeGreaterThanOrEqual(35);
    expect(to).toBeLessThanOrEqual(45);
  });

  it.each([
    ['a spike as of a handover', (step: number) => ({ delayVariationUs: step === 20 ? 150_000 : 2_000 })],
    [
      'the own queue of a path that is being filled',
      (step: number) => ({ isFilled: true, delayVariationUs: 2_000 + Math.min(20, Math.max(0, step - 20)) * 8_000 }),
    ],
    ['loss of single packets', (step: number) => ({ lossRatio: step > 20 ? 0.1 : 0, burstPackets: step > 20 ? 1 : 0 })],
  ])('are not raised by %s', (_, figuresAt) => {
    expect(watched(60, figuresAt).filter((kinds) => kinds !== '')).toEqual([]);
  });

  it('see a path that is being filled when its delay runs away all the same', () => {
    const inForce = watched(60, (step) => ({ isFilled: true, delayVariationUs: Math.max(0, step - 20) * 60_000 }));
    expect(span(inForce, 'delay')).toBeDefined();
  });

  it('see bursts of loss, and get used to them', () => {
    const inForce = watched(300, (step) => (step >= 20 ? { lossRatio: 0.08, burstPackets: 5 } : {}));
    const [from, to] = span(inForce, 'loss') ?? [];
    expect(from).toBe(20);
    // Usual after some time constants of 15 s: then it is the path's nature, for which there is repair.
    expect(to).toBeGreaterThan(60);
    expect(to).toBeLessThan(150);
  });

  it('see silence at once and forget it soon after an answer', () => {
    const inForce = watched(30, (step) => ({ silence: step === 10 ? 0.7 : 0 }));
    expect(span(inForce, 'silence')).toEqual([10, 12]);
  });

  it('see a weak signal and a falling one', () => {
    expect(
      span(
        watched(40, (step) => ({ signal: step < 20 ? 0.3 : 0.1 })),
        'signal',
      )?.[0],
    ).toBe(20);
    const falling = watched(40, (step) => ({ signal: Math.max(0.4, 0.9 - Math.max(0, step - 10) * 0.05) }));
    expect(span(falling, 'signal')?.[0]).toBeLessThan(22);
    const wavering = watched(200, (step) => ({ signal: step % 2 === 0 ? 0.16 : 0.24 }));
    expect(span(wavering, 'signal')).toBeUndefined();
  });

  it('answer the same array while nothing changes, and nothing after a reset', () => {
    const watch = new EarlyWarnings();
    const figures = (nowUs: number, signal: number): WarningFigures => ({
      nowUs,
      delayVariationUs: 0,
      jitterUs: 0,
      lossRatio: 0,
      burstPackets: 0,
      silence: 0,
      signal,
      isFilled: false,
    });
    const first = watch.update(figures(0, 0.1));
    expect(first).toEqual(['signal']);
    expect(watch.update(figures(100_000, 0.1))).toBe(first);
    watch.reset();
    expect(watch.update(figures(200_000, 0.5))).toEqual([]);
  });
});
