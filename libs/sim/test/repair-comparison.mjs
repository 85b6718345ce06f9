/**
 * Compares ways to repair loss, for docs/decisions/0017: the tunnel's sliding-window code, block Reed-Solomon, copies, and
 * retransmission. One flow of 500 packets a second over a path of 20 ms; repairs and copies take a second path of 30 ms
 * that loses alike, on its own dice. Deterministic.
 *
 *   npx tsc -b libs/sim && node libs/sim/test/repair-comparison.mjs [--all] [--packets N] [--first MS] [--second MS]
 *
 * Without --all each kind of loss is met with the ratio that `repairRatio` recommends (0.3 where that is none); with it, also
 * with fixed ones.
 * The sliding-window code is the real encoder and decoder. Reed-Solomon is the ideal one: k packets, then m repairs at
 * once, any k of them restore all. Retransmission: acknowledgements every 5 ms, lost when three later ones arrived (RFC
 * 9002), sent again at once. A packet that comes later than 150 ms after it was sent counts as lost.
 */
import { argv } from 'node:process';
import { repairRatio } from '@corridor/strategy';
import { Clock, plainGf256, RepairDecoder, RepairEncoder, RepairMemory } from '@corridor/tunnel';
import { Random } from '../dist/random.js';

const option = (name, otherwise) => (argv.includes(name) ? Number(argv[argv.indexOf(name) + 1]) : otherwise);
const PACKETS = option('--packets', 200_000);
const SPACING_US = 2_000;
const FIRST_US = 1000 * option('--first', 20);
const SECOND_US = 1000 * option('--second', 30);
const ACK_US = 5_000;
const DEADLINE_US = 150_000;
/** Stands for 1,250 bytes, to spare time. */
const BYTES = 250;
/** Where no repairs are recommended, what they would do at this ratio. */
const OTHERWISE = 0.3;
/** Packets in 100 ms, see `repairRatio`. */
const WINDOW = 50;

/** A path that loses packets: `mean` 1 at random, otherwise in bursts of so many on average (Gilbert-Elliott). */
class Loss {
  constructor(ratio, mean, random) {
    this.random = random;
    this.leave = 1 / mean;
    this.enter = mean === 1 ? ratio : (ratio * this.leave) / (1 - ratio);
    this.memory = mean > 1;
    this.lost = false;
  }
  next() {
    this.lost = this.random.next() < (this.memory && this.lost ? 1 - this.leave : this.enter);
    return this.lost;
  }
}

/** Events in order of time. */
class Agenda {
  heap = [];
  at(us, run) {
    const { heap } = this;
    let i = heap.push({ us, run }) - 1;
    for (; i > 0 && heap[(i - 1) >> 1].us > us; i = (i - 1) >> 1) heap[i] = heap[(i - 1) >> 1];
    heap[i] = { us, run };
  }
  next() {
    const { heap } = this;
    const top = heap[0];
    const last = heap.pop();
    for (let i = 0; heap.length > 0; ) {
      let child = 2 * i + 1;
      if (child + 1 < heap.length && heap[child + 1].us < heap[child].us) child++;
      if (child >= heap.length || heap[child].us >= last.us) {
        heap[i] = last;
        break;
      }
      heap[i] = heap[child];
      i = child;
    }
    return top;
  }
  run() {
    while (this.heap.length > 0) {
      const { us, run } = this.next();
      run(us);
    }
  }
}

