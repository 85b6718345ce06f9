import { describe, expect, it } from 'vitest';
import { ReorderingBench } from '../../test/reordering-bench.js';
import { MAX_BATCH } from '../constants.js';
import { IDLE_US, MAX_FLOWS, MAX_HOLD_US, MAX_STEP, MIN_WAIT_US } from './limits.js';

const HOLD_US = 80_000;
const FLOW = 0x3005;

/** Sequences delivered since it was asked last. */
const delivered = (bench: ReorderingBench) => bench.taken().map((packet) => packet.sequence);

describe('a flow in order', () => {
  it('goes through without a copy', () => {
    const bench = new ReorderingBench();
    for (let sequence = 0; sequence < 100; sequence++) bench.arrive(FLOW, sequence, HOLD_US);
    const packets = bench.taken();
    expect(packets.map((packet) => packet.sequence)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(packets.every((packet) => packet.slot < MAX_BATCH)).toBe(true);
    expect(bench.reordering.kept).toBe(0);
    expect(bench.deadlineUs).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([0x7fff_fffe, 0xffff_fffe])('and out of it, across the sequence 0x%s', (from) => {
    const bench = new ReorderingBench();
    const numbers = [0, 2, 1, 4, 3].map((step) => (from + step) >>> 0);
    for (const sequence of numbers) bench.arrive(FLOW, sequence, HOLD_US);
    expect(delivered(bench)).toEqual([0, 1, 2, 3, 4].map((step) => (from + step) >>> 0));
  });
});

describe('a hole', () => {
  it('is waited for, and what waited follows the packet that fills it at once', () => {
    const bench = new ReorderingBench();
    for (const sequence of [0, 2, 3, 5]) bench.arrive(FLOW, sequence, HOLD_US);
    expect(delivered(bench)).toEqual([0]);
    bench.arrive(FLOW, 1, HOLD_US);
    expect(delivered(bench)).toEqual([1, 2, 3]);
    bench.arrive(FLOW, 4, HOLD_US);
    expect(delivered(bench)).toEqual([4, 5]);
    expect(bench.reordering.timeouts).toBe(0);
  });

  it('is given up when the hold of the packet behind it has run out, the first time after the whole hold', () => {
    const bench = new ReorderingBench();
    bench.arrive(FLOW, 0, HOLD_US);
    bench.arrive(FLOW, 2, HOLD_US);
    bench.arrive(FLOW, 4, HOLD_US);
    expect(bench.deadlineUs).toBe(HOLD_US);
    bench.advance(HOLD_US - 1);
    expect(delivered(bench)).toEqual([0]);
    bench.advance(1);
    // Both came at the same time, so the time of both holes has run out.
    expect(delivered(bench)).toEqual([2, 4]);
    expect(bench.reordering.timeouts).toBe(2);
    expect(bench.reordering.waitedMaxUs).toBe(HOLD_US);
  });

  it('holds only what came later than the one whose time ran out', () => {
    const bench = new ReorderingBench();
    bench.arrive(FLOW, 0, HOLD_US);
    bench.arrive(FLOW, 2, HOLD_US);
    bench.advance(HOLD_US / 2);
    bench.arrive(FLOW, 3, HOLD_US);
    bench.arrive(FLOW, 5, HOLD_US);
    delivered(bench);
    bench.advance(HOLD_US / 2);
    expect(delivered(bench)).toEqual([2, 3]);
    bench.advance(HOLD_US / 2);
    expect(delivered(bench)).toEqual([5]);
  });

  it('is not waited for behind a packet that may not wait, nor longer than the shortest hold behind it', () => {
    const bench = new ReorderingBench();
    bench.arrive(FLOW, 0, HOLD_US);
    bench.arrive(FLOW, 2, HOLD_US);
    bench.arrive(FLOW, 4, 0);
    bench.arrive(FLOW, 6, HOLD_US);
    bench.arrive(FLOW, 8, HOLD_US / 4);
    expect(delivered(bench)).toEqual([0, 2, 4]);
    expect(bench.deadlineUs).toBe(HOLD_US / 4);
  });

  it('delivers what comes after it was given up at once, and once', () => {
    const bench = new ReorderingBench();
    for (const sequence of [0, 3]) bench.arrive(FLOW, sequence, HOLD_US);
    bench.advance(HOLD_US);
    bench.arrive(FLOW, 2, HOLD_US);
    bench.arrive(FLOW, 4, HOLD_US);
    bench.arrive(FLOW, 1, HOLD_US);
    expect(delivered(bench)).toEqual([0, 3, 2, 4, 1]);
    expect(bench.reordering.late).toBe(2);
  });

  it('concerns its own flow only', () => {
    const bench = new ReorderingBench();
    for (const sequence of [0, 2]) bench.arrive(FLOW, sequence, HOLD_US);
    for (const sequence of [7, 8, 10, 9]) bench.arrive(FLOW + 1, sequence, HOLD_US);
    expect(delivered(bench)).toEqual([0, 7, 8, 9, 10]);
  });

  it('after a second of silence is no hole: nobody sends again what is missing there', () => {
    const bench = new ReorderingBench();
    bench.arrive(FLOW, 0, HOLD_US);
    bench.advance(IDLE_US + 1);
    bench.arrive(FLOW, 3, HOLD_US);
    bench.arrive(FLOW, 4, HOLD_US);
    expect(delivered(bench)).toEqual([0, 3, 4]);
  });
});

it('the hold of a flow is known, for packets that come without one', () => {
  const bench = new ReorderingBench();
  expect(bench.reordering.holdUsOf(FLOW)).toBe(-1);
  bench.arrive(FLOW, 0, HOLD_US);
  bench.arrive(FLOW, 1, HOLD_US / 2);
  expect(bench.reordering.holdUsOf(FLOW)).toBe(HOLD_US / 2);
  expect(bench.reordering.holdUsOf(FLOW + 1)).toBe(-1);
});

describe('a leap of the sequence', () => {
  it.each([
    ['forward', MAX_STEP + 2],
    ['back', -MAX_STEP],
  ])('%s starts the flow over, in order from there', (_name, step) => {
    const bench = new ReorderingBench();
    const from = 1_000_000;
    for (const sequence of [from, from + 2]) bench.arrive(FLOW, sequence, HOLD_US);
    const to = from + step;
    for (const sequence of [to, to + 2, to + 1]) bench.arrive(FLOW, sequence, HOLD_US);
    expect(delivered(bench)).toEqual([from, from + 2, to, to + 1, to + 2]);
    expect(bench.reordering.kept).toBe(0);
  });

  it('after clear() is none: everything kept goes, the flow begins anew', () => {
    const bench = new ReorderingBench();
    for (const sequence of [500, 502, 504]) bench.arrive(FLOW, sequence, HOLD_US);
    bench.clear();
    expect(delivered(bench)).toEqual([500, 502, 504]);
    expect(bench.reordering.flows).toBe(0);
    for (const sequence of [0, 2, 1]) bench.arrive(FLOW, sequence, HOLD_US);
    expect(delivered(bench)).toEqual([0, 1, 2]);
    expect(bench.pool.kept).toBe(0);
  });
});

describe('what experience teaches', () => {
  /** What the packets allow: longer than any wait that is learnt here. */
  const LONG_US = 240_000;

  /** Packets come in pairs, the second one first; the other `lateUs` later, or never. */
  function pair(bench: ReorderingBench, flow: number, index: number, lateUs: number): void {
    bench.arrive(flow, 2 * index + 2, LONG_US);
    bench.advance(lateUs < 0 ? LONG_US : lateUs);
    if (lateUs >= 0) bench.arrive(flow, 2 * index + 1, LONG_US);
    bench.advance(1000);
  }

  function after(history: readonly number[]): number {
    const bench = new ReorderingBench();
    bench.arrive(FLOW, 0, MAX_HOLD_US);
    for (const [i, lateUs] of history.entries()) pair(bench, FLOW, i, lateUs);
    return bench.reordering.waitUs(FLOW >>> 12);
  }

  const times = (count: number, lateUs: number) => new Array<number>(count).fill(lateUs);

  it('a few packets that never come do not shorten the wait', () => {
    expect(after(times(4, -1))).toBe(MAX_HOLD_US);
  });

  it('holes that are never filled are hardly waited for', () => {
    expect(after(times(8, -1))).toBe(MIN_WAIT_US);
  });

  it('a path that is 40 ms slower is waited for, with some air, though a tenth of all is lost', () => {
    const history = times(20, 40_000).flatMap((lateUs, i) => (i % 2 === 0 ? [lateUs, -1] : [lateUs]));
    expect(after(history)).toBeGreaterThan(41_000);
    expect(after(history)).toBeLessThan(52_000);
  });

  it('a repetition that came after its hole was given up lengthens the wait for the next ones', () => {
    const history = [...times(10, -1), ...times(2, 100_000)];
    expect(after(history)).toBeGreaterThan(100_000);
    expect(after(history)).toBeLessThan(130_000);
  });

  it('one late packet among many lost ones is an exception', () => {
    expect(after([...times(40, 5_000), 200_000, ...times(40, -1)])).toBeLessThan(8_000);
  });

  it('nothing shortens the wait while everything comes in the end', () => {
    expect(after([...times(50, 10_000), 150_000])).toBe(MAX_HOLD_US);
  });

  it('each traffic class makes its own', () => {
    const bench = new ReorderingBench();
    bench.arrive(0x1001, 0, MAX_HOLD_US);
    for (let i = 0; i < 10; i++) pair(bench, 0x1001, i, -1);
    expect(bench.reordering.waitUs(1)).toBe(MIN_WAIT_US);
    expect(bench.reordering.waitUs(2)).toBe(MAX_HOLD_US);
  });

  it('what is years old counts no more', () => {
    const bench = new ReorderingBench();
    bench.arrive(FLOW, 0, MAX_HOLD_US);
    for (let i = 0; i < 10; i++) pair(bench, FLOW, i, -1);
    bench.advance(3e13);
    bench.arrive(FLOW, 100, MAX_HOLD_US);
    pair(bench, FLOW, 50, 10_000);
    expect(bench.reordering.waitUs(FLOW >>> 12)).toBe(MAX_HOLD_US);
  });
});

describe('the pool', () => {
  it('does not use a slot again before the drain', () => {
    const bench = new ReorderingBench({ slots: 8 });
    bench.arriveTogether(FLOW, [0, 2, 1, 4, 3, 6, 5], HOLD_US);
    const slots = bench.taken().flatMap((packet) => (packet.slot >= MAX_BATCH ? [packet.slot] : []));
    expect(new Set(slots).size).toBe(3);
    bench.arrive(FLOW, 8, HOLD_US);
    bench.arrive(FLOW, 7, HOLD_US);
    expect(slots).toContain(bench.taken()[1].slot);
  });

  it('delivers what finds no slot, after what waited before it', () => {
    const bench = new ReorderingBench({ slots: 8 });
    // Seven take slots and give them back within one batch; then one is free.
    bench.arriveTogether(FLOW, [0, 2, 3, 4, 5, 6, 7, 8, 1, 10, 12, 11], HOLD_US);
    expect(delivered(bench)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 11]);
    expect(bench.reordering.kept).toBe(0);
  });

  it('makes the flow give way that waits longest, when it fills up', () => {
    const bench = new ReorderingBench({ slots: 16 });
    for (let flow = 0; flow < 14; flow++) {
      bench.arrive(flow, 0, HOLD_US);
      bench.arrive(flow, 2, HOLD_US);
      bench.advance(10);
    }
    expect(bench.taken().length).toBe(14);
    bench.arrive(14, 0, HOLD_US);
    bench.arrive(14, 2, HOLD_US);
    expect(bench.taken().map(({ flow, sequence }) => [flow, sequence])).toEqual([
      [14, 0],
      [0, 2],
    ]);
  });

  it('lets one peer have its share only, of which its own flow that waits longest gives way', () => {
    const bench = new ReorderingBench({ slots: 64, share: 4 });
    for (let flow = 0; flow < 5; flow++) {
      bench.arrive(flow, 0, HOLD_US);
      bench.arrive(flow, 2, HOLD_US);
      bench.advance(10);
    }
    expect(bench.reordering.kept).toBe(4);
    expect(bench.taken().at(-1)).toMatchObject({ flow: 0, sequence: 2 });
  });

  it('a packet that is in order once its flow gave way is delivered, not kept', () => {
    const bench = new ReorderingBench({ slots: 64, share: 2 });
    for (const sequence of [0, 2, 4, 3]) bench.arrive(FLOW, sequence, HOLD_US);
    expect(delivered(bench)).toEqual([0, 2, 3, 4]);
  });
});

describe('many flows', () => {
  it('are remembered up to a limit; silent ones are forgotten first', () => {
    const bench = new ReorderingBench();
    for (let flow = 0; flow < 3 * MAX_FLOWS; flow++) bench.arrive(flow, 0, HOLD_US);
    expect(bench.reordering.flows).toBeLessThanOrEqual(MAX_FLOWS);
    bench.advance(IDLE_US + 1);
    for (let flow = 0; flow < 64; flow++) bench.arrive(0x8000 + flow, 0, HOLD_US);
    expect(bench.reordering.flows).toBeLessThan(MAX_FLOWS);
    expect(bench.taken().length).toBe(3 * MAX_FLOWS + 64);
  });

  it('that all wait leave a packet of one more flow unordered, but not undelivered', () => {
    const bench = new ReorderingBench({ slots: 4096 });
    for (let flow = 0; flow < MAX_FLOWS; flow++) {
      bench.arrive(flow, 0, HOLD_US);
      bench.arrive(flow, 2, HOLD_US);
    }
    bench.taken();
    for (const sequence of [2, 1, 4]) bench.arrive(0x9000, sequence, HOLD_US);
    expect(delivered(bench)).toEqual([2, 1, 4]);
  });
});
