/**
 * Run by per-packet.test.ts in a process of its own on the build, because a test runner's module wrapper keeps V8 from
 * inlining across modules. Prints the bytes that one packet leaves on the heap, and how long it takes, by function.
 */

import { sameRemote } from '../dist/address.js';
import { Classifier } from '../dist/classify.js';
import { flowHash } from '../dist/flow-hash.js';
import { tooBigReply } from '../dist/icmp.js';
import { PrefixTable, parsePrefix } from '../dist/prefixes.js';

const ROUNDS = 100_000;
const v4 = Buffer.from('4500002812344000401100000a4d00020a4d00010fa0003500140000', 'hex');
const v6 = Buffer.from(
  `6000000000142c40${'fd77'.padEnd(30, '0')}02${'fd77'.padEnd(30, '0')}011100000112345678fa00003500140000`,
  'hex',
);
const out = new Uint8Array(2048);
const table = new PrefixTable();
for (let i = 0; i < 10_000; i++) {
  table.insert({ family: 4, address: Uint8Array.of(10, i >> 8, i, 2), length: 32 }, i);
  table.insert({ family: 6, address: Uint8Array.of(0xfd, 0x77, i >> 8, i, ...new Array(12).fill(0)), length: 64 }, i);
}
table.insert(parsePrefix('10.77.0.0/16'), 5);
table.insert(parsePrefix('0.0.0.0/0'), 6);
const classifier = new Classifier({
  version: 1,
  default: { strategy: 's' },
  classes: [
    { name: 'a', strategy: 's', match: [{ dscp: [46] }, { protocol: 'tcp', ports: ['5000-5010'] }] },
    { name: 'b', strategy: 's', match: [{ prefixes: ['192.168.0.0/16', 'fd99::/64'] }, { ports: [53] }] },
  ],
});

let sink = 0;
const works = {
  flowHash: () => {
    sink ^= flowHash(v4, 0, v4.length) ^ flowHash(v6, 0, v6.length);
  },
  classify: () => {
    sink ^= classifier.classify(v4, 0, v4.length) ^ classifier.classify(v6, 0, v6.length);
  },
  lookup: () => {
    sink ^= table.lookupSource(v4, 0) ^ table.lookupDestination(v6, 0);
  },
  sameRemote: () => {
    sink ^= sameRemote(v4, 0, v4, 0) ? 1 : 0;
  },
  tooBigReply: () => {
    sink ^= tooBigReply(v4, 0, v4.length, 1280, out, 0);
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
console.log(JSON.stringify({ figures, sink }));
