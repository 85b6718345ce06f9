import { describe, expect, it } from 'vitest';
import { Clock } from '../clock.js';
import { SendSlots } from '../send-slots.js';
import { ClassQueues, DROPPED_DEADLINE, DROPPED_LIMIT, type QueueOptions } from './class-queues.js';
import type { QueueClass } from './class-table.js';
import { QueuePool } from './queue-pool.js';

const rules = (more: Partial<QueueClass> = {}): QueueClass => ({
  priority: 4,
  urgent: false,
  minShare: 0.05,
  deadlineUs: 1_000_000,
  ...more,
});

function setUp(classes: readonly QueueClass[], options: QueueOptions = {}, slotCount = 64) {
  const slots = new SendSlots(slotCount);
  const clock = new Clock();
  clock.nowUs = 0;
  const drops: [slot: number, reason: number][] = [];
  const droppedLengths: number[] = [];
  const pool = new QueuePool(slots);
  const dropped = (slot: number, reason: number) => {
    drops.push([slot, reason]);
    droppedLengths.push(slots.length[slot]);
    slots.release(slot);
  };
  const queues = new ClassQueues(pool, classes, dropped, options);
  const hold = (classIndex: number, flow: number, length: number): number => {
    const slot = slots.owner.indexOf(-1);
    slots.hold(slot, 1, length, (classIndex << 12) | flow, 0, clock);
    return slot;
  };
  const add = (classIndex: number, flow = 1, length = 1000): number => {
    const slot = hold(classIndex, flow, length);
    queues.enqueue(slot, classIndex, clock);
    return slot;
  };
  const take = (): number => {
    queues.begin(clock);
    const slot = queues.next();
    if (slot >= 0) queues.taken();
    return slot;
  };
  return { slots, clock, pool, queues, drops, droppedLengths, hold, add, take };
}

describe('the order in which packets go', () => {
  it('is that of their arrival within a flow, and by turns between flows', () => {
    const { add, take } = setUp([rules()]);
    const a = [add(0, 1, 1500), add(0, 1, 1500), add(0, 1, 1500)];
    const b = [add(0, 2, 1500), add(0, 2, 1500)];
    expect([take(), take(), take(), take(), take(), take()]).toEqual([a[0], b[0], a[1], b[1], a[2], -1]);
  });

  it('begins with a flow that has just come, once', () => {
    const { add, take } = setUp([rules()]);
    const a = Array.from({ length: 4 }, () => add(0, 1, 1500));
    expect([take(), take()]).toEqual([a[0], a[1]]);
    const first = add(0, 2, 100);
    expect(take()).toBe(first);
    // Its next packet has to wait for its turn: it is an old flow now.
    expect(take()).toBe(a[2]);
    const second = add(0, 2, 1500);
    expect([take(), take()].sort()).toEqual([a[3], second].sort());
  });

  it('is urgent classes first, then by priority, at equal priority by place, the default class last', () => {
    const classes = [rules(), rules(), rules({ urgent: true, priority: 8 }), rules({ priority: 1 }), rules()];
    const { add, take } = setUp(classes);
    const slots = classes.map((_, index) => add(index));
    const expected = [2, 3, 1, 4, 0].map((index) => slots[index]);
    expect(slots.map(() => take())).toEqual(expected);
  });

  it('leaves out a blocked flow or class until the next dispatch, which begins with what was blocked', () => {
    const { queues, clock, add } = setUp([rules(), rules()]);
    const [a, b, c] = [add(1, 1), add(1, 2), add(0, 1)];
    queues.begin(clock);
    expect(queues.next()).toBe(a);
    queues.blocked(false);
    expect(queues.next()).toBe(b);
    queues.blocked(true);
    expect(queues.next()).toBe(c);
    expect(queues.classOfNext).toBe(0);
    queues.blocked(false);
    expect(queues.next()).toBe(-1);
    queues.begin(clock);
    expect(queues.next()).toBe(a);
  });

  it('gives a class that was blocked for long a few packets for what it missed, not all', () => {
    const { queues, clock, slots, add } = setUp([rules({ minShare: 0.2 }), rules({ priority: 1 })], { maxPackets: 32 });
    for (let i = 0; i < 12; i++) add(0, 1, 1500);
    for (let i = 0; i < 3_000; i++) {
      add(1, 1, 1500);
      queues.begin(clock);
      let slot = queues.next();
      if (queues.classOfNext === 0) {
        queues.blocked(true);
        slot = queues.next();
      }
      queues.taken();
      slots.release(slot);
    }
    expect(queues.backlogPackets(0)).toBe(12);
    for (let i = 0; i < 12; i++) add(1, 1, 1500);
    queues.begin(clock);
    const order = Array.from({ length: 12 }, () => {
      queues.next();
      queues.taken();
      return queues.classOfNext;
    });
    expect(order.slice(0, 5)).toEqual([0, 0, 0, 0, 1]);
    expect(order.filter((index) => index === 0)).toHaveLength(6);
  });
});

