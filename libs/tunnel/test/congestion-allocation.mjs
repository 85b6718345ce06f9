/**
 * Run by congestion/allocation.test.ts in a process of its own on the build, because a test runner's module wrapper keeps
 * V8 from inlining across modules. A full path of 200 Mbit/s and 20 ms, acknowledged every 5 ms: prints the bytes that a
 * packet and an acknowledgement leave on the heap, and how long they take.
 */
import { Clock, Earliest } from '../dist/clock.js';
import { AckReport } from '../dist/congestion/ack-report.js';
import { PathCongestion } from '../dist/congestion/path-congestion.js';

const BYTES = 1400;
const DELAY_US = 10_000;
const ACK_US = 5_000;
const US_PER_BYTE = 8e6 / 200e6;

const congestion = new PathCongestion();
const report = new AckReport();
const clock = new Clock();
const earliest = new Earliest();
// Doubles of this script live in a typed array, too: now, when the link is free, next acknowledgement, received bytes.
const times = new Float64Array([1e6, 1e6, 1e6 + ACK_US, 0]);
const ring = new Float64Array(2 * 65_536);
const counts = new Int32Array(4); // sent, acknowledged
report.largestBytes = BYTES;

function packets(number) {
  for (let i = 0; i < number; i++) {
    clock.nowUs = times[0];
    while (!congestion.maySend(BYTES, clock)) {
      if (congestion.mayOverdraw(BYTES, clock) && (i & 63) === 0) break;
      earliest.reset();
      congestion.noteDeadline(earliest);
      if (congestion.waitUs(clock) < 0) throw new Error('waits backwards');
      times[0] = Math.max(times[0] + 1, Math.min(earliest.us, times[2]));
      if (times[0] >= times[2]) acknowledge();
      clock.nowUs = times[0];
    }
    congestion.sent(BYTES, clock);
    times[1] = Math.max(times[1], times[0]) + BYTES * US_PER_BYTE;
    const at = 2 * (counts[0] & 65_535);
    ring[at] = times[0];
    ring[at + 1] = times[1] + DELAY_US;
    counts[0] = (counts[0] + 1) & 0x3fff_ffff;
  }
}

function acknowledge() {
  times[2] += ACK_US;
  const nowUs = times[0] - DELAY_US;
  let packets = 0;
  while (counts[1] !== counts[0] && ring[2 * (counts[1] & 65_535) + 1] <= nowUs) {
    counts[1] = (counts[1] + 1) & 0x3fff_ffff;
    packets++;
  }
  if (packets === 0) return;
  const at = 2 * ((counts[1] - 1) & 65_535);
  times[3] += packets * BYTES;
  report.ackedPackets = packets;
  report.ackedBytes = packets * BYTES;
  report.largestSentAtUs = ring[at];
  report.rttUs = times[0] - ring[at];
  report.receivedBytes = times[3];
  report.arrivedStamp = ring[at + 1] | 0;
  report.transitUs = (ring[at + 1] - ring[at]) | 0;
  clock.nowUs = times[0];
  congestion.acknowledged(report, clock);
}

const ROUNDS = 400_000;
// What is judged once a round trip comes to be compiled late.
packets(5 * ROUNDS);
let bytes = Number.POSITIVE_INFINITY;
let nanoseconds = Number.POSITIVE_INFINITY;
for (let attempt = 0; attempt < 3; attempt++) {
  globalThis.gc();
  const before = process.memoryUsage().heapUsed;
  const start = process.hrtime.bigint();
  packets(ROUNDS);
  nanoseconds = Math.min(nanoseconds, Number(process.hrtime.bigint() - start) / ROUNDS);
  bytes = Math.min(bytes, (process.memoryUsage().heapUsed - before) / ROUNDS);
}
console.log(
  JSON.stringify({ bytes, nanoseconds, rateBps: congestion.rateBps, packetsPerAck: (ACK_US * 200) / 8 / BYTES }),
);
