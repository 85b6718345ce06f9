/**
 * What forward repair costs: bytes left on the heap and nanoseconds, for each packet that is protected, kept or
 * recovered. Prints JSON. On the build, as V8 shall see what it sees in production:
 *
 *   npx tsc -b libs/tunnel && node --expose-gc --interrupt-budget=20000 libs/tunnel/test/repair-hot-path.mjs \
 *     [rounds] [module] [repair bytes per thousand] [bytes of a packet]
 *
 * `module` exports `nativeGf256`, such as the build of packet-io; `-` is the plain arithmetic.
 */
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { Clock, Earliest, plainGf256, RepairDecoder, RepairEncoder, RepairMemory } from '../dist/index.js';

const ROUNDS = Number(process.argv[2] ?? 400);
const module = process.argv[3] ?? '-';
const gf256 = module === '-' ? plainGf256 : (await import(pathToFileURL(module).href)).nativeGf256;
const PER_MILLE = Number(process.argv[4] ?? 200);
const BYTES = Number(process.argv[5] ?? 1250);
/** Packets of one round, 2 ms apart. */
const PACKETS = 40;
const SLOT = 2048;

const clock = new Clock();
clock.nowUs = 5_000_000_000.5;
const earliest = new Earliest();
const slab = new Uint8Array(PACKETS * SLOT);
for (let i = 0; i < slab.length; i++) slab[i] = (i * 2654435761) >>> 7;
const memory = new RepairMemory(1 << 24);
const encoder = new RepairEncoder(gf256, memory);
let recovered = 0;
const sink = {
  recovered(_flow, _sequence, _bytes, _offset, length) {
    recovered += length;
  },
};
const decoder = new RepairDecoder(gf256, memory, sink);
const lossless = new RepairDecoder(gf256, memory, sink);

/** Repairs of a round as they arrive, 16 at most. */
const repairs = new Uint8Array(32 * SLOT);
const repairFirst = new Int32Array(32);
const repairLength = new Int32Array(32);
let repairCount = 0;
let sequence = 0;

function protect() {
  repairCount = 0;
  for (let i = 0; i < PACKETS; i++) {
    clock.nowUs += 2_000;
    encoder.protect(7, sequence + i, slab, i * SLOT, BYTES, PER_MILLE, clock);
    earliest.reset();
    encoder.noteDeadline(earliest);
    encoder.service(clock);
    while (encoder.waiting > 0) {
      repairFirst[repairCount] = encoder.nextFirst;
      repairLength[repairCount] = encoder.take(repairs, repairCount * SLOT);
      repairCount++;
    }
  }
}

/** The round's packets arrive except `lost` in its middle, then its repairs. */
function receive(to, lost) {
  for (let i = 0; i < PACKETS; i++) {
    if (i >= 10 && i < 10 + lost) continue;
    to.keep(7, sequence + i, slab, i * SLOT, BYTES, clock);
  }
  for (let i = 0; i < repairCount; i++) to.repair(7, repairFirst[i], repairs, i * SLOT, repairLength[i], clock);
}

const spent = new Float64Array(3);
function round(timed) {
  const t0 = timed ? performance.now() : 0;
  protect();
  const t1 = timed ? performance.now() : 0;
  receive(lossless, 0);
  const t2 = timed ? performance.now() : 0;
  receive(decoder, 4);
  sequence = (sequence + PACKETS) | 0;
  if (!timed) return;
  spent[0] += t1 - t0;
  spent[1] += t2 - t1;
  spent[2] += performance.now() - t2;
}

/** The least of some stretches: V8's own doings fall into one or the other. */
function left() {
  let least = Number.POSITIVE_INFINITY;
  for (let stretch = 0; stretch < 5; stretch++) {
    globalThis.gc();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < ROUNDS; i++) round(false);
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / ROUNDS);
  }
  return least;
}

for (let i = 0; i < 4 * ROUNDS; i++) round(false);
const bytesPerRound = left();
let best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
for (let attempt = 0; attempt < 5; attempt++) {
  spent.fill(0);
  for (let i = 0; i < ROUNDS; i++) round(true);
  best = best.map((least, i) => Math.min(least, (spent[i] * 1e6) / ROUNDS));
}
const recoveredBefore = recovered;
round(false);
const recoveredPackets = (recovered - recoveredBefore) / BYTES;
console.log(
  JSON.stringify({
    bytesPerRound,
    recoveredPackets,
    protectNs: best[0] / PACKETS,
    keepNs: best[1] / PACKETS,
    recoverNs: (best[2] - best[1]) / recoveredPackets,
  }),
);
