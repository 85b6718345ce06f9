import { describe, expect, it } from 'vitest';
import { PacketBatch, SLOT_BYTES, SLOT_HEADROOM, SLOT_SHIFT } from './batch.js';
import { Clock } from './clock.js';
import { SendSlots } from './send-slots.js';

const nobody = () => {};
const clock = new Clock();
const at = (nowUs: number) => {
  clock.nowUs = nowUs;
  return clock;
};

function holdAll(slots: SendSlots, count: number, nowUs: number, owner = 1): number[] {
  const batch = new PacketBatch(count);
  const lent = slots.lend(batch, nobody);
  const taken = Array.from(batch.offset.subarray(0, lent), (offset) => offset >> SLOT_SHIFT);
  for (const slot of taken) slots.hold(slot, owner, 100, 0, slot, at(nowUs));
  return taken;
}

describe('send slots', () => {
  it('lends distinct positions and takes back what was not used', () => {
    const slots = new SendSlots(8);
    const batch = new PacketBatch(16);
    expect(slots.lend(batch, nobody)).toBe(8);
    expect(new Set(batch.offset.subarray(0, 8)).size).toBe(8);
    expect(batch.offset[0] % SLOT_BYTES).toBe(SLOT_HEADROOM);
    expect(slots.lend(batch, nobody)).toBe(8);
    expect(slots.freeCount).toBe(8);
  });

  it('knows a position that was not lent', () => {
    const slots = new SendSlots(8);
    const [held] = holdAll(slots, 1, 0);
    expect(slots.isLent((held << SLOT_SHIFT) + SLOT_HEADROOM)).toBe(false);
    expect(slots.isLent(SLOT_HEADROOM + 1)).toBe(false);
    expect(slots.isLent(8 * SLOT_BYTES + SLOT_HEADROOM)).toBe(false);
    expect(slots.isLent(-SLOT_BYTES + SLOT_HEADROOM)).toBe(false);
  });

  it('gives up the oldest first, and says so before', () => {
    const slots = new SendSlots(8);
    const first = holdAll(slots, 4, 0, 1);
    holdAll(slots, 4, 1000, 2);
    const owners: number[] = [];
    expect(slots.lend(new PacketBatch(8), (slot) => owners.push(slots.owner[slot]))).toBe(2);
    expect(owners).toEqual([1, 1]);
    expect(slots.owner[first[0]]).toBe(-1);
  });

  it('changes the generation of a slot that is released, and releases all of one owner', () => {
    const slots = new SendSlots(8);
    const [slot] = holdAll(slots, 1, 0);
    const generation = slots.generation[slot];
    slots.release(slot);
    expect(slots.generation[slot]).toBe(generation + 1);
    holdAll(slots, 3, 0, 1);
    holdAll(slots, 2, 0, 2);
    slots.releaseAllOf(1);
    expect(slots.freeCount).toBe(6);
    expect(slots.owner[slots.oldestHeld()]).toBe(2);
  });
});