class Run {
  constructor(loss) {
    this.first = new Loss(loss.ratio, loss.mean, new Random(1));
    this.second = new Loss(loss.ratio, loss.mean, new Random(2));
    this.agenda = new Agenda();
    this.arrivedUs = new Float64Array(PACKETS).fill(Number.POSITIVE_INFINITY);
    this.extra = 0;
    this.arrival = () => {};
  }
  sentUs(sequence) {
    return sequence * SPACING_US;
  }
  deliver(sequence, us) {
    if (us < this.arrivedUs[sequence]) this.arrivedUs[sequence] = us;
  }
  /** Sends all packets over the first path; `sent` sees each as it goes out, `arrival` each that arrives. */
  run(sent) {
    for (let sequence = 0; sequence < PACKETS; sequence++) {
      this.agenda.at(this.sentUs(sequence), (us) => {
        this.send(sequence, us);
        sent(sequence, us);
      });
    }
    this.agenda.run();
    return this.result();
  }
  send(sequence, us) {
    if (this.first.next()) return;
    this.agenda.at(us + FIRST_US, (at) => {
      this.deliver(sequence, at);
      this.arrival(sequence, at);
    });
  }
  /** Something of the size of a packet over the second path. */
  sendSecond(us, arrived) {
    this.extra++;
    if (!this.second.next()) this.agenda.at(us + SECOND_US, arrived);
  }
  result() {
    let lost = 0;
    const added = [];
    for (let sequence = 0; sequence < PACKETS; sequence++) {
      const delay = this.arrivedUs[sequence] - this.sentUs(sequence);
      if (delay > DEADLINE_US) lost++;
      else if (delay > FIRST_US) added.push(delay - FIRST_US);
    }
    added.sort((a, b) => a - b);
    const part = (q) => (added.length > 0 ? added[Math.min(added.length - 1, Math.floor(q * added.length))] / 1000 : 0);
    return { lost: lost / PACKETS, p50: part(0.5), p99: part(0.99), max: part(1), extra: this.extra / PACKETS };
  }
}

function nothing(loss) {
  return new Run(loss).run(() => {});
}

function copies(loss) {
  const run = new Run(loss);
  return run.run((sequence, us) => run.sendSecond(us, (at) => run.deliver(sequence, at)));
}

/** Blocks of `k` packets, each followed by its share of repairs. */
function reedSolomon(loss, k, ratio) {
  const run = new Run(loss);
  const blocks = Math.ceil(PACKETS / k);
  const known = new Int32Array(blocks);
  const complete = (block, at) => {
    if (known[block] < k) return;
    for (let i = block * k; i < Math.min(PACKETS, (block + 1) * k); i++) run.deliver(i, at);
  };
  run.arrival = (sequence, at) => {
    const block = Math.floor(sequence / k);
    known[block]++;
    complete(block, at);
  };
  let owed = 0;
  return run.run((sequence, us) => {
    if ((sequence + 1) % k !== 0) return;
    const block = Math.floor(sequence / k);
    for (owed += ratio * k; owed >= 1; owed--) {
      run.sendSecond(us, (at) => {
        known[block]++;
        complete(block, at);
      });
    }
  });
}

function packetOf(sequence) {
  const packet = new Uint8Array(BYTES);
  for (let i = 0; i < BYTES; i++) packet[i] = Math.imul(sequence + 1, i + 3) >>> 5;
  return packet;
}

function slidingWindow(loss, ratio, run = new Run(loss)) {
  const memory = new RepairMemory(1 << 24);
  const clock = new Clock();
  const encoder = new RepairEncoder(plainGf256, memory);
  const decoder = new RepairDecoder(plainGf256, memory, {
    recovered: (_flow, sequence, bytes, offset) => {
      if (bytes[offset + 9] !== packetOf(sequence)[9]) throw new Error(`packet ${sequence} came out wrong`);
      run.deliver(sequence, clock.nowUs);
    },
  });
  const arrival = run.arrival;
  run.arrival = (sequence, at) => {
    clock.nowUs = at;
    decoder.keep(1, sequence, packetOf(sequence), 0, BYTES, clock);
    arrival(sequence, at);
  };
  return run.run((sequence, us) => {
    clock.nowUs = us;
    encoder.protect(1, sequence, packetOf(sequence), 0, BYTES, Math.round(ratio * 1000), clock);
    while (encoder.waiting > 0) {
      const first = encoder.nextFirst;
      const payload = new Uint8Array(encoder.nextLength);
      encoder.take(payload, 0);
      run.sendSecond(us, (at) => {
        clock.nowUs = at;
        decoder.repair(1, first, payload, 0, payload.length, clock);
      });
    }
  });
}

