import { describe, expect, it } from 'vitest';
import { AckSample } from './control.js';
import { Cubic } from './cubic.js';

const RTT_US = 40_000;

/** Rounds in which the whole window is acknowledged, one by one. Answers by how much it grew. */
function grow(cubic: Cubic, rounds: number, fromUs: number): number {
  const before = cubic.window;
  const sample = new AckSample();
  for (let round = 0; round < rounds; round++) {
    const count = Math.floor(cubic.window);
    for (let i = 0; i < count; i++) {
      sample.nowUs = fromUs + (round + i / count) * RTT_US;
      sample.rttUs = RTT_US;
      sample.acknowledged = 1;
      sample.windowLimited = true;
      cubic.acknowledged(sample);
    }
  }
  return cubic.window / before;
}

describe('cubic above its slow start threshold', () => {
  it('grows by a twentieth a round trip while it has not met a loss', () => {
    const cubic = new Cubic();
    cubic.window = 100;
    cubic.slowStartThreshold = 100;
    expect(grow(cubic, 10, 1e6)).toBeCloseTo(1.05 ** 10, 1);
  });

  it('by its curve after one', () => {
    const cubic = new Cubic();
    cubic.window = 1_000;
    cubic.congestion();
    cubic.recovered();
    cubic.window = 1_000;
    cubic.slowStartThreshold = 700;
    expect(grow(cubic, 10, 1e6)).toBeLessThan(1.01);
  });
});
