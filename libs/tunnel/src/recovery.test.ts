import { describe, expect, it } from 'vitest';
import { PacketBatch, SLOT_SHIFT } from './batch.js';
import { Clock } from './clock.js';
import { Recovery, WAITS_DOUBTFUL, WAITS_LOST } from './recovery.js';
import { SendSlots } from './send-slots.js';

const clock = new Clock();
clock.nowUs = 0;

function held(count: number) {
  const slots = new SendSlots(256);
  const batch = new PacketBatch(count);
  slots.lend(batch, () => {});
  const numbers = Array.from(batch.offset.subarray(0, count), (offset) => offset >> SLOT_SHIFT);
  for (const slot of numbers) slots.hold(slot, 0, 100, 0, 0, clock);
  return { slots, numbers, recovery: new Recovery(slots) };
}

/** Takes everything of a class. */
function takeAll(recovery: Recovery, classIndex: number): number[] {
  const taken: number[] = [];
  for (let slot = recovery.next(classIndex); slot >= 0; slot = recovery.next(classIndex)) {
    taken.push(slot);
    recovery.taken(classIndex);
  }
  return taken;
}

describe('what must go again', () => {
  it('goes in the order in which it came, each class by itself, however much it is', () => {
    const { numbers, recovery } = held(200);
    for (const [i, slot] of numbers.entries()) recovery.push(slot, i % 2, WAITS_LOST);
    expect([recovery.mayHave(0), recovery.mayHave(1), recovery.mayHave(2)]).toEqual([true, true, false]);
    expect(takeAll(recovery, 1)).toEqual(numbers.filter((_, i) => i % 2 === 1));
    expect([recovery.mayHave(0), recovery.mayHave(1), recovery.isWaiting]).toEqual([true, false, true]);
    expect(takeAll(recovery, 0)).toEqual(numbers.filter((_, i) => i % 2 === 0));
    expect([recovery.mayHave(0), recovery.isWaiting]).toEqual([false, false]);
  });

  it('keeps its order while some goes and more comes', () => {
    const { numbers, recovery } = held(150);
    const taken: number[] = [];
    for (const [i, slot] of numbers.entries()) {
      recovery.push(slot, 0, WAITS_LOST);
      if (i % 3 !== 0) continue;
      taken.push(recovery.next(0));
      recovery.taken(0);
    }
    expect([...taken, ...takeAll(recovery, 0)]).toEqual(numbers);
  });

  it('is marked while it waits, with its reason, and not afterwards', () => {
    const { slots, numbers, recovery } = held(2);
    recovery.push(numbers[0], 0, WAITS_LOST);
    recovery.push(numbers[1], 0, WAITS_DOUBTFUL);
    expect(numbers.map((slot) => slots.waiting[slot])).toEqual([WAITS_LOST, WAITS_DOUBTFUL]);
    takeAll(recovery, 0);
    expect(numbers.map((slot) => slots.waiting[slot])).toEqual([0, 0]);
  });

  it('is forgotten when its packet arrived meanwhile, also where another packet has taken the slot', () => {
    const { slots, numbers, recovery } = held(3);
    for (const slot of numbers) recovery.push(slot, 0, WAITS_LOST);
    slots.release(numbers[0]);
    slots.release(numbers[2]);
    // The last one released is the first to be used again.
    slots.hold(numbers[2], 0, 100, 0, 0, clock);
    expect(takeAll(recovery, 0)).toEqual([numbers[1]]);
    expect(recovery.isWaiting).toBe(false);
    recovery.push(numbers[2], 0, WAITS_LOST);
    expect(takeAll(recovery, 0)).toEqual([numbers[2]]);
  });

  it('follows its class when the classes change, with its reason, and goes to the default one where that is gone', () => {
    const { slots, numbers, recovery } = held(6);
    for (const [i, slot] of numbers.entries()) recovery.push(slot, i % 3, i < 3 ? WAITS_LOST : WAITS_DOUBTFUL);
    slots.release(numbers[1]);
    recovery.reconfigure([0, 2, 0]);
    expect([recovery.mayHave(0), recovery.mayHave(1), recovery.mayHave(2)]).toEqual([true, false, true]);
    expect(slots.waiting[numbers[4]]).toBe(WAITS_DOUBTFUL);
    expect(takeAll(recovery, 2)).toEqual([numbers[4]]);
    expect(takeAll(recovery, 0)).toEqual([numbers[0], numbers[3], numbers[2], numbers[5]]);
    expect(recovery.isWaiting).toBe(false);
  });
});