/** Adds retransmission to a run. */
function retransmitting(loss) {
  const run = new Run(loss);
  const acknowledged = new Uint8Array(PACKETS);
  /** When each packet was sent last, and how many transmissions had begun by then. */
  const order = new Int32Array(PACKETS).fill(-1);
  let transmissions = 0;
  const outstanding = new Set();
  const pending = [];
  let ackAt = -1;
  const newest = [];
  const send = run.send.bind(run);
  run.send = (sequence, us) => {
    order[sequence] = transmissions++;
    outstanding.add(sequence);
    send(sequence, us);
  };
  run.arrival = (sequence, at) => {
    pending.push(sequence, order[sequence]);
    if (ackAt >= at) return;
    ackAt = Math.ceil((at + 1) / ACK_US) * ACK_US;
    run.agenda.at(ackAt, (us) => {
      const acks = pending.splice(0);
      run.agenda.at(us + FIRST_US, (now) => receive(acks, now));
    });
  };
  const receive = (acks, now) => {
    for (let i = 0; i < acks.length; i += 2) {
      acknowledged[acks[i]] = 1;
      outstanding.delete(acks[i]);
      newest.push(acks[i + 1]);
    }
    newest.sort((a, b) => b - a).splice(3);
    if (newest.length < 3) return;
    for (const sequence of outstanding) {
      if (order[sequence] >= newest[2]) continue;
      outstanding.delete(sequence);
      if (now + FIRST_US - run.sentUs(sequence) > DEADLINE_US) continue;
      run.extra++;
      run.send(sequence, now);
    }
  };
  return run;
}

const losses = [
  { name: '1 % at random', ratio: 0.01, mean: 1 },
  { name: '5 % at random', ratio: 0.05, mean: 1 },
  { name: '15 % at random', ratio: 0.15, mean: 1 },
  { name: '2 % in bursts of 4', ratio: 0.02, mean: 4 },
  { name: '2 % in bursts of 8', ratio: 0.02, mean: 8 },
  { name: '2 % in bursts of 20', ratio: 0.02, mean: 20 },
];

const percent = (x) => `${(100 * x).toFixed(x < 0.1 ? 2 : 1)} %`;
const row = (name, { lost, p50, p99, max, extra }) =>
  console.log(
    `| ${name} | ${percent(lost)} | ${p50.toFixed(0)} | ${p99.toFixed(0)} | ${max.toFixed(0)} | ${percent(extra)} |`,
  );

for (const loss of losses) {
  const recommended = repairRatio(loss.ratio, loss.mean, WINDOW);
  console.log(`\n**${loss.name}** (recommended ratio ${recommended > 0 ? recommended.toFixed(2) : 'none'})\n`);
  console.log('| | residual loss | added delay of repaired packets p50 | p99 | max, ms | extra bytes |');
  console.log('|---|---|---|---|---|---|');
  row('nothing', nothing(loss));
  row(
    'retransmission alone',
    retransmitting(loss).run(() => {}),
  );
  row('copies', copies(loss));
  const ratio = recommended > 0 ? recommended : OTHERWISE;
  for (const each of argv.includes('--all') ? [0.1, 0.2, 0.3, 0.5, ratio] : [ratio]) compare(loss, each);
}

function compare(loss, ratio) {
  for (const k of [10, 20, 40]) row(`Reed-Solomon, blocks of ${k}, ${ratio.toFixed(2)}`, reedSolomon(loss, k, ratio));
  row(`sliding window, ${ratio.toFixed(2)}`, slidingWindow(loss, ratio));
  row(`sliding window, ${ratio.toFixed(2)}, and retransmission`, slidingWindow(loss, ratio, retransmitting(loss)));
}
