import { describe, expect, it } from 'vitest';
import { Clock } from '../clock.js';
import { SendSlots } from '../send-slots.js';
import { ClassQueues } from './class-queues.js';
import type { QueueClass } from './class-table.js';
import { QueuePool } from './queue-pool.js';

const rules = (more: Partial<QueueClass> = {}): QueueClass => ({
  priority: 4,
  urgent: false,
  minShare: 0.05,
  deadlineUs: 1_000_000,
  ...more,
});

function setUp(classes: readonly QueueClass[]) {
  const slots = new SendSlots(64);
  const clock = new Clock();
  clock.nowUs = 0;
  const drops: [slot: number, reason: number][] = [];
  const queues = new ClassQueues(new QueuePool(slots), classes, (slot, reason) => {
    drops.push([slot, reason]);
    slots.release(slot);
  });
  let nextSlot = 0;
  const add = (classIndex: number, flow = 1, length = 1000): number => {
    const slot = nextSlot++;
    slots.hold(slot, 1, length, (classIndex << 12) | flow, 0, clock);
    queues.enqueue(slot, classIndex, clock);
    return slot;
  };
  const take = (): number => {
    queues.begin(clock);
    const slot = queues.next();
    if (slot >= 0) queues.taken();
    return slot;
  };
  return { slots, clock, queues, drops, add, take };
}

describe('the queues of a peer', () => {
  it('keeps the order of a flow and takes turns between flows', () => {
    const { add, take } = setUp([rules()]);
    const a = [add(0, 1, 1500), add(0, 1, 1500), add(0, 1, 1500)];
    const b = [add(0, 2, 1500), add(0, 2, 1500)];
    expect([take(), take(), take(), take(), take(), take()]).toEqual([a[0], b[0], a[1], b[1], a[2], -1]);
  });

  it('sends urgent classes first, then by priority', () => {
    const { add, take } = setUp([rules(), rules({ priority: 1 }), rules({ urgent: true })]);
    const [last, middle, first] = [add(0), add(1), add(2)];
    expect([take(), take(), take(), take()]).toEqual([first, middle, last, -1]);
  });

  it('answers the other flows of a class while one is blocked, and none of a blocked class', () => {
    const { queues, clock, add } = setUp([rules(), rules()]);
    const [a, b, c] = [add(1, 1), add(1, 2), add(0, 1)];
    queues.begin(clock);
    expect(queues.next()).toBe(a);
    queues.blocked(false);
    expect(queues.next()).toBe(b);
    queues.blocked(true);
    expect(queues.next()).toBe(c);
    queues.blocked(false);
    expect(queues.next()).toBe(-1);
    queues.begin(clock);
    expect(queues.next()).toBe(a);
  });

  it('keeps what waits when classes are reordered or go', () => {
    const { queues, add, take } = setUp([rules(), rules(), rules()]);
    const [a, b] = [add(1, 7), add(2, 7)];
    queues.reconfigure([rules(), rules({ priority: 1 })], [0, 0, 1]);
    expect([queues.backlogPackets(0), queues.backlogPackets(1)]).toEqual([1, 1]);
    expect([take(), take(), take()]).toEqual([b, a, -1]);
  });
});
