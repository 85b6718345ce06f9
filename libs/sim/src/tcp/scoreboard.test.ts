import { describe, expect, it } from 'vitest';
import { Random } from '../random.js';
import { Scoreboard } from './scoreboard.js';

type State = { sacked: boolean; lost: boolean; again: boolean };

/** The same bookkeeping, one object a segment, counted anew each time. */
class Naive {
  readonly segments: State[] = [];
  una = 0;

  counts() {
    const out = this.segments.slice(this.una);
    const sacked = out.filter((one) => one.sacked).length;
    const lost = out.filter((one) => one.lost).length;
    const again = out.filter((one) => one.again).length;
    return { sacked, lost, again, inFlight: out.length - sacked - lost + again };
  }
}

describe('the scoreboard', () => {
  it('counts what a plain list counts, in random orders of events', () => {
    const random = new Random(21);
    for (let round = 0; round < 60; round++) {
      const board = new Scoreboard(64);
      const naive = new Naive();
      let nowUs = 0;
      for (let event = 0; event < 400; event++) {
        nowUs += 1 + random.below(3_000);
        const one = board.una + random.below(Math.max(1, board.packetsOut));
        const known = naive.segments[one];
        switch (random.below(5)) {
          case 0:
          case 1:
            if (board.packetsOut < 60) {
              board.sentNew(nowUs);
              naive.segments.push({ sacked: false, lost: false, again: false });
            }
            break;
          case 2:
            if (known !== undefined && one < board.next) {
              const retransmitted = board.wasRetransmitted(one);
              if (board.sack(one)) {
                Object.assign(known, { sacked: true, lost: false, again: false });
                board.rackDelivered(one, retransmitted, 1_000, nowUs);
              }
            }
            break;
          case 3:
            if (random.below(3) > 0 && board.packetsOut > 0) {
              board.acknowledgeFirst();
              naive.una++;
            }
            break;
          default: {
            const lostBefore = lostOf(board);
            board.rackDetect(random.below(2) === 0, 4_000, 9_000, nowUs);
            for (const segment of newlyLost(board, naive, lostBefore))
              Object.assign(naive.segments[segment], { lost: true, again: false });
            const first = board.firstLost();
            if (first >= 0) {
              board.sentAgain(first, nowUs);
              naive.segments[first].again = true;
            }
          }
        }
        const { sacked, lost, again, inFlight } = naive.counts();
        expect([board.sackedOut, board.lostOut, board.retransmissionsOut, board.inFlight]).toEqual([
          sacked,
          lost,
          again,
          inFlight,
        ]);
        const waiting = naive.segments.findIndex((state, index) => index >= naive.una && state.lost && !state.again);
        expect(board.firstLost()).toBe(waiting);
      }
    }
  });

  it('declares lost what was sent before something that arrived, after a quarter of a round trip', () => {
    const board = new Scoreboard(64);
    for (let i = 0; i < 5; i++) board.sentNew(i * 100);
    board.sack(1);
    board.rackDelivered(1, false, 40_000, 40_100);
    // Nothing was ever reordered and fewer than three arrived: wait the window, a quarter of 40 ms.
    expect(board.rackDetect(false, 40_000, 40_000, 40_100)).toBe(50_000);
    expect(board.lostOut).toBe(0);
    board.rackDetect(false, 40_000, 40_000, 50_000);
    expect([board.lostOut, board.firstLost()]).toEqual([1, 0]);
  });

  it('needs no patience after three arrivals where nothing was ever reordered, and has it where something was', () => {
    const board = new Scoreboard(64);
    for (let i = 0; i < 6; i++) board.sentNew(0);
    for (const segment of [3, 4, 5]) {
      board.sack(segment);
      board.rackDelivered(segment, false, 40_000, 40_000);
    }
    board.rackDetect(false, 40_000, 40_000, 40_000);
    expect(board.lostOut).toBe(3);
    const other = new Scoreboard(64);
    for (let i = 0; i < 6; i++) other.sentNew(0);
    for (const segment of [3, 2, 5, 4]) {
      other.sack(segment);
      other.rackDelivered(segment, false, 40_000, 40_000);
    }
    expect(other.rackDetect(false, 40_000, 40_000, 40_000)).toBe(50_000);
    // Each report of a needless retransmission in another round adds a quarter of a round trip.
    other.rackDsack(0, 10);
    other.rackDsack(5, 12);
    other.rackDsack(10, 20);
    expect(other.rackDetect(false, 40_000, 60_000, 40_000)).toBe(70_000);
  });
});

function lostOf(board: Scoreboard): number {
  return board.lostOut - board.retransmissionsOut;
}

function newlyLost(board: Scoreboard, naive: Naive, before: number): number[] {
  if (lostOf(board) === before) return [];
  return board.lostSegments().filter((segment) => !naive.segments[segment].lost || naive.segments[segment].again);
}
