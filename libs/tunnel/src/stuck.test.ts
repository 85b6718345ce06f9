import { FLAG_ORDERED } from '@corridor/wire';
import { describe, expect, it } from 'vitest';
import type { Path } from './path.js';
import type { Peer } from './peer.js';
import { SINGLE, SPILL } from './scheduler.js';
import { Stuck } from './stuck.js';

interface Figures {
  readonly rateBps: number;
  readonly limitBps?: number;
  readonly inFlightBytes: number;
  readonly queueUs?: number;
  readonly state?: Path['state'];
  readonly isElastic?: boolean;
}

/** A peer whose first path carries slots 0 to 2, and what of them goes again. */
function chosen(first: Figures, second: Figures, flags: readonly number[], mode: number = SPILL, count = 2): number[] {
  const slots: number[] = [];
  const pathOf = ({ state = 'up', isElastic = true, queueUs = 0, ...figures }: Figures, id: number) => ({
    id,
    bit: 1 << id,
    state,
    usable: true,
    rtt: { expectedUs: 40_000 },
    congestion: { limitBps: figures.rateBps, ...figures, queueUs, isElastic, isDiscovering: false },
  });
  const carried = flags.map((_, slot) => slot);
  const sent = {
    forEachHeld: (_: unknown, visit: (slot: number) => void) => {
      for (const slot of carried) visit(slot);
    },
  };
  const paths = [pathOf(first, 0), pathOf(second, 1)];
  const peer = {
    paths,
    core: { slots: { flags } },
    sessions: { current: { spaces: [{ sent }, undefined] }, previous: undefined },
    sender: {
      begin: () => {},
      executionOf: () => ({ mode, paths, count }),
      choose: (slot: number) => slots.push(slot),
    },
  };
  new Stuck(peer as unknown as Peer).service(1_000_000);
  return slots;
}

const blocked: Figures = { rateBps: 1.2e6, inFlightBytes: 100_000, queueUs: 60_000 };
const free: Figures = { rateBps: 12e6, inFlightBytes: 20_000 };
const ordered = [FLAG_ORDERED, FLAG_ORDERED, FLAG_ORDERED];

describe('packets on a path that carries next to nothing any more', () => {
  it('go over another path, oldest first', () => {
    expect(chosen(blocked, free, ordered)).toEqual([0, 1, 2]);
  });

  it('stay where they are while nobody waits for them in order', () => {
    expect(chosen(blocked, free, [0, FLAG_ORDERED, 0])).toEqual([1]);
    expect(chosen({ ...blocked, isElastic: false }, free, ordered)).toEqual([]);
  });

  it('stay where they are in classes of one path', () => {
    expect(chosen(blocked, free, ordered, SINGLE)).toEqual([]);
  });

  it('stay where they are in classes that do not use the other path', () => {
    expect(chosen(blocked, free, ordered, SPILL, 1)).toEqual([]);
  });

  it('stay where they are when they arrive there as soon, or there is no queue', () => {
    expect(chosen({ ...blocked, rateBps: 4e6 }, free, ordered)).toEqual([]);
    expect(chosen({ ...blocked, queueUs: 5_000 }, free, ordered)).toEqual([]);
    const slow: Figures = { rateBps: 1e6, inFlightBytes: 20_000 };
    expect(chosen(blocked, slow, ordered)).toEqual([]);
    // It has carried all that it was given.
    expect(chosen(blocked, { ...slow, limitBps: Number.POSITIVE_INFINITY }, ordered)).toEqual([0, 1, 2]);
  });

  it('are left to the suspicion of a path that does not answer, and not sent over one', () => {
    expect(chosen({ ...blocked, state: 'suspect' }, free, ordered)).toEqual([]);
    expect(chosen(blocked, { ...free, state: 'suspect' }, ordered)).toEqual([]);
  });
});
