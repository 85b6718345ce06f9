/** Random histories against a plain model: sorted arrays, looked through whole at every step. */
import { describe, expect, it } from 'vitest';
import { type Arrival, type Delivered, ReorderingBench } from '../../test/reordering-bench.js';
import { IDLE_US, MAX_HOLD_US, MAX_STEP } from './limits.js';

interface Kept {
  readonly sequence: number;
  readonly sinceUs: number;
  untilUs: number;
}

/** One flow as the rules in reordering.ts say it. Sequences do not wrap here. */
class ModelFlow {
  private expected = -1;
  private heardUs = 0;
  private kept: Kept[] = [];

  constructor(private readonly out: (sequence: number) => void) {}

  accept(sequence: number, holdUs: number, nowUs: number): void {
    if (this.expected < 0) this.expected = sequence;
    const silent = this.kept.length === 0 && nowUs - this.heardUs > IDLE_US;
    this.heardUs = nowUs;
    if (sequence < this.expected) {
      if (this.expected - sequence > MAX_STEP) throw new Error('the model knows no leaps back');
      this.out(sequence);
      return;
    }
    if (silent) this.expected = sequence;
    const untilUs = nowUs + holdUs;
    // Nothing waits longer than what came after it and has to wait, too.
    if (sequence > this.expected && holdUs > 0) {
      for (const packet of this.kept) packet.untilUs = Math.min(packet.untilUs, untilUs);
    }
    this.kept.push({ sequence, sinceUs: nowUs, untilUs });
    this.kept.sort((a, b) => a.sequence - b.sequence);
    if (holdUs === 0) this.passUpTo(sequence);
    this.run();
  }

  /** When the first of the flow's holes is to be given up. */
  dueUs(waitUs: number): number {
    return Math.min(...this.kept.map((packet) => Math.min(packet.untilUs, packet.sinceUs + waitUs)));
  }

  service(nowUs: number, waitUs: number): void {
    while (this.dueUs(waitUs) <= nowUs) {
      this.expected = this.kept[0].sequence;
      this.run();
    }
  }

  private passUpTo(sequence: number): void {
    while (this.kept.length > 0 && this.kept[0].sequence <= sequence) {
      this.expected = this.kept[0].sequence;
      this.run();
    }
  }

  private run(): void {
    while (this.kept.length > 0 && this.kept[0].sequence === this.expected) {
      this.expected++;
      this.out((this.kept.shift() as Kept).sequence);
    }
  }
}

