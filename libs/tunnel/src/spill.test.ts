import { FLAG_ORDERED } from '@corridor/wire';
import { describe, expect, it } from 'vitest';
import { Clock } from './clock.js';
import type { Core } from './core.js';
import type { Path } from './path.js';
import type { ClassQueues } from './queueing/index.js';
import { type Execution, PREFER_US } from './scheduler.js';
import { Spill } from './spill.js';

const MS = 1_000;
const LENGTH = 1_400;
const BITS = 8 * LENGTH;

/** Two paths of 20 and 10 Mbit/s, the second 20 ms slower, and one ordered flow. */
function twoPaths(
  change: { secondBps?: number; isDiscovering?: boolean; demandBps?: number; flags?: number; limitBps?: number } = {},
) {
  const clock = new Clock();
  clock.nowUs = 0;
  const rooms = [true, true];
  const waiting = { packets: 0 };
  const path = (index: number, sendDelayUs: number, rateBps: number, isDiscovering: boolean) => ({
    sendDelayUs,
    askedUs: 0,
    fits: () => true,
    congestion: {
      rateBps,
      limitBps: change.limitBps ?? rateBps,
      isDiscovering,
      inFlightBytes: 0,
      windowBytes: 1,
      waitUs: () => 0,
      maySend: () => rooms[index],
    },
  });
  const paths = [
    path(0, 20 * MS, 20e6, false),
    path(1, 40 * MS, change.secondBps ?? 10e6, change.isDiscovering ?? false),
  ];
  const numbers = new Float64Array(9);
  numbers[PREFER_US] = 2 * MS;
  const execution = {
    index: 0,
    count: 2,
    paths,
    numbers,
    rules: { urgent: false },
    demand: { rateBps: change.demandBps ?? 0 },
  } as unknown as Execution;
  const core = { clock, slots: { flags: [change.flags ?? FLAG_ORDERED] } } as unknown as Core;
  const queues = {
    backlogPackets: () => waiting.packets,
    backlogBytes: () => waiting.packets * LENGTH,
  } as unknown as ClassQueues;
  const spill = new Spill(core, queues);
  return {
    clock,
    paths,
    rooms,
    /** A queue begins to stand, of so many packets; 0: the last one leaves. */
    queue(packets: number): void {
      if (packets > 0 && waiting.packets === 0) spill.beginWaiting(execution);
      if (packets === 0 && waiting.packets > 0) spill.endWaiting(execution);
      waiting.packets = packets;
    },
    /** Index of the path that a packet takes at this moment, -1: it waits. */
    pickAt(us: number): number {
      clock.nowUs = us;
      const taken = spill.pick(0, execution, LENGTH, spill.fastest(execution, LENGTH) as Path);
      const at = paths.indexOf(taken as unknown as (typeof paths)[0]);
      if (at >= 0) paths[at].askedUs = us;
      return at;
    },
  };
}

describe('a packet of a spilling class', () => {
  it('takes the faster path, and the slower one when what waits would take the faster one longer', () => {
    const { rooms, queue, pickAt } = twoPaths();
    expect(pickAt(1_000 * MS)).toBe(0);
    rooms[0] = false;
    expect(pickAt(1_000 * MS)).toBe(-1);
    queue(30);
    // 31 packets take 17 ms on 20 Mbit/s, 38 take 21 ms: the slower path is 20 ms slower.
    expect(pickAt(1_001 * MS)).toBe(-1);
    queue(Math.ceil((20e6 * 0.02) / BITS) + 1);
    expect(pickAt(1_001 * MS)).toBe(1);
  });

  it('takes the slower one sooner when a queue has stood for long, also after a moment without one', () => {
    const { rooms, queue, pickAt } = twoPaths();
    rooms[0] = false;
    queue(1);
    expect(pickAt(50 * MS)).toBe(-1);
    expect(pickAt(200 * MS)).toBe(1);
    queue(0);
    rooms[0] = true;
    expect(pickAt(205 * MS)).toBe(0);
    rooms[0] = false;
    queue(1);
    expect(pickAt(206 * MS)).toBe(1);
  });

  it('has forgotten the queue a fifth of its time later', () => {
    const { rooms, queue, pickAt, clock } = twoPaths();
    rooms[0] = false;
    queue(1);
    expect(pickAt(200 * MS)).toBe(1);
    queue(0);
    clock.nowUs = 250 * MS;
    queue(1);
    expect(pickAt(251 * MS)).toBe(-1);
  });

  it('takes no path that adds next to nothing, unless that has not shown its limit', () => {
    for (const isDiscovering of [false, true]) {
      const { rooms, queue, pickAt } = twoPaths({ secondBps: 1.5e6, isDiscovering });
      rooms[0] = false;
      queue(1);
      expect(pickAt(400 * MS)).toBe(isDiscovering ? 1 : -1);
    }
  });

  it('goes to the slower path now and then where its stream nearly fills the faster one', () => {
    const shareOf = (demandBps: number, flags = FLAG_ORDERED) => {
      const { pickAt } = twoPaths({ demandBps, flags });
      const taken = Array.from({ length: 100 }, (_, index) => pickAt((1_000 + index) * MS));
      return taken.filter((index) => index === 1).length;
    };
    expect([shareOf(15e6), shareOf(17e6), shareOf(17e6, 0)]).toEqual([0, 20, 0]);
  });

  it('keeps to a faster path that has carried all that it was given, up to the limit that it has shown', () => {
    const goesSlower = (limitBps: number) => {
      const { pickAt } = twoPaths({ demandBps: 17e6, limitBps });
      return pickAt(1_000 * MS) === 1;
    };
    expect([20e6, 22e6, Number.POSITIVE_INFINITY].map(goesSlower)).toEqual([true, false, false]);
  });
});
