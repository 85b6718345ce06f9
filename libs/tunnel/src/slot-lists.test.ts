import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_BUNDLED_SLOTS } from './constants.js';
import type { SendSlots } from './send-slots.js';
import { EMPTY, SlotLists } from './slot-lists.js';

/** Slot s has generation 10 s, unless it was released. */
const slotsWithout = (released: number) =>
  ({ generation: Uint32Array.from({ length: 1000 }, (_, s) => 10 * s + (s === released ? 1 : 0)) }) as SendSlots;

function slotsOf(lists: SlotLists, last: number): number[] {
  const found: number[] = [];
  if (last === EMPTY) return found;
  let node = last;
  do {
    node = lists.after(node);
    found.push(lists.slot(node));
  } while (node !== last);
  return found;
}

describe('lists of slots', () => {
  it('keep what was added to each in its order, whatever is added to and dropped from the others', () => {
    const steps = fc.array(fc.tuple(fc.nat({ max: 7 }), fc.nat({ max: 5 }), fc.nat({ max: 999 })), { maxLength: 400 });
    fc.assert(
      fc.property(steps, (all) => {
        const lists = new SlotLists();
        const last = new Array<number>(8).fill(EMPTY);
        const model: number[][] = last.map(() => []);
        for (const [list, action, slot] of all) {
          if (action > 0) {
            last[list] = lists.add(last[list], slot, 10 * slot);
            model[list].push(slot);
          } else if (last[list] !== EMPTY) {
            lists.drop(last[list]);
            last[list] = EMPTY;
            model[list] = [];
          }
          expect(last.map((one) => slotsOf(lists, one))).toEqual(model);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('tell a slot that was released meanwhile', () => {
    const lists = new SlotLists();
    const node = lists.add(EMPTY, 7, 70);
    expect([lists.isHeld(node, slotsWithout(8)), lists.isHeld(node, slotsWithout(7))]).toEqual([true, false]);
  });

  it('hold so many slots, and again when some are dropped', () => {
    const lists = new SlotLists();
    const first = lists.add(lists.add(EMPTY, 1, 1), 2, 2);
    let last = EMPTY;
    for (let count = 2; count < MAX_BUNDLED_SLOTS - 1; count++) {
      expect(lists.hasRoom).toBe(true);
      last = lists.add(last, 3, 3);
    }
    expect(lists.hasRoom).toBe(false);
    lists.drop(first);
    expect(lists.hasRoom).toBe(true);
    last = lists.add(lists.add(last, 4, 4), 5, 5);
    expect(lists.hasRoom).toBe(false);
    expect(slotsOf(lists, last).slice(-2)).toEqual([4, 5]);
  });
});
