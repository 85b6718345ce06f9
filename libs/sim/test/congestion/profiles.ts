/** Synthetic cellular links: a rate that walks, and fades to nothing. */
import { Random, type RateProfile } from '../../src/index.js';

const STEP_US = 100_000;

/**
 * @param meanBps about which the rate walks, up to three times above and below
 * @param fadesPerMinute times at which nothing is carried for 0.1 to 1 s
 */
export function cellular(seed: number, seconds: number, meanBps: number, fadesPerMinute: number): RateProfile {
  const random = new Random(seed).fork('cellular');
  const bps: number[] = [];
  let walk = 0;
  let fade = 0;
  for (let step = 0; step < (seconds * 1e6) / STEP_US; step++) {
    walk = 0.97 * walk + 0.3 * (random.next() - 0.5);
    if (fade === 0 && random.next() < (fadesPerMinute * STEP_US) / 60e6) fade = 1 + random.below(10);
    bps.push(fade > 0 ? 0 : meanBps * Math.min(3, Math.max(1 / 3, Math.exp(walk * 2))));
    if (fade > 0) fade--;
  }
  return { stepUs: STEP_US, bps };
}

/** What a profile carries in the mean, bit/s, from one second to another. */
export function carried(profile: RateProfile, fromSeconds: number, toSeconds: number): number {
  const first = Math.floor((fromSeconds * 1e6) / profile.stepUs);
  const last = Math.floor((toSeconds * 1e6) / profile.stepUs);
  let sum = 0;
  for (let step = first; step < last; step++) sum += profile.bps[step % profile.bps.length];
  return sum / (last - first);
}
