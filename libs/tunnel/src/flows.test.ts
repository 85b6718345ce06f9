import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Clock } from './clock.js';
import { DuplicateFilter, FlowSequences } from './flows.js';

describe('flow sequences', () => {
  it('count each flow for itself, and wrap at 32 bits', () => {
    const sequences = new FlowSequences();
    expect([sequences.take(0x1001), sequences.take(0x1001), sequences.take(0x2001), sequences.take(0x1001)]).toEqual([
      0, 1, 0, 2,
    ]);
  });
});

describe('the duplicate filter', () => {
  const clock = new Clock();
  clock.nowUs = 0;

  it('lets every sequence through once, in any order within its window, also around the wrap', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 0xffff_ff80, 0x7fff_ff80),
        fc.array(fc.integer({ min: 0, max: 250 }), { maxLength: 300 }),
        (base, steps) => {
          const filter = new DuplicateFilter();
          const seen = new Set<number>();
          filter.accept(7, (base + 250) >>> 0, clock);
          seen.add((base + 250) >>> 0);
          for (const step of steps) {
            const sequence = (base + step) >>> 0;
            expect(filter.accept(7, sequence, clock)).toBe(!seen.has(sequence));
            seen.add(sequence);
          }
        },
      ),
    );
  });

  it('keeps flows apart', () => {
    const filter = new DuplicateFilter();
    expect([filter.accept(1, 5, clock), filter.accept(2, 5, clock), filter.accept(1, 5, clock)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('grows with a fast flow, so that a replay of a second later is still known', () => {
    const filter = new DuplicateFilter();
    for (let sequence = 0; sequence < 60_000; sequence++) {
      clock.nowUs = sequence * 30;
      if (!filter.accept(3, sequence, clock)) expect.fail(`${sequence} was new`);
    }
    // 33,000 packets/s: half a second is 16,500 packets.
    for (let sequence = 43_500; sequence < 60_000; sequence++) {
      if (filter.accept(3, sequence, clock)) expect.fail(`${sequence} was not new`);
    }
  });

  it('does not take what lies before the window for new', () => {
    const filter = new DuplicateFilter();
    for (let sequence = 0; sequence < 5_000; sequence++) filter.accept(3, sequence, clock);
    expect(filter.accept(3, 0, clock)).toBe(false);
  });

  it('takes a replay of what a flow skipped, beside new packets', () => {
    const filter = new DuplicateFilter();
    for (let sequence = 0; sequence < 100; sequence++) filter.accept(3, sequence, clock);
    // 1,500 were held; while they come again, 750 new ones do.
    for (let i = 0; i < 1_500; i++) {
      if (i % 2 === 0 && !filter.accept(3, 1_600 + i / 2, clock)) expect.fail(`${1_600 + i / 2} was new`);
      if (!filter.accept(3, 100 + i, clock)) expect.fail(`${100 + i} was new`);
    }
    for (let sequence = 0; sequence < 2_350; sequence++) {
      if (filter.accept(3, sequence, clock)) expect.fail(`${sequence} was not new`);
    }
  });

  it('takes a replay of what a flow sent before the filter knew it, beside new packets', () => {
    const filter = new DuplicateFilter();
    for (let i = 0; i < 1_500; i++) {
      if (!filter.accept(3, 5_000 + i, clock)) expect.fail(`${5_000 + i} was new`);
      if (!filter.accept(3, 2_000 + 2 * i, clock)) expect.fail(`${2_000 + 2 * i} was new`);
      if (!filter.accept(3, 2_001 + 2 * i, clock)) expect.fail(`${2_001 + 2 * i} was new`);
    }
    for (let sequence = 2_000; sequence < 6_500; sequence++) {
      if (filter.accept(3, sequence, clock)) expect.fail(`${sequence} was not new`);
    }
  });

  it('is bounded, however many flows a peer invents', () => {
    const filter = new DuplicateFilter();
    for (let flow = 0; flow < 65_536; flow++) if (!filter.accept(flow, 1, clock)) expect.fail(`flow ${flow} was new`);
    expect(filter.accept(65_535, 1, clock)).toBe(false);
    expect(filter.memoryBytes).toBeLessThanOrEqual(1 << 20);
  });
});