function generator(seed: number): () => number {
  let state = seed * 0x9e37_79b9;
  return () => {
    state = (state + 0x6d2b_79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

interface Timed extends Arrival {
  readonly atUs: number;
}

/** Flows over one to four paths of unlike delay, with losses, some of them repaired, pauses and changing holds. */
function history(seed: number): Timed[] {
  const random = generator(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const paths = Array.from({ length: 1 + below(4) }, () => ({
    delayUs: 5_000 + below(100_000),
    jitterUs: below(3) === 0 ? below(20_000) : 100,
    loss: below(3) === 0 ? random() * 0.2 : 0,
  }));
  const repair = random();
  const repairUs = below(150_000);
  const arrivals: Timed[] = [];
  for (let flow = 0; flow < 1 + below(3); flow++) {
    let atUs = below(50_000);
    let holdUs = 16_000 * below(16);
    const gapUs = 100 + below(4_000);
    for (let sequence = 0; sequence < 200; sequence++) {
      atUs += below(60) === 0 ? below(1_800_000) : below(2 * gapUs);
      if (below(100) === 0) holdUs = 16_000 * below(16);
      const path = paths[below(paths.length)];
      const lost = random() < path.loss;
      if (lost && random() > repair) continue;
      const arrivesUs = atUs + path.delayUs + below(path.jitterUs) + (lost ? repairUs : 0);
      arrivals.push({ flow: (flow << 12) | flow, sequence, holdUs, atUs: arrivesUs });
    }
  }
  return arrivals.sort((a, b) => a.atUs - b.atUs);
}

/** Arrivals less than `quantumUs` apart come in one batch, as a host hands them in. */
function batches(arrivals: readonly Timed[], quantumUs: number): Timed[][] {
  const all: Timed[][] = [];
  for (const arrival of arrivals) {
    const batch = all.at(-1);
    if (batch !== undefined && arrival.atUs - batch[0].atUs < quantumUs) batch.push(arrival);
    else all.push([arrival]);
  }
  return all;
}

/** What came out of the one and of the other, flow by flow. */
function play(arrivals: readonly Timed[], quantumUs: number): { bench: ReorderingBench; model: Delivered[] } {
  const bench = new ReorderingBench();
  const model: Delivered[] = [];
  const flows = new Map<number, ModelFlow>();
  const waitUs = (flow: number) => bench.reordering.waitUs(flow >>> 12);
  const serve = () => {
    for (const [flow, state] of flows) state.service(bench.clock.nowUs, waitUs(flow));
  };
  for (const batch of batches(arrivals, quantumUs)) {
    const atUs = (batch.at(-1) as Timed).atUs;
    for (;;) {
      const dueUs = Math.min(...[...flows].map(([flow, state]) => state.dueUs(waitUs(flow))));
      expect(bench.deadlineUs).toBe(dueUs);
      if (dueUs > atUs) break;
      bench.clock.nowUs = Math.max(bench.clock.nowUs, dueUs);
      // Then the model: giving up a hole teaches not to wait for the next one, which it has to know.
      bench.advance(0);
      serve();
    }
    bench.clock.nowUs = atUs;
    for (const { flow, sequence, holdUs } of batch) {
      let state = flows.get(flow);
      if (state === undefined) {
        state = new ModelFlow((out) => model.push({ flow, sequence: out, atUs: bench.clock.nowUs, slot: 0 }));
        flows.set(flow, state);
      }
      state.accept(sequence, holdUs, atUs);
    }
    bench.receive(batch);
    serve();
  }
  bench.advance(MAX_HOLD_US);
  for (const state of flows.values()) state.service(bench.clock.nowUs, 0);
  return { bench, model };
}

const key = ({ flow, sequence }: { flow: number; sequence: number }) => `${flow}/${sequence}`;

describe('random histories over one to four paths', () => {
  it.each(Array.from({ length: 8 }, (_, i) => i))('block %i', (block) => {
    const seen = { timeouts: 0, filled: 0, late: 0 };
    for (let seed = 40 * block; seed < 40 * (block + 1); seed++) check(seed, seen);
    expect(Math.min(seen.timeouts, seen.filled, seen.late)).toBeGreaterThan(100);
  });
});

function check(seed: number, seen: { timeouts: number; filled: number; late: number }): void {
  const arrivals = history(seed);
  const quantumUs = [1, 500, 5_000][seed % 3];
  const { bench, model } = play(arrivals, quantumUs);
  const { reordering, pool } = bench;
  const out = bench.taken();
  // Exactly what came in comes out, once, unmodified (the bench looks at every byte).
  expect(out.map(key).sort()).toEqual(arrivals.map(key).sort());
  expect([reordering.kept, pool.kept]).toEqual([0, 0]);
  for (const flow of new Set(arrivals.map((arrival) => arrival.flow))) {
    const ofFlow = out.filter((packet) => packet.flow === flow).map((packet) => packet.sequence);
    const modelled = model.filter((packet) => packet.flow === flow).map((packet) => packet.sequence);
    expect(ofFlow, `seed ${seed}, flow ${flow}`).toEqual(modelled);
  }
  const came = new Map(arrivals.map((arrival) => [key(arrival), arrival]));
  for (const packet of out) {
    const { atUs, holdUs } = came.get(key(packet)) as Timed;
    expect(packet.atUs - atUs, `seed ${seed}: held`).toBeLessThan(holdUs + quantumUs);
  }
  seen.timeouts += reordering.timeouts;
  seen.filled += reordering.filled;
  seen.late += reordering.late;
}
