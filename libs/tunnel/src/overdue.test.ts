import { describe, expect, it } from 'vitest';
import { TCP_FLOW } from './flow-hash.js';
import { Overdue } from './overdue.js';
import type { Path } from './path.js';
import type { Peer } from './peer.js';

const MS = 1_000;
const NOW_US = 10_000 * MS;
const DEADLINE_US = 1_000 * MS;
const SECOND_PATH = 2;

interface Case {
  /** Of the packet on the first path. */
  readonly waitedMs?: number;
  readonly sentMsAgo?: number;
  readonly isWaiting?: boolean;
  readonly isTcp?: boolean;
  /** Sent under the keys before the current ones. */
  readonly isBefore?: boolean;
  readonly carriers?: number;
  readonly bestAnswerMs?: number;
  readonly other?: Partial<Pick<Path, 'state' | 'usable'>> & { readonly rttMs?: number; readonly hasRoom?: boolean };
  readonly avoided?: number;
  readonly capped?: number;
}

/** The path that the packet goes over, too; undefined for none. */
function takenBy(one: Case): number | undefined {
  const { waitedMs = 600, sentMsAgo = waitedMs, bestAnswerMs = 50, carriers = 1, other = {} } = one;
  const sent = {
    oldestOpenUs: NOW_US - sentMsAgo * MS,
    forEachHeld: (_: unknown, visit: (slot: number) => void) => visit(0),
  };
  const nothing = { oldestOpenUs: Number.POSITIVE_INFINITY, forEachHeld: () => {} };
  const pathOf = (id: number, rttMs: number, hasRoom: boolean) => ({
    id,
    bit: 1 << id,
    state: 'up',
    usable: true,
    fits: () => true,
    controlCostUs: rttMs * MS,
    rtt: { expectedUs: rttMs * MS },
    feedback: { minUs: bestAnswerMs * MS, expectedUs: 0 },
    congestion: { maySend: () => hasRoom, mayOverdraw: () => false },
    space: id === 0 && one.isBefore !== true ? { sent } : { sent: nothing },
  });
  const { rttMs = 40, hasRoom = true, ...health } = other;
  const paths = [pathOf(0, 400, true), { ...pathOf(1, rttMs, hasRoom), ...health }];
  const execution = {
    rules: { deadlineUs: DEADLINE_US, urgent: false },
    avoided: one.avoided ?? 0,
    capped: one.capped ?? 0,
    flags: 0,
    numbers: new Float64Array(9),
  };
  let taken: number | undefined;
  const peer = {
    paths,
    core: {
      clock: { nowUs: NOW_US },
      slots: {
        waiting: [one.isWaiting === true ? 1 : 0],
        sentUs: [NOW_US - sentMsAgo * MS],
        heldSinceUs: [NOW_US - waitedMs * MS],
        flow: [one.isTcp === true ? TCP_FLOW : 0],
        carriers: [carriers],
        length: [500],
      },
    },
    scheduler: { executions: [execution] },
    sessions: { previous: one.isBefore === true ? { spaces: [{ sent }] } : undefined },
    sender: {
      executionOf: () => execution,
      transmit: (path: Path) => {
        taken = path.bit;
      },
    },
    tally: { add: () => {} },
  };
  new Overdue(peer as unknown as Peer).service(NOW_US);
  return taken;
}

describe('a packet under way for more than half of its deadline', () => {
  it('goes over another path, too', () => {
    expect(takenBy({})).toBe(SECOND_PATH);
  });

  it('does so under the current keys, whatever keys it went out under', () => {
    expect(takenBy({ isBefore: true })).toBe(SECOND_PATH);
    expect(takenBy({ isBefore: true, waitedMs: 490 })).toBeUndefined();
  });

  it('does not before that, nor when its deadline has passed', () => {
    expect(takenBy({ waitedMs: 490 })).toBeUndefined();
    expect(takenBy({ waitedMs: 1_010 })).toBeUndefined();
  });

  it('does not while its path may take as long to answer at its best', () => {
    expect(takenBy({ bestAnswerMs: 290 })).toBe(SECOND_PATH);
    expect(takenBy({ bestAnswerMs: 310 })).toBeUndefined();
    expect(takenBy({ sentMsAgo: 90 })).toBeUndefined();
  });

  it('does not when it waits to go again anyway, or the other path carries it already', () => {
    expect(takenBy({ isWaiting: true })).toBeUndefined();
    expect(takenBy({ carriers: 3 })).toBeUndefined();
  });

  it('goes only where it arrives in time, over a path that is up and has room', () => {
    expect(takenBy({ other: { rttMs: 790 } })).toBe(SECOND_PATH);
    expect(takenBy({ other: { rttMs: 810 } })).toBeUndefined();
    expect(takenBy({ other: { state: 'suspect' } })).toBeUndefined();
    expect(takenBy({ other: { usable: false } })).toBeUndefined();
    expect(takenBy({ other: { hasRoom: false } })).toBeUndefined();
  });

  it('goes over a path that its class avoids unless it is TCP, and never over one whose data cap is reached', () => {
    expect(takenBy({ avoided: SECOND_PATH })).toBe(SECOND_PATH);
    expect(takenBy({ avoided: SECOND_PATH, isTcp: true })).toBeUndefined();
    expect(takenBy({ capped: SECOND_PATH, avoided: SECOND_PATH })).toBeUndefined();
  });
});