describe('drops', () => {
  it('what is past its deadline when its turn comes, also when it was answered and blocked before', () => {
    const { queues, clock, add, take, drops } = setUp([
      rules({ deadlineUs: 50_000 }),
      rules({ urgent: true, deadlineUs: 20_000 }),
    ]);
    const [a, b] = [add(0), add(1)];
    queues.begin(clock);
    expect(queues.next()).toBe(b);
    queues.blocked(true);
    expect(queues.next()).toBe(a);
    queues.blocked(true);
    clock.nowUs = 50_000;
    expect(take()).toBe(a);
    expect(drops).toEqual([[b, DROPPED_DEADLINE]]);
    clock.nowUs = 60_000;
    const [c] = [add(0)];
    clock.nowUs = 110_001;
    expect(take()).toBe(-1);
    expect(drops[1]).toEqual([c, DROPPED_DEADLINE]);
    expect(queues.packets).toBe(0);
  });

  it('counts the age from when the packet was held, not from when it was queued', () => {
    const { queues, clock, hold, take, drops } = setUp([rules({ deadlineUs: 50_000 })]);
    const slot = hold(0, 1, 100);
    clock.nowUs = 40_000;
    queues.enqueue(slot, 0, clock);
    clock.nowUs = 60_000;
    expect(take()).toBe(-1);
    expect(drops).toEqual([[slot, DROPPED_DEADLINE]]);
  });

  it('over the limit the head of the longest flow, of an urgent class only when nothing else waits', () => {
    const { add, drops, queues } = setUp([rules(), rules({ urgent: true })], { maxPackets: 6 });
    const fat = Array.from({ length: 4 }, () => add(0, 1, 1500));
    add(0, 2, 200);
    add(1, 3, 1500);
    expect(drops).toEqual([]);
    add(0, 2, 200);
    expect(drops).toEqual([[fat[0], DROPPED_LIMIT]]);
    queues.remove(fat[1]);
    queues.remove(fat[2]);
    for (let i = 0; i < 3; i++) add(1, 3, 1500);
    expect(drops[1]).toEqual([fat[3], DROPPED_LIMIT]);
    for (let i = 0; i < 8; i++) add(1, 3, 1500);
    expect(drops.slice(2, 4).map(([, reason]) => reason)).toEqual([DROPPED_LIMIT, DROPPED_LIMIT]);
    expect([queues.backlogPackets(0), queues.backlogPackets(1)]).toEqual([0, 6]);
  });

  it.each([
    ['another peer', 0],
    ['an urgent class', 1],
  ])('never the packet of %s, whose flow queue was that of the longest flow before', (_name, otherClass) => {
    const classes = [rules(), rules({ urgent: true })];
    const { pool, queues, add, take, slots, clock, droppedLengths } = setUp(classes, { maxPackets: 9 }, 256);
    const other = new ClassQueues(pool, classes, () => {}, { maxPackets: 128 });
    for (let i = 0; i < 3; i++) add(0, 1, 1500);
    const longest = pool.flowOf[0];
    for (let i = 0; i < 3; i++) slots.release(take());
    // All 63 flow queues are used anew, until that one has more bytes than any of the peer's will have.
    const filled = otherClass === 1 ? queues : other;
    for (let i = 0; pool.bytes[longest] === 0; i++) {
      const slot = slots.owner.indexOf(-1);
      slots.hold(slot, 2, 1_900, (otherClass << 12) | (100 + i), 0, clock);
      filled.enqueue(slot, otherClass, clock);
      if (pool.bytes[longest] === 0 && filled === queues) slots.release(take());
    }
    for (let i = 0; i < 12; i++) add(0, 2 + (i % 4), 100);
    expect(droppedLengths.length).toBeGreaterThanOrEqual(3);
    expect(droppedLengths.every((length) => length === 100)).toBe(true);
  });

  it.each([
    ['a quarter of the slots', undefined, 16],
    ['what is asked for', 20, 20],
    ['half of the slots at most', 100, 32],
  ])('holds %s', (_name, maxPackets, expected) => {
    const { add, queues } = setUp([rules()], maxPackets === undefined ? {} : { maxPackets });
    for (let i = 0; i < 64; i++) add(0);
    expect(queues.packets).toBe(expected);
  });

  it('holds 2,048 packets where there are slots enough', () => {
    const { add, queues } = setUp([rules()], {}, 10_000);
    for (let i = 0; i < 2_050; i++) add(0, i);
    expect(queues.packets).toBe(2_048);
  });
});

