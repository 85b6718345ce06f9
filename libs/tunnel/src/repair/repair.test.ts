import {
  MAX_REPAIR_WINDOW,
  REPAIR_HEADER_BYTES,
  repairCoefficient,
  repairCount,
  repairNumber,
  SYMBOL_LENGTH_BYTES,
} from '@corridor/wire';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Clock, Earliest } from '../clock.js';
import {
  plainGf256,
  REPAIRS_GIVEN_UP,
  REPAIRS_INCONSISTENT,
  REPAIRS_MADE,
  REPAIRS_MALFORMED,
  REPAIRS_NEEDLESS,
  RepairDecoder,
  RepairEncoder,
  RepairMemory,
  WORK_REFUSED,
} from './index.js';

const PLENTY = 1 << 24;
const FLOW = 0x1234;

/** The bytes of packet `sequence`: of its own length, unlike any other. */
function packetOf(sequence: number, shortest = 20, longest = 400): Uint8Array {
  const length = shortest + ((Math.imul(sequence, 0x9e3779b1) >>> 8) % (longest - shortest + 1));
  return Uint8Array.from({ length }, (_, i) => Math.imul(sequence + 1, i + 7) >>> 3);
}

interface Repair {
  readonly flow: number;
  readonly first: number;
  readonly payload: Uint8Array;
}

class Sending {
  readonly clock = new Clock();
  readonly encoder: RepairEncoder;
  readonly repairs: Repair[] = [];

  constructor(memory = new RepairMemory(PLENTY)) {
    this.encoder = new RepairEncoder(plainGf256, memory);
    this.clock.nowUs = 1_000_000;
  }

  send(sequence: number, perMille: number, flow = FLOW, packet = packetOf(sequence)): boolean {
    this.clock.nowUs += 2_000;
    const slab = new Uint8Array(packet.length + 3);
    slab.set(packet, 3);
    const covered = this.encoder.protect(flow, sequence, slab, 3, packet.length, perMille, this.clock);
    slab.fill(0xee); // its bytes are not needed any more
    this.takeAll();
    return covered;
  }

  takeAll(): void {
    while (this.encoder.waiting > 0) {
      const { nextFlow: flow, nextFirst: first, nextLength } = this.encoder;
      const target = new Uint8Array(nextLength + 10).fill(0xdd);
      expect(this.encoder.take(target, 5)).toBe(nextLength);
      expect([...target.subarray(0, 5), ...target.subarray(5 + nextLength)]).toEqual(new Array(10).fill(0xdd));
      this.repairs.push({ flow, first, payload: target.slice(5, 5 + nextLength) });
    }
  }
}

class Receiving {
  readonly clock = new Clock();
  readonly decoder: RepairDecoder;
  readonly recovered: number[] = [];

  constructor(memory = new RepairMemory(PLENTY)) {
    this.clock.nowUs = 1_000_000;
    this.decoder = new RepairDecoder(plainGf256, memory, {
      recovered: (flow, sequence, bytes, offset, length) => {
        const packet = bytes.slice(offset, offset + length);
        if (flow === FLOW) expect(packet).toEqual(packetOf(sequence >>> 0));
        this.recovered.push(sequence >>> 0);
      },
    });
  }

  keep(sequence: number, flow = FLOW, packet = packetOf(sequence)): void {
    this.clock.nowUs += 1_000;
    this.decoder.keep(flow, sequence, packet, 0, packet.length, this.clock);
  }

