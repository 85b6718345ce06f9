/**
 * How much of what recorded links offer together a TCP can have at all, and how late video comes at best, when nobody knows
 * the future:
 *
 *   node libs/sim/test/drive-ceiling.mjs --traces DIR [--from SECONDS,...] [--seconds N]
 *
 * Of TCP: one connection over one link that has all opportunities of the three, headers as in the tunnel, behind a FIFO or a
 * CoDel queue (RFC 8289). With equal delays that is an aggregator which knows every link at once and keeps the order.
 * Of video: a sender that knows each link's service, also where it sends nothing, as it was 25 ms ago (20 ms of way and 5 ms
 * between acknowledgements), and takes the link on which a packet should arrive first. Needs a build.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const sim = await import('../dist/index.js');
const { VirtualClock } = await import('../dist/virtual-clock.js');
const { readSegment, TcpSegment } = await import('../dist/tcp/segment.js');
const { TcpFlow } = await import('../dist/tcp/tcp-flow.js');

const { values } = parseArgs({
  options: {
    traces: { type: 'string' },
    from: { type: 'string', default: '0,45,90' },
    seconds: { type: 'string', default: '60' },
  },
});
if (values.traces === undefined) throw new Error('--traces DIR was expected: NAME.up and NAME.down, mahimahi');

const START_US = 2e6;
const stopUs = START_US + Number(values.seconds) * 1e6;
const WAY_US = 20_000;
const OPPORTUNITY = 1_500;
const MTU = 1_400;
const HEADERS = 24;
const operators = readdirSync(values.traces)
  .filter((file) => file.endsWith('.up'))
  .sort()
  .map((file) => {
    const read = (name) => sim.parseMahimahi(readFileSync(join(values.traces, name), 'utf8'));
    return { name: file.slice(0, -3), up: read(file), down: read(`${file.slice(0, -3)}.down`) };
  });
const froms = values.from.split(',').map(Number);
const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
const linksOf = (direction, from) => {
  const drive = { name: 'ceiling', operators, durationUs: stopUs - START_US, fromMs: from * 1_000 };
  return sim.boundLinks(sim.recordedDrive(drive, `udp-${direction}`), direction);
};

const QUEUES = [
  { name: 'FIFO of 200 ms', fifoMs: 200 },
  { name: 'FIFO of 1 s', fifoMs: 1_000 },
  ...[5, 25, 100].map((ms) => ({ name: `CoDel of ${ms} ms`, targetUs: ms * 1_000 })),
];
function main() {
  for (const congestion of ['cubic', 'bbr']) {
    for (const direction of ['up', 'down']) {
      for (const queue of QUEUES) {
        const shares = froms.map((from) => {
          const links = linksOf(direction, from);
          return overOneLink(links, congestion, queue) / sim.offeredBps(links, START_US, stopUs);
        });
        console.log(
          `${congestion} ${direction}, ${queue.name}: ${(100 * mean(shares)).toFixed(1)} % of what is offered`,
        );
      }
    }
  }
  for (const direction of ['up', 'down']) {
    for (const copies of [0, 1]) {
      const results = froms.map((from) => videoOver(linksOf(direction, from), copies));
      const p99 = results.map((delays) => sim.percentile(delays, 99));
      const late = results.map((delays) => delays.filter((ms) => ms > 54).length / delays.length);
      console.log(
        `video ${direction}, ${copies} copies: p99 ${mean(p99).toFixed(0)} ms (${p99.map((ms) => ms.toFixed(0)).join(' ')}), ${(100 * mean(late)).toFixed(2)} % later than 54 ms`,
      );
    }
  }
}

/** Goodput, bit/s. */
function overOneLink(links, congestion, queue) {
  const clock = new VirtualClock();
  const opportunities = Float64Array.from(links.flatMap(({ traceMs }) => [...traceMs])).sort();
  const bytesPerMs = (opportunities.length * OPPORTUNITY) / opportunities[opportunities.length - 1];
  const codel = queue.targetUs === undefined ? undefined : new CoDel(queue.targetUs);
  const most = codel === undefined ? queue.fifoMs * bytesPerMs : Number.POSITIVE_INFINITY;
  const segment = new TcpSegment();
  const waiting = [];
  let [bytes, next, credit, isServed] = [0, 0, 0, false];

  const arrive = (packet) => {
    readSegment(packet, 0, packet.length, segment);
    flow.arrived(segment);
  };
  const serve = () => {
    isServed = false;
    credit += OPPORTUNITY;
    next++;
    while (waiting.length > 0 && credit >= waiting[0].bytes) {
      const first = waiting.shift();
      bytes -= first.bytes;
      if (codel?.drops(clock.nowUs, clock.nowUs - first.atUs, bytes)) continue;
      credit -= first.bytes;
      clock.schedule(clock.nowUs + WAY_US, () => arrive(first.packet));
    }
    if (waiting.length === 0) credit = 0;
    else arm();
  };
  const arm = () => {
    while (next < opportunities.length && opportunities[next] * 1_000 < clock.nowUs) next++;
    if (isServed || next >= opportunities.length) return;
    isServed = true;
    clock.schedule(opportunities[next] * 1_000, serve);
  };
  const network = (transmit) => ({
    get nowUs() {
      return clock.nowUs;
    },
    schedule: (atUs, action) => clock.schedule(atUs, action),
    transmit(count, write) {
      for (let i = 0; i < count; i++) {
        const buffer = new Uint8Array(MTU);
        transmit(buffer.subarray(0, write(i, buffer, 0)));
      }
    },
  });
  const there = network((packet) => {
    const size = packet.length + HEADERS;
    if (bytes + size > most) return;
    waiting.push({ atUs: clock.nowUs, bytes: size, packet });
    bytes += size;
    arm();
  });
  const back = network((packet) => clock.schedule(clock.nowUs + WAY_US, () => arrive(packet)));
  const place = { vehicle: 0, name: 'tcp', from: 0x0a4d0002, to: 0x0a630002, port: 5_000, mtu: MTU };
  const spec = { kind: 'tcp', direction: 'up', congestion };
  const flow = new TcpFlow(spec, { ...place, startUs: START_US, stopUs }, new sim.Random(1), there, back);
  flow.start();
  clock.runUntil(stopUs);
  return flow.result().rateBps;
}