describe('what waits', () => {
  it('can be taken out by its slot, first, last or in the middle, and only by the peer that has it', () => {
    const { queues, pool, add, take, clock } = setUp([rules()]);
    const other = new ClassQueues(pool, [rules()], () => {});
    const [a, b, c, d] = [add(0), add(0), add(0), add(0)];
    expect(other.remove(b)).toBe(false);
    expect([queues.remove(b), queues.remove(b), queues.remove(d), queues.remove(a)]).toEqual([true, false, true, true]);
    expect([queues.packets, queues.backlogBytes(0)]).toEqual([1, 1000]);
    queues.begin(clock);
    expect(take()).toBe(c);
    expect(queues.remove(c)).toBe(false);
  });

  it('is kept in its order when classes are reordered or go', () => {
    const { queues, add, take } = setUp([rules(), rules(), rules()]);
    const [a, b] = [add(1, 7), add(2, 7)];
    queues.reconfigure([rules(), rules({ priority: 1 })], [0, 0, 1]);
    expect([queues.backlogPackets(0), queues.backlogPackets(1)]).toEqual([1, 1]);
    expect([take(), take(), take()]).toEqual([b, a, -1]);
  });

  it('becomes one flow, in the order of arrival, when two classes become one', () => {
    const { queues, add, take, clock } = setUp([rules(), rules()]);
    const slots = [0, 1, 1, 0].map((classIndex) => {
      clock.nowUs += 10;
      return add(classIndex, 7);
    });
    queues.reconfigure([rules()], [0]);
    expect(queues.backlogPackets(0)).toBe(4);
    expect([take(), take(), take(), take()]).toEqual(slots);
  });

  it('is forgotten without a word by clear, also what is blocked, and its flow queues are free for others', () => {
    const { queues, pool, add, clock, drops, slots, take } = setUp([rules(), rules()], { maxPackets: 32 });
    for (let flow = 0; flow < 20; flow++) add(flow & 1, flow);
    queues.begin(clock);
    queues.next();
    queues.blocked(false);
    queues.clear();
    slots.releaseAllOf(1);
    expect([queues.packets, queues.backlogPackets(0), queues.next(), drops.length]).toEqual([0, 0, -1, 0]);
    for (let round = 0; round < 20; round++) {
      for (let flow = 0; flow < 40; flow++) add(0, flow + round * 40, 100);
      while (take() >= 0) slots.releaseAllOf(1);
      queues.clear();
      slots.releaseAllOf(1);
    }
    expect(pool.flows).toBe(63);
  });

  it('needs no more flow queues than about two a packet, however many flows come and go beside one that stays', () => {
    const { queues, pool, add, take, slots, clock } = setUp([rules()], { maxPackets: 8 });
    add(0, 4_095, 1500);
    add(0, 4_095, 1500);
    take();
    for (let flow = 0; flow < 4_000; flow++) {
      clock.nowUs += 10;
      const slot = add(0, flow, 40);
      expect(take()).toBe(slot);
      slots.release(slot);
    }
    expect(queues.packets).toBe(1);
    expect(pool.flows).toBe(63);
  });
});

it('says what is wrong when a packet is taken or blocked that was not answered', () => {
  const { queues, add, clock } = setUp([rules()]);
  expect(() => queues.taken()).toThrow('taken() without a packet');
  const slot = add(0);
  queues.begin(clock);
  queues.next();
  queues.remove(slot);
  expect(() => queues.taken()).toThrow('taken() without a packet');
  expect(() => queues.blocked(true)).toThrow('blocked() without a packet');
});
