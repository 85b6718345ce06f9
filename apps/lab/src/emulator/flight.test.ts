import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Flight, SlotPool } from './flight.js';

describe('Flight', () => {
  it('gives packets out as a sorted list would, equal times in the order of arrival', () => {
    const actions = fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.constant('pop' as const)), {
      maxLength: 200,
    });
    fc.assert(
      fc.property(actions, (script) => {
        const flight = new Flight(256);
        const oracle: { at: number; slot: number }[] = [];
        let slot = 0;
        for (const step of script) {
          if (step !== 'pop') {
            flight.push(step, slot, slot + 1000, slot % 7);
            // Behind all that are due at the same time.
            const after = oracle.findIndex(({ at }) => at > step);
            oracle.splice(after < 0 ? oracle.length : after, 0, { at: step, slot });
            slot++;
          } else if (oracle.length > 0) {
            const first = oracle.shift();
            expect(flight.nextUs).toBe(first?.at);
            expect(flight.nextSlot).toBe(first?.slot);
            expect(flight.nextLength).toBe(flight.nextSlot + 1000);
            expect(flight.nextTarget).toBe(flight.nextSlot % 7);
            flight.pop();
          }
          expect(flight.count).toBe(oracle.length);
        }
        if (oracle.length === 0) expect(flight.nextUs).toBe(Number.POSITIVE_INFINITY);
      }),
    );
  });

  it('refuses what does not fit', () => {
    const flight = new Flight(2);
    expect([flight.push(3, 0, 0, 0), flight.push(1, 1, 0, 0), flight.push(2, 2, 0, 0)]).toEqual([true, true, false]);
  });
});

describe('SlotPool', () => {
  it('lends every slot once and has none left then', () => {
    const pool = new SlotPool(3);
    expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual([0, 1, 2, -1]);
    pool.give(1);
    expect(pool.free).toBe(1);
    expect(pool.take()).toBe(1);
  });
});