/** One-way delays in milliseconds, ascending, of 2 Mbit/s in packets of 1,240 bytes. */
function videoOver(links, copies) {
  const BYTES = 1_240;
  const INTERVAL_MS = 4.8;
  const KNOWN_MS = 25;
  const SILENT_MS = 12;
  const ways = links.map(({ traceMs }) => ({ traceMs, at: 0, left: OPPORTUNITY, sent: [] }));
  const delays = [];
  const expected = ({ traceMs, sent }, nowMs) => {
    const knownMs = nowMs - KNOWN_MS;
    const until = placeOf(traceMs, knownMs);
    const bytesPerMs = ((until - placeOf(traceMs, knownMs - 100)) * OPPORTUNITY) / 100;
    const silentMs = knownMs - (traceMs[until - 1] ?? Number.NEGATIVE_INFINITY);
    while (sent.length > 0 && sent[0] <= knownMs) sent.shift();
    const isSilent = silentMs > SILENT_MS;
    const queue = Math.max(0, sent.length * BYTES - (isSilent ? 0 : bytesPerMs * KNOWN_MS));
    return (isSilent ? 1.5 * silentMs : 0) + (queue + BYTES) / Math.max(bytesPerMs, 1e-6);
  };
  let anchor = ways[0];
  for (let nowMs = START_US / 1_000; nowMs < stopUs / 1_000; nowMs += INTERVAL_MS) {
    const order = ways.map((way) => ({ way, ms: expected(way, nowMs) })).sort((a, b) => a.ms - b.ms);
    if (order[0].ms + 3 < expected(anchor, nowMs)) anchor = order[0].way;
    const others = order.map(({ way }) => way).filter((way) => way !== anchor);
    const arrivals = [anchor, ...others.slice(0, copies)].map((way) => served(way, nowMs, BYTES));
    delays.push(Math.min(...arrivals) - nowMs + WAY_US / 1_000);
  }
  return Float64Array.from(delays).sort();
}

/** When a packet has been served behind what the link carries already, milliseconds. */
function served(way, nowMs, bytes) {
  const { traceMs } = way;
  if (traceMs[way.at] < nowMs) {
    way.at = placeOf(traceMs, nowMs);
    way.left = OPPORTUNITY;
  }
  let need = bytes;
  for (; need > way.left; way.left = OPPORTUNITY) {
    need -= way.left;
    way.at++;
  }
  way.left -= need;
  const atMs = traceMs[way.at] ?? Number.POSITIVE_INFINITY;
  way.sent.push(atMs);
  return atMs;
}

/** The first opportunity at or after a time. */
function placeOf(traceMs, ms) {
  let low = 0;
  let high = traceMs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (traceMs[middle] < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** RFC 8289 section 5, for one flow. */
class CoDel {
  #firstAboveUs = 0;
  #isDropping = false;
  #nextUs = 0;
  #count = 0;
  #lastCount = 0;

  constructor(targetUs) {
    this.targetUs = targetUs;
    this.intervalUs = Math.max(100_000, 10 * targetUs);
  }

  drops(nowUs, sojournUs, bytesBehind) {
    if (!this.#isAbove(nowUs, sojournUs, bytesBehind)) {
      this.#isDropping = false;
      return false;
    }
    if (this.#isDropping) {
      if (nowUs < this.#nextUs) return false;
      this.#nextUs += this.intervalUs / Math.sqrt(++this.#count);
      return true;
    }
    this.#isDropping = true;
    const more = this.#count - this.#lastCount;
    this.#count = more > 1 && nowUs - this.#nextUs < 16 * this.intervalUs ? more : 1;
    this.#lastCount = this.#count;
    this.#nextUs = nowUs + this.intervalUs / Math.sqrt(this.#count);
    return true;
  }

  #isAbove(nowUs, sojournUs, bytesBehind) {
    if (sojournUs < this.targetUs || bytesBehind <= OPPORTUNITY) this.#firstAboveUs = 0;
    else if (this.#firstAboveUs === 0) this.#firstAboveUs = nowUs + this.intervalUs;
    else return nowUs >= this.#firstAboveUs;
    return false;
  }
}

main();
