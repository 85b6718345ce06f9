/**
 * Run by src/queueing/allocation.test.ts in a process of its own on the build. Prints, for each way of using the queues,
 * the bytes that one packet leaves on the heap and the nanoseconds from enqueue to taken (a figure for docs, not a test).
 */
import { Clock } from '../dist/clock.js';
import { clampMss } from '../dist/mss.js';
import { ClassQueues, QueuePool } from '../dist/queueing/index.js';
import { SendSlots } from '../dist/send-slots.js';

const ROUNDS = 40_000;
/** Times above 2^31 have to be boxed wherever they are not kept in a typed array. */
const START_US = 5_000_000_000.5;

const rules = (more) => ({ priority: 4, urgent: false, minShare: 0.05, deadlineUs: 1_000_000, ...more });
const classes = [
  rules(),
  rules({ urgent: true, priority: 1 }),
  rules({ priority: 2 }),
  rules({ priority: 3 }),
  rules(),
];

/** A peer whose queues hold `standing` packets, spread over `flows` flows of the classes `used`. */
function setUp(standing, flows, used, sizeOf = () => 1_400) {
  const slots = new SendSlots(8_192);
  const clock = new Clock();
  clock.nowUs = START_US;
  const counts = new Float64Array(3);
  const queues = new ClassQueues(new QueuePool(slots), classes, (slot, reason) => {
    counts[reason]++;
    slots.release(slot);
  });
  let number = 0;
  const add = () => {
    number = (number + 1) & 0xffff;
    const slot = slots.nextFree();
    const index = used[number % used.length];
    slots.hold(slot, 1, sizeOf(number), (index << 12) | ((number * 7) % flows), 0, clock);
    queues.enqueue(slot, index, clock);
  };
  for (let i = 0; i < standing; i++) add();
  return { slots, clock, queues, add, counts };
}

// The position of a free slot: what `lend` would have answered, without its batch.
SendSlots.prototype.nextFree = function nextFree() {
  return this.next[this.free];
};

function passing({ slots, clock, queues, add }, burst = 1) {
  return () => {
    clock.nowUs += 20 * burst;
    for (let i = 0; i < burst; i++) add();
    queues.begin(clock);
    for (let i = 0; i < burst; i++) {
      const slot = queues.next();
      if (slot < 0) return;
      queues.taken();
      slots.release(slot);
    }
  };
}

function blocking({ slots, clock, queues, add }) {
  return () => {
    clock.nowUs += 20;
    add();
    queues.begin(clock);
    queues.next();
    queues.blocked(false);
    queues.next();
    queues.blocked(true);
    const slot = queues.next();
    if (slot < 0) return;
    queues.taken();
    slots.release(slot);
  };
}

const syn = Buffer.from(
  '4500003c00004000400600000a4d00020a4d00019c4014510000000000000000a002faf00000000002040' +
    '5b40402080a000000000000000001030307',
  'hex',
);
const data = Buffer.from('450005dc00004000400600000a4d00020a4d00019c40145100000000000000005010faf000000000', 'hex');
const overLimit = setUp(2_048, 50, [0, 2, 3]);
const flood = setUp(2_048, 4_096, [0]);
const mixedFlood = setUp(2_048, 4_096, [0], (number) => 40 + ((number * 131) % 1_400));
const codel = setUp(1_500, 10, [0, 2]);

const works = {
  // Without queues, to be subtracted: a slot held and released.
  noQueue: (() => {
    const slots = new SendSlots(8_192);
    const clock = new Clock();
    return () => {
      const slot = slots.nextFree();
      slots.hold(slot, 1, 1_400, 5, 0, clock);
      slots.release(slot);
    };
  })(),
  // Nothing waits: in and out.
  empty: passing(setUp(0, 50, [0, 2, 3, 4])),
  // One greedy flow with a short queue.
  oneFlow: passing(setUp(50, 1, [0])),
  // Four classes, 200 flows, a standing queue that CoDel leaves alone since it is pardoned.
  manyFlows: (() => {
    const all = setUp(200, 200, [0, 2, 3, 4]);
    all.queues.pardon(1e12, all.clock);
    return passing(all);
  })(),
  // A queue above target: CoDel drops.
  codel: passing(codel),
  blocking: blocking(setUp(100, 20, [0, 2, 3])),
  // More comes than goes: each packet pushes one out.
  overLimit: () => {
    overLimit.clock.nowUs += 1;
    overLimit.add();
  },
  // As many flows as packets: no flow is longer than others.
  flood: () => {
    flood.clock.nowUs += 1;
    flood.add();
  },
  // Likewise with packets of all sizes, so that the longest flow has to be looked for.
  mixedFlood: () => {
    mixedFlood.clock.nowUs += 1;
    mixedFlood.add();
  },
  setTarget: () => {
    codel.queues.setTarget(2, 30_000);
    codel.queues.setTarget(2, 5_000);
  },
  clampMss: () => {
    syn[42] = 5;
    syn[43] = 0xb4;
    clampMss(syn, 0, syn.length, 1_400);
  },
  noSyn: () => {
    clampMss(data, 0, 1_500, 1_400);
  },
};

const figures = {};
for (const [name, work] of Object.entries(works)) {
  for (let i = 0; i < ROUNDS; i++) work();
  let bytes = Number.POSITIVE_INFINITY;
  let nanoseconds = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 3; attempt++) {
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    const start = process.hrtime.bigint();
    for (let i = 0; i < ROUNDS; i++) work();
    nanoseconds = Math.min(nanoseconds, Number(process.hrtime.bigint() - start));
    bytes = Math.min(bytes, process.memoryUsage().heapUsed - before);
  }
  figures[name] = { bytes: bytes / ROUNDS, nanoseconds: Math.round(nanoseconds / ROUNDS) };
}
const dropped = { codel: codel.counts[0], limit: overLimit.counts[1], flood: flood.counts[1] };
console.log(JSON.stringify({ figures, dropped }));