  repair({ flow, first, payload }: Repair, afterUs = 5_000): void {
    this.clock.nowUs += afterUs;
    this.decoder.repair(flow, first, payload, 0, payload.length, this.clock);
  }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('the encoder', () => {
  it('makes a repair from the packets, symbol by symbol', () => {
    const sending = new Sending();
    for (const sequence of range(0, 100)) sending.send(sequence, 200);
    expect(sending.repairs.length).toBeGreaterThan(8);
    for (const { first, payload } of sending.repairs) {
      const expected = new Uint8Array(payload.length - REPAIR_HEADER_BYTES);
      for (const sequence of range(first, first + repairCount(payload, 0))) {
        const packet = packetOf(sequence);
        const coefficient = repairCoefficient(repairNumber(payload, 0), sequence);
        plainGf256.mulAdd(expected, 0, Uint8Array.of(packet.length & 255, packet.length >> 8), 0, 2, coefficient);
        plainGf256.mulAdd(expected, SYMBOL_LENGTH_BYTES, packet, 0, packet.length, coefficient);
      }
      expect(payload.subarray(REPAIR_HEADER_BYTES)).toEqual(expected);
    }
  });

  it.each([20, 50, 100, 250, 500, 1000])('spends %i bytes for a thousand', (perMille) => {
    const sending = new Sending();
    let bytes = 0;
    for (const sequence of range(0, 2000)) {
      sending.send(sequence, perMille);
      bytes += packetOf(sequence).length;
    }
    const spent = sending.repairs.reduce((sum, { payload }) => sum + payload.length - REPAIR_HEADER_BYTES, 0);
    expect(spent / bytes).toBeGreaterThan(perMille / 1000 - 0.01);
    // A full combination may go out before the last bit of its price is earned.
    expect(spent).toBeLessThan((bytes * perMille) / 1000 + 402);
  });

  it.each([
    [1000, 16],
    [500, 16],
    [250, 16],
    [200, 12],
    [100, 6],
    [50, 3],
    [20, 1],
  ])('at %i per mille covers each packet with about %i repairs, each window being at most 64', (perMille, depth) => {
    const sending = new Sending();
    for (const sequence of range(0, 1000)) sending.send(sequence, perMille, FLOW, packetOf(sequence, 300, 300));
    const cover = new Array(1000).fill(0);
    for (const { first, payload } of sending.repairs) {
      expect(repairCount(payload, 0)).toBeLessThanOrEqual(MAX_REPAIR_WINDOW);
      for (const sequence of range(first, first + repairCount(payload, 0))) cover[sequence]++;
    }
    const middle = cover.slice(100, 800);
    expect(Math.min(...middle)).toBeGreaterThanOrEqual(Math.max(1, depth - 1));
    expect(Math.max(...middle)).toBeLessThanOrEqual(depth + 1);
  });

  it('covers the last packets before a pause, 10 ms after them, within its budget', () => {
    const sending = new Sending();
    const earliest = new Earliest();
    let flushed = 0;
    let bytes = 0;
    for (let frame = 0; frame < 50; frame++) {
      for (const sequence of range(frame * 7, frame * 7 + 7)) {
        sending.send(sequence, 200);
        bytes += packetOf(sequence).length;
      }
      const before = sending.repairs.length;
      earliest.reset();
      sending.encoder.noteDeadline(earliest);
      expect(earliest.us).toBe(sending.clock.nowUs + 10_000);
      sending.clock.nowUs += 9_999;
      sending.encoder.service(sending.clock);
      sending.takeAll();
      expect(sending.repairs.length).toBe(before);
      sending.clock.nowUs += 1;
      sending.encoder.service(sending.clock);
      sending.takeAll();
      const last = sending.repairs[sending.repairs.length - 1];
      if (sending.repairs.length > before) {
        flushed++;
        expect(last.first + repairCount(last.payload, 0)).toBe(frame * 7 + 7);
      }
      sending.clock.nowUs += 20_000;
    }
    expect(flushed).toBeGreaterThan(25);
    const spent = sending.repairs.reduce((sum, { payload }) => sum + payload.length, 0);
    expect(spent / bytes).toBeLessThan(0.21);
  });

  it('starts afresh after a gap in the sequences', () => {
    const sending = new Sending();
    for (const sequence of range(0, 12)) sending.send(sequence, 250);
    for (const sequence of range(100, 130)) sending.send(sequence, 250);
    for (const { first, payload } of sending.repairs) {
      const last = first + repairCount(payload, 0) - 1;
      expect(last < 12 || first >= 100).toBe(true);
    }
  });

  it('leaves out packets that are older than a quarter of a second', () => {
    const sending = new Sending();
    for (const sequence of range(0, 200)) {
      sending.clock.nowUs += 18_000;
      sending.send(sequence, 200);
    }
    for (const { payload } of sending.repairs) expect(repairCount(payload, 0)).toBeLessThanOrEqual(13);
    expect(sending.repairs.length).toBeGreaterThan(20);
  });

  it('protects sixteen flows at a time, and more when some have paused for a second', () => {
    const memory = new RepairMemory(PLENTY);
    const sending = new Sending(memory);
    for (let sequence = 0; sequence < 50; sequence++) {
      for (let flow = 0; flow < 20; flow++) expect(sending.send(sequence, 250, flow)).toBe(flow < 16);
    }
    expect(memory.usedBytes).toBeLessThanOrEqual(64 * 2048);
    sending.clock.nowUs += 10_000;
    sending.encoder.service(sending.clock);
    sending.clock.nowUs += 1_000_000;
    sending.encoder.service(sending.clock);
    sending.takeAll();
    for (let flow = 100; flow < 116; flow++) expect(sending.send(0, 250, flow)).toBe(true);
    sending.encoder.clear();
    expect(memory.usedBytes).toBe(0);
  });

  it('drops the oldest when nobody takes its repairs, and goes on', () => {
    const sending = new Sending();
    const packet = packetOf(1);
    for (const sequence of range(0, 500)) {
      sending.encoder.protect(FLOW, sequence, packet, 0, packet.length, 500, sending.clock);
    }
    expect(sending.encoder.waiting).toBe(16);
    expect(sending.encoder.counters[REPAIRS_MADE]).toBeGreaterThan(200);
    expect(sending.encoder.nextFirst).toBeGreaterThan(400);
  });

  it('does without where the engine has no memory left, and with packets that are too long', () => {
    expect(new Sending(new RepairMemory(1000)).send(0, 250)).toBe(false);
    expect(new Sending().send(0, 250, FLOW, new Uint8Array(2047))).toBe(false);
    expect(new Sending().send(0, 250, FLOW, new Uint8Array(2046))).toBe(true);
  });
});

/** Rank over GF(256), by elimination written out again. */
function rankOf(matrix: number[][]): number {
  const rows = matrix.map((row) => Uint8Array.from(row));
  let rank = 0;
  for (let column = 0; column < (rows[0]?.length ?? 0); column++) {
    const pivot = rows.findIndex((row, i) => i >= rank && row[column] !== 0);
    if (pivot < 0) continue;
    [rows[rank], rows[pivot]] = [rows[pivot], rows[rank]];
    const inverse = range(1, 256).find((x) => product(x, rows[rank][column]) === 1) as number;
    for (let i = rank + 1; i < rows.length; i++) {
      const factor = product(inverse, rows[i][column]);
      for (let j = 0; j < rows[i].length; j++) rows[i][j] ^= product(factor, rows[rank][j]);
    }
    rank++;
  }
  return rank;
}

function product(a: number, b: number): number {
  let sum = 0;
  for (let bit = 0, shifted = a; bit < 8; bit++, shifted = shifted & 0x80 ? (shifted << 1) ^ 0x11d : shifted << 1) {
    if ((b >> bit) & 1) sum ^= shifted;
  }
  return sum;
}

/**
 * Which of the missing packets the repairs determine: those whose unit vector adds nothing to the rank.
 * @param shift other than 0: if the repairs had other numbers, and so other coefficients
 */
function determined(missing: readonly number[], repairs: readonly Repair[], shift = 0): number[] {
  const rows = repairs.map(({ first, payload }) =>
    missing.map((sequence) =>
      (sequence - first) >>> 0 < repairCount(payload, 0)
        ? repairCoefficient(repairNumber(payload, 0) + shift, sequence)
        : 0,
    ),
  );
  const rank = rankOf(rows);
  return missing.filter((_, i) => rankOf([...rows, missing.map((_, j) => (i === j ? 1 : 0))]) === rank);
}

describe('the decoder', () => {
  it.each([1, 2, 3, 4, 6, 8])('recovers a burst of %i packets from as many repairs', (burst) => {
    const sending = new Sending();
    for (const sequence of range(0, 200)) sending.send(sequence, 400);
    const receiving = new Receiving();
    const lost = range(100, 100 + burst);
    for (const sequence of range(40, 180)) if (!lost.includes(sequence)) receiving.keep(sequence);
    const covering = sending.repairs.filter(
      ({ first, payload }) => first >= 60 && first <= 100 && first + repairCount(payload, 0) >= 100 + burst,
    );
    expect(covering.length).toBeGreaterThanOrEqual(burst);
    for (const repair of covering.slice(0, burst - 1)) receiving.repair(repair);
    expect(receiving.recovered).toEqual([]);
    receiving.repair(covering[burst - 1]);
    expect(receiving.recovered).toEqual(lost);
  });

  it('recovers exactly what the repairs determine, whatever is lost and in whichever order it arrives', () => {
    const loss = fc.record({
      start: fc.constantFrom(0, 0xffff_ffc0, 0x7fff_ffd0, 123_456),
      perMille: fc.integer({ min: 60, max: 1000 }),
      lost: fc.uniqueArray(fc.nat({ max: 79 }), { maxLength: 20 }),
      repairsLost: fc.uniqueArray(fc.nat({ max: 79 }), { maxLength: 6 }),
      early: fc.boolean(),
      late: fc.uniqueArray(fc.nat({ max: 79 }), { maxLength: 10 }),
    });
    fc.assert(
      fc.property(loss, ({ start, perMille, lost, repairsLost, early, late }) => {
        const sending = new Sending();
        const all = range(0, 80).map((i) => (start + i) >>> 0);
        for (const sequence of all) sending.send(sequence, perMille);
        const repairs = sending.repairs.filter((_, i) => !repairsLost.includes(i)).slice(0, 20);
        const missing = all.filter((_, i) => lost.includes(i));
        const receiving = new Receiving();
        const inTime = all.filter((_, i) => !lost.includes(i) && !late.includes(i));
        const tooLate = all.filter((_, i) => !lost.includes(i) && late.includes(i));
        if (early) for (const repair of repairs) receiving.repair(repair);
        for (const sequence of inTime) receiving.keep(sequence);
        if (!early) for (const repair of repairs) receiving.repair(repair);
        for (const sequence of tooLate) if (!receiving.recovered.includes(sequence)) receiving.keep(sequence);

        const expected = determined(missing, repairs);
        const recovered = receiving.recovered.filter((sequence) => missing.includes(sequence));
        expect(new Set(recovered).size).toBe(recovered.length);
        // One in some hundred sets determines a packet by chance, by coefficients that happen to be proportional.
        const byOthers = [1_000, 2_000].map((shift) => determined(missing, repairs, shift));
        const last = [...inTime, ...tooLate].reduce((a, b) => (((b - a) | 0) > 0 ? b : a), start);
        // Repairs that came before the last packet do not know whether more are still to come.
        const isFirst = early || tooLate.includes(last);
        const sure = expected
          .filter((sequence) => byOthers.every((others) => others.includes(sequence)))
          .filter((sequence) => !isFirst || ((sequence - last) | 0) < 0);
        expect(expected).toEqual(expect.arrayContaining(recovered));
        expect(recovered).toEqual(expect.arrayContaining(sure));
      }),
      { numRuns: 300 },
    );
  });

  it('leaves packets that a repair has overtaken time to arrive', () => {
    const sending = new Sending();
    for (const sequence of range(0, 30)) sending.send(sequence, 250);
    const [early, later] = sending.repairs;
    const [last, end] = [early, later].map(({ first, payload }) => first + repairCount(payload, 0) - 1);
    const receiving = new Receiving();
    for (const sequence of range(0, last)) receiving.keep(sequence);
    receiving.repair(early, 100);
    expect(receiving.recovered).toEqual([]);
    receiving.keep(last + 1); // so the one before it was lost
    expect(receiving.recovered).toEqual([last]);
    for (const sequence of range(last + 2, end)) receiving.keep(sequence);
    receiving.repair(later, 100);
    receiving.keep(end);
    expect(receiving.recovered).toEqual([last]);

    const pausing = new Receiving();
    for (const sequence of range(0, last)) pausing.keep(sequence);
    pausing.repair(early, 5_000); // nothing came for 5 ms
    expect(pausing.recovered).toEqual([last]);
  });

  it('throws away a repair that nobody needs, and one that comes a lap too late', () => {
    const sending = new Sending();
    for (const sequence of range(0, 40)) sending.send(sequence, 200);
    const receiving = new Receiving();
    for (const sequence of range(0, 40)) receiving.keep(sequence);
    for (const repair of sending.repairs) receiving.repair(repair);
    expect(receiving.decoder.counters[REPAIRS_NEEDLESS]).toBe(sending.repairs.length);
    for (const sequence of range(200, 210)) receiving.keep(sequence);
    receiving.repair(sending.repairs[0]);
    expect(receiving.decoder.counters[REPAIRS_GIVEN_UP]).toBe(1);
    expect(receiving.recovered).toEqual([]);
  });

  it('never hands over what is no packet when repairs contradict the packets', () => {
    const sending = new Sending();
    for (const sequence of range(0, 20)) sending.send(sequence, 200);
    const receiving = new Receiving();
    for (const sequence of range(0, 20)) if (sequence !== 3) receiving.keep(sequence);
    const [repair] = sending.repairs;
    repair.payload[REPAIR_HEADER_BYTES + 1] ^= 0xff; // a length that cannot be
    receiving.repair(repair);
    expect(receiving.recovered).toEqual([]);
    expect(receiving.decoder.counters[REPAIRS_INCONSISTENT]).toBe(1);
    receiving.repair(sending.repairs[1]);
    expect(receiving.recovered).toEqual([3]);
  });

  it('survives any repair, counts it, and still recovers', () => {
    const memory = new RepairMemory(PLENTY);
    const sending = new Sending();
    for (const sequence of range(0, 60)) sending.send(sequence, 200);
    const receiving = new Receiving(memory);
    fc.assert(
      fc.property(
        fc.nat({ max: 40 }),
        fc.nat({ max: 100 }),
        fc.uint8Array({ maxLength: 60 }),
        (flow, first, payload) => {
          receiving.repair({ flow, first, payload });
          receiving.keep(first + (payload[0] ?? 0), flow, packetOf(first, 1, 40));
        },
      ),
      { numRuns: 5000 },
    );
    expect(receiving.decoder.counters[REPAIRS_MALFORMED]).toBeGreaterThan(100);
    expect(memory.usedBytes).toBeLessThanOrEqual(524_288 + 64 * 2048);
    receiving.recovered.length = 0;
    for (const sequence of range(0, 60)) if (sequence !== 30) receiving.keep(sequence);
    for (const repair of sending.repairs) receiving.repair(repair);
    expect(receiving.recovered).toEqual([30]);
    receiving.decoder.clear();
    expect(memory.usedBytes).toBe(0);
  });

  it('bounds the work that a peer can cause', () => {
    const receiving = new Receiving();
    const payload = new Uint8Array(40).fill(1);
    // 32 repairs of 32 packets, two of them alike: the largest system that can be tried, and never enough.
    payload[0] = 32;
    for (let i = 0; i < 30_000; i++) {
      payload[1] = i % 31;
      receiving.clock.nowUs += 1;
      receiving.decoder.repair(FLOW, 5, payload, 0, payload.length, receiving.clock);
    }
    // In each of the three periods of 10 ms a handful of attempts.
    expect(receiving.decoder.counters[WORK_REFUSED]).toBeGreaterThan(30_000 - 32 - 4 * 5);
    expect(receiving.recovered).toEqual([]);
  });

  it('gives its memory back when idle', () => {
    const memory = new RepairMemory(PLENTY);
    const receiving = new Receiving(memory);
    receiving.keep(1);
    expect(memory.usedBytes).toBe(65_536);
    receiving.clock.nowUs += 4_999_999;
    receiving.decoder.trim(receiving.clock);
    expect(memory.usedBytes).toBe(65_536);
    receiving.clock.nowUs += 2;
    receiving.decoder.trim(receiving.clock);
    expect(memory.usedBytes).toBe(0);
  });
});
