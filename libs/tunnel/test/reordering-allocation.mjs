/**
 * Run by reordering-allocation.test.ts in a process of its own on the build, because a test runner's module wrapper
 * keeps V8 from inlining across modules. Prints the bytes that one packet leaves on the heap, and how long it takes,
 * for flows of which no packet waits, and for ones that three paths bring, the second 20 ms and the third 40 ms late,
 * with a packet in a hundred missing for good.
 */
import { Clock, Earliest } from '../dist/clock.js';
import { Reordering, ReorderPool } from '../dist/reordering/index.js';

const SLOTS = 4096;
const BATCH = 64;
const FLOWS = 8;
/** Per batch: 30,000 packets/s altogether. */
const STEP_US = 2_133;
/** Batches that a packet of each path is late. */
const LATE = [0, 9, 19];
const BATCHES = 40_000;
const START_US = Number(process.argv[2] ?? 0);

const slab = new Uint8Array((BATCH + SLOTS) << 11);
const pool = new ReorderPool(slab, BATCH, SLOTS);
let delivered = 0;
const sink = {
  deliver(_offset, length) {
    delivered += length > 0 ? 1 : 0;
  },
};
const clock = new Clock();
const earliest = new Earliest();
clock.nowUs = START_US;

/** Takes packet `i` of all; those of a flow follow each other. */
function accept(reordering, i, index) {
  reordering.accept(0x1000 | (i % FLOWS), (i / FLOWS) | 0, (index << 11) + 64, 1400, 80_000, clock);
}

function settle(reordering) {
  reordering.service(clock);
  earliest.reset();
  reordering.noteDeadline(earliest);
  pool.reset();
  clock.nowUs += STEP_US;
}

/** Every packet comes when it is its turn. */
function inOrder(reordering, from, to) {
  for (let batch = from; batch < to; batch++) {
    for (let i = 0; i < BATCH; i++) accept(reordering, batch * BATCH + i, i);
    settle(reordering);
  }
}

/** The packets of a batch are of three paths by turns, each as late as its path. */
function interleaved(reordering, from, to) {
  for (let batch = from; batch < to; batch++) {
    for (let path = 0; path < LATE.length; path++) {
      const sent = batch - LATE[path];
      if (sent < 0) continue;
      // A stride that is no multiple of the flows, so that all flows are on all paths.
      for (let i = 0; i < BATCH; i++) {
        const packet = sent * BATCH + i;
        if (((packet / FLOWS) | 0) % LATE.length === path && packet % 101 !== 0) accept(reordering, packet, i);
      }
    }
    settle(reordering);
  }
}

const figures = {};
for (const [name, work] of Object.entries({ inOrder, interleaved })) {
  const reordering = new Reordering(pool, sink);
  let batch = BATCHES;
  work(reordering, 0, batch);
  let bytes = Number.POSITIVE_INFINITY;
  let nanoseconds = Number.POSITIVE_INFINITY;
  const packets = BATCHES * BATCH * (name === 'inOrder' ? 1 : 100 / 101);
  for (let attempt = 0; attempt < 3; attempt++) {
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    const start = process.hrtime.bigint();
    work(reordering, batch, batch + BATCHES);
    nanoseconds = Math.min(nanoseconds, Number(process.hrtime.bigint() - start));
    bytes = Math.min(bytes, process.memoryUsage().heapUsed - before);
    batch += BATCHES;
  }
  const { timeouts, filled, waitedMaxUs, kept } = reordering;
  figures[name] = {
    bytes: bytes / packets,
    nanoseconds: Math.round(nanoseconds / packets),
    timeouts,
    filled,
    waitedMaxUs,
    waitUs: reordering.waitUs(1),
    kept,
  };
}
console.log(JSON.stringify({ figures, delivered }));
