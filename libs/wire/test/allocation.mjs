/**
 * Run by frames.test.ts in a process of its own on the build, because a test runner's module wrapper keeps V8 from
 * inlining across modules as it does in production. Prints the bytes that one round leaves on the heap.
 */
import { AckFrame, FrameWriter, readFrames } from '../dist/index.js';

const ROUNDS = 100_000;
const bytes = new Uint8Array(2048);
const writer = new FrameWriter();
const frame = new AckFrame();
frame.rangeCount = 3;
frame.ranges.set([2 ** 40, 2 ** 40 - 5, 2 ** 40 - 10, 2 ** 40 - 12, 2 ** 40 - 20, 2 ** 40 - 30]);
frame.largestReceivedAt = 0xfeed_beef;
frame.receivedBytes = 2 ** 41;

const seen = new Float64Array(1);
const visitor = {
  probe(token) {
    seen[0] += token;
  },
  ack(ack) {
    seen[0] += ack.ranges[0] - ack.ranges[1] + ack.largestReceivedAt;
  },
  silence(silence) {
    seen[0] += silence.largest;
  },
};

function round() {
  writer.begin(bytes, 0, bytes.length);
  writer.probe(0xfff0_0000, 40);
  writer.ack(frame);
  writer.silence(3, 2 ** 40);
  if (!readFrames(bytes, 0, writer.length, visitor)) throw new Error('unreadable');
}

let least = Number.POSITIVE_INFINITY;
for (let i = 0; i < ROUNDS; i++) round();
// Many attempts: on a busy machine V8's compiler threads get to the last optimisation late. What allocates always does so in all.
for (let attempt = 0; attempt < 12; attempt++) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < ROUNDS; i++) round();
  least = Math.min(least, process.memoryUsage().heapUsed - before);
}
console.log(least / ROUNDS);
