import { impairmentScenarios, link, policy, type Scenario, scenarioNamed, video } from '@corridor/sim';
import { describe, expect, it } from 'vitest';
import { forcedLossBytes } from './physics.js';

const SECOND = 1_000_000;

/** Ten seconds of 5 Mbit/s up over one link. */
function scenario(rateBps: number, steps: Scenario['steps'] = []): Scenario {
  return {
    name: 'one-link',
    description: '',
    durationUs: 12 * SECOND,
    vehicles: 1,
    links: [link('w0', { rateBps, delayUs: 20_000 })],
    traffic: [{ ...video, startUs: SECOND, stopUs: 11 * SECOND }],
    policy: policy({ strategy: 'active-standby' }),
    steps,
  };
}

describe('what physics forces to be lost', () => {
  it('is nothing while there is room', () => {
    expect(forcedLossBytes(scenario(6e6), 'up', SECOND).lost).toBe(0);
    expect(forcedLossBytes(scenario(6e6), 'up', SECOND).wanted).toBeCloseTo((10 * 5e6) / 8, -4);
  });

  it('is what a link that is too slow leaves over, less what waits at its end', () => {
    const { lost } = forcedLossBytes(scenario(2e6), 'up', SECOND);
    // 10 s of 3 Mbit/s too much; the last second's wait carries 2 Mbit.
    expect((lost * 8) / 1e6).toBeCloseTo(30 - 2, 0);
  });

  it('is nothing for a darkness that is shorter than the deadline when the rest catches up', () => {
    const dark = (untilUs: number): Scenario['steps'] => [
      { atUs: 3 * SECOND, action: 'blackout', link: 'w0' },
      { atUs: untilUs, action: 'restore', link: 'w0' },
    ];
    expect(forcedLossBytes(scenario(20e6, dark(3.6 * SECOND)), 'up', SECOND).lost).toBe(0);
    const { lost } = forcedLossBytes(scenario(20e6, dark(5 * SECOND)), 'up', SECOND);
    // Dark for 2 s: what was sent in the first of them cannot wait until the end.
    expect((lost * 8) / 1e6).toBeCloseTo(5, 1);
  });

  it('looks at the direction of a step', () => {
    const steps: Scenario['steps'] = [
      { atUs: 2 * SECOND, action: 'set', link: 'w0', direction: 'down', set: { rateBps: 1 } },
    ];
    expect(forcedLossBytes(scenario(6e6, steps), 'up', SECOND).lost).toBe(0);
  });

  it('is nothing in any impairment of the set, and nothing while one of three links works', () => {
    for (const one of [...impairmentScenarios, scenarioNamed('two-of-three')]) {
      expect(forcedLossBytes(one, 'up', SECOND).lost).toBe(0);
      expect(forcedLossBytes(one, 'down', SECOND).lost).toBe(0);
    }
  });
});
