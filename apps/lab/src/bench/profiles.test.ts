import { linkPairProfiles } from '@corridor/sim';
import { describe, expect, it } from 'vitest';
import { bestLink, type ProfileEntry, sharesOfBest } from './profiles.js';

const entry: ProfileEntry = {
  profile: 'a-pair',
  load: 'tcp',
  direction: 'up',
  aggregates: true,
  rates: { corridor: [30, 33, 20], mptcp: [10, 11, 20], w0: [10, 11, 40], w1: [20, 22, 10] },
};

describe('shares of the best single link', () => {
  it('takes the link with the highest median as the best', () => {
    expect(bestLink(entry)).toBe('w1');
  });

  it('compares within a run', () => {
    expect(sharesOfBest(entry, 'corridor')).toEqual([1.5, 1.5, 2]);
    expect(sharesOfBest(entry, 'mptcp')).toEqual([0.5, 0.5, 2]);
    expect(sharesOfBest({ ...entry, rates: { w0: [1], w1: [2] } }, 'corridor')).toEqual([]);
  });

  it('has sixteen pairs whose links the lab can make', () => {
    expect(new Set(linkPairProfiles.map(({ name }) => name)).size).toBe(16);
    for (const { links } of linkPairProfiles) expect(links.map(({ name }) => name)).toEqual(['w0', 'w1']);
  });
});
