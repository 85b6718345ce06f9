/**
 * The receiver's side of forward repair. Protected packets are kept for a while; repairs are kept as they came until
 * they can be used, so that packets which are merely late cost nothing. Whenever a repair arrives, or a packet that
 * pending repairs wait for, the coefficients of all pending repairs of the flow over its missing packets are eliminated
 * (a matrix of a few bytes). Only for unknowns that are determined the code bytes are combined:
 *
 * ```
 *   missing = sum of factor * code  -  sum over kept packets of (their coefficient in that sum) * symbol
 * ```
 *
 * Everything a peer can send is bounded: windows by the protocol, pending repairs and unknowns by constants, work by
 * WORK_LIMIT. What is malformed is counted.
 */
import {
  isRepair,
  REPAIR_HEADER_BYTES,
  repairCoefficient,
  repairCount,
  repairNumber,
  SYMBOL_LENGTH_BYTES,
  symbolPacketLength,
} from '@corridor/wire';
import type { Clock } from '../clock.js';
import {
  DECODER_IDLE_US,
  EQUATION_AGE_US,
  FIRST_EQUATIONS,
  HORIZON,
  IN_FLIGHT_US,
  MAX_EQUATIONS,
  MAX_FLOW_EQUATIONS,
  MAX_RECEIVED_FLOWS,
  MAX_UNKNOWNS,
  SYMBOL_ROOM,
  SYMBOL_SHIFT,
  WORK_LIMIT,
  WORK_PERIOD_US,
} from './constants.js';
import { Elimination } from './elimination.js';
import { type Gf256, gfMultiply } from './gf256.js';
import { KeptPackets } from './kept-packets.js';
import type { RepairMemory } from './memory.js';
import { SymbolPool } from './symbol-pool.js';

/** Indices of {@link RepairDecoder.counters}. */
export const PACKETS_KEPT = 0;
export const REPAIRS_RECEIVED = 1;
/** Repairs whose packets had all arrived. */
export const REPAIRS_NEEDLESS = 2;
export const PACKETS_RECOVERED = 3;
/** Repairs given up before they were of use: too old, or others needed the place. */
export const REPAIRS_GIVEN_UP = 4;
/** Repairs that are no repairs. */
export const REPAIRS_MALFORMED = 5;
/** Results that are no packets: the sender's repairs contradict its packets. */
export const REPAIRS_INCONSISTENT = 6;
/** Attempts put off, as the peer has used up its work. */
export const WORK_REFUSED = 7;
/** Packets and repairs that no memory was left for. */
export const MEMORY_REFUSED = 8;
const COUNTERS = 9;

/** Gets what was recovered. */
export interface RecoveredSink {
  /**
   * A missing packet is known now: treat it as if it had arrived. Its length is what its sender's symbol says; whether it
   * is an IP packet is for the callee to check. Must not call the decoder.
   * @param sequence as signed integer
   * @param bytes the packet is `bytes[offset .. offset + length)`, valid during the call only
   */
  recovered(flow: number, sequence: number, bytes: Uint8Array, offset: number, length: number): void;
}

const SLOT_MASK = HORIZON - 1;
/** In {@link RepairDecoder.columnOf}: the packet is known. */
const KNOWN = 255;

/** Indices of {@link RepairDecoder.times}. */
const LAST_KEPT = 0;
const PERIOD_END = 1;
/** Indices of {@link ReceivedFlow.times}. */
const HEARD = 0;
const NEWEST_ARRIVED = 1;

class ReceivedFlow {
  /** Newest sequence that arrived or that a repair covers, as signed integer. */
  newest = 0;
  started = false;
  /** Entry in KeptPackets of each of the last HORIZON sequences, where that entry still holds it. */
  readonly entries = new Int32Array(HORIZON);
  /** Equations that wait, oldest first. */
  readonly pending = new Int32Array(MAX_FLOW_EQUATIONS);
  pendingCount = 0;
  /** Newest sequence that arrived itself, and whether one beyond it was left to arrive, see IN_FLIGHT_US. */
  arrived = 0;
  deferred = false;
  /** When the flow was heard of last, and when its newest packet arrived. */
  readonly times = new Float64Array([0, Number.NEGATIVE_INFINITY]);

  constructor(readonly flow: number) {}
}

export class RepairDecoder {
  /** See {@link PACKETS_KEPT} and its neighbours. */
  readonly counters = new Float64Array(COUNTERS);

  private readonly kept: KeptPackets;
  private readonly pool: SymbolPool;
  /** Of each equation: what its datagram said, how long its code is, and how many packets it misses at most. */
  private readonly first = new Int32Array(MAX_EQUATIONS);
  private readonly count = new Int32Array(MAX_EQUATIONS);
  private readonly number = new Int32Array(MAX_EQUATIONS);
  private readonly codeBytes = new Int32Array(MAX_EQUATIONS);
  private readonly missing = new Int32Array(MAX_EQUATIONS);
  private readonly arrivedUs = new Float64Array(MAX_EQUATIONS);

  private readonly flows = new Map<number, ReceivedFlow>();
  private last: ReceivedFlow | undefined;

  private readonly system = new Elimination();
  /** Equations of the system at hand, by row. */
  private readonly rows = new Int32Array(MAX_FLOW_EQUATIONS);
  private rowCount = 0;
  /** Sequence of each unknown of the system at hand, ascending; and back, by sequence modulo HORIZON. */
  private readonly unknowns = new Int32Array(MAX_UNKNOWNS);
  private unknownCount = 0;
  private readonly columnOf = new Uint8Array(HORIZON);
  /** Where a packet is put together. */
  private readonly result = new Uint8Array(SYMBOL_ROOM);

  private readonly times = new Float64Array(2);
  private workLeft = WORK_LIMIT;

  constructor(
    private readonly gf256: Gf256,
    memory: RepairMemory,
    private readonly sink: RecoveredSink,
  ) {
    this.kept = new KeptPackets(gf256, memory);
    this.pool = new SymbolPool(memory, FIRST_EQUATIONS, MAX_EQUATIONS);
  }

  /**
   * A protected packet arrived that had not been delivered before. It is copied. Others may be recovered by it.
   * @param sequence u32 or the same as signed integer
   */
  keep(flow: number, sequence: number, bytes: Uint8Array, offset: number, length: number, clock: Clock): void {
    const received = this.find(flow, clock);
    const position = sequence | 0;
    this.advance(received, position);
    if (this.isKept(received, position)) return;
    if (!this.store(received, position, bytes, offset, length, clock)) return;
    this.counters[PACKETS_KEPT]++;
    const isDue = this.noteNewest(received, position, clock) && received.deferred;
    if (received.pendingCount === 0) return;
    if (this.noteArrival(received, position) || isDue) this.trySolve(received, clock);
  }

  /**
   * A repair datagram arrived.
   * @param first the sequence in its inner header
   * @param offset where its payload of `length` bytes starts
   */
  repair(flow: number, first: number, bytes: Uint8Array, offset: number, length: number, clock: Clock): void {
    const { counters } = this;
    counters[REPAIRS_RECEIVED]++;
    if (!isRepair(bytes, offset, length) || length - REPAIR_HEADER_BYTES > SYMBOL_ROOM) {
      counters[REPAIRS_MALFORMED]++;
      return;
    }
    const received = this.find(flow, clock);
    const start = first | 0;
    const count = repairCount(bytes, offset);
    this.advance(received, (start + count - 1) | 0);
    if (((received.newest - start) | 0) >= HORIZON) {
      counters[REPAIRS_GIVEN_UP]++;
      return;
    }
    const missing = this.countMissing(received, start, count);
    if (missing === 0) {
      counters[REPAIRS_NEEDLESS]++;
      return;
    }
    const equation = this.equationFor(received, clock);
    if (equation < 0) {
      counters[MEMORY_REFUSED]++;
      return;
    }
    this.first[equation] = start;
    this.count[equation] = count;
    this.number[equation] = repairNumber(bytes, offset);
    this.codeBytes[equation] = length - REPAIR_HEADER_BYTES;
    this.missing[equation] = missing;
    this.arrivedUs[equation] = clock.nowUs;
    const at = equation << SYMBOL_SHIFT;
    this.gf256.mul(this.pool.slab, at, bytes, offset + REPAIR_HEADER_BYTES, length - REPAIR_HEADER_BYTES, 1);
    this.trySolve(received, clock);
  }

  get memoryBytes(): number {
    return this.kept.bytes.length + this.pool.memoryBytes;
  }

  /** Forgets everything and gives the memory back: the peer starts its sequences afresh. */
  clear(): void {
    this.flows.clear();
    this.last = undefined;
    this.kept.clear();
    this.pool.clear();
  }

  /** Gives the memory back if nothing was kept for long. To be called now and then. */
  trim(clock: Clock): void {
    if (this.memoryBytes > 0 && clock.nowUs - this.times[LAST_KEPT] > DECODER_IDLE_US) this.clear();
  }

  private find(flow: number, clock: Clock): ReceivedFlow {
    let received = this.last;
    if (received === undefined || received.flow !== flow) {
      received = this.flows.get(flow);
      if (received === undefined) {
        if (this.flows.size === MAX_RECEIVED_FLOWS) this.forgetOldestFlow();
        received = new ReceivedFlow(flow);
        this.flows.set(flow, received);
      }
      this.last = received;
    }
    received.times[HEARD] = clock.nowUs;
    this.times[LAST_KEPT] = clock.nowUs;
    return received;
  }

  private forgetOldestFlow(): void {
    let oldest: ReceivedFlow | undefined;
    for (const received of this.flows.values()) {
      if (oldest === undefined || received.times[HEARD] < oldest.times[HEARD]) oldest = received;
    }
    if (oldest === undefined) return;
    while (oldest.pendingCount > 0) this.giveUp(oldest, oldest.pendingCount - 1);
    this.flows.delete(oldest.flow);
  }

  /** The horizon moves on with the newest sequence; repairs that it leaves behind are given up. */
  private advance(received: ReceivedFlow, position: number): void {
    if (!received.started || ((position - received.newest) | 0) > 0) {
      received.newest = position;
      received.started = true;
    }
    for (let i = received.pendingCount - 1; i >= 0; i--) {
      if (((received.newest - this.first[received.pending[i]]) | 0) >= HORIZON) this.giveUp(received, i);
    }
  }

  private store(
    received: ReceivedFlow,
    position: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    clock: Clock,
  ): boolean {
    const entry = this.kept.add(received.flow, position, bytes, offset, length, clock);
    if (entry < 0) this.counters[MEMORY_REFUSED]++;
    else received.entries[position & SLOT_MASK] = entry;
    return entry >= 0;
  }

  /** Whether it is newer than all that arrived before. */
  private noteNewest(received: ReceivedFlow, position: number, clock: Clock): boolean {
    const { times } = received;
    if (times[NEWEST_ARRIVED] !== Number.NEGATIVE_INFINITY && ((position - received.arrived) | 0) <= 0) return false;
    received.arrived = position;
    times[NEWEST_ARRIVED] = clock.nowUs;
    return true;
  }

  /** Whether a missing packet may just be under way: repairs may come over a faster path. */
  private isInFlight(received: ReceivedFlow, position: number, clock: Clock): boolean {
    const sinceUs = clock.nowUs - received.times[NEWEST_ARRIVED];
    return sinceUs < IN_FLIGHT_US && ((position - received.arrived) | 0) > 0;
  }

  private isKept(received: ReceivedFlow, position: number): boolean {
    return this.kept.holds(received.entries[position & SLOT_MASK], received.flow, position);
  }

  private countMissing(received: ReceivedFlow, first: number, count: number): number {
    let missing = 0;
    for (let i = 0; i < count; i++) if (!this.isKept(received, (first + i) | 0)) missing++;
    return missing;
  }

  /** Whether a pending repair waited for the packet. */
  private noteArrival(received: ReceivedFlow, position: number): boolean {
    let waited = false;
    for (let i = received.pendingCount - 1; i >= 0; i--) {
      const equation = received.pending[i];
      const ahead = (position - this.first[equation]) | 0;
      if (ahead < 0 || ahead >= this.count[equation]) continue;
      waited = true;
      if (--this.missing[equation] <= 0) this.retire(received, i);
    }
    return waited;
  }

  /** A place among the flow's pending repairs; an older one gives way where there is none. -1 without memory. */
  private equationFor(received: ReceivedFlow, clock: Clock): number {
    if (received.pendingCount === MAX_FLOW_EQUATIONS) this.giveUp(received, 0);
    let equation = this.pool.acquire();
    if (equation < 0) {
      if (!this.giveUpOld(clock) && received.pendingCount > 0) this.giveUp(received, 0);
      equation = this.pool.acquire();
    }
    if (equation >= 0) received.pending[received.pendingCount++] = equation;
    return equation;
  }

  /** Gives up what waits in vain in any flow; answers whether there was something. */
  private giveUpOld(clock: Clock): boolean {
    const nowUs = clock.nowUs;
    let found = false;
    for (const received of this.flows.values()) {
      while (received.pendingCount > 0 && nowUs - this.arrivedUs[received.pending[0]] > EQUATION_AGE_US) {
        this.giveUp(received, 0);
        found = true;
      }
    }
    return found;
  }

  private giveUp(received: ReceivedFlow, index: number): void {
    this.counters[REPAIRS_GIVEN_UP]++;
    this.retire(received, index);
  }

  private retire(received: ReceivedFlow, index: number): void {
    this.pool.release(received.pending[index]);
    received.pending.copyWithin(index, index + 1, received.pendingCount);
    received.pendingCount--;
  }

  /** Recovers what the pending repairs of the flow determine, if its work allows. */
  private trySolve(received: ReceivedFlow, clock: Clock): void {
    if (!this.couldSolve(received)) return;
    const nowUs = clock.nowUs;
    if (nowUs >= this.times[PERIOD_END]) {
      this.times[PERIOD_END] = nowUs + WORK_PERIOD_US;
      this.workLeft = WORK_LIMIT;
    }
    if (this.workLeft <= 0) {
      this.counters[WORK_REFUSED]++;
      return;
    }
    this.recount(received, clock);
    if (!this.couldSolve(received)) return;
    this.selectRows(received);
    this.selectUnknowns(received);
    if (this.rowCount === 0 || !this.eliminate()) return;
    received.deferred = false;
    for (let column = 0; column < this.unknownCount; column++) {
      if (!this.system.isSolved(column)) continue;
      if (this.isInFlight(received, this.unknowns[column], clock)) received.deferred = true;
      else if (!this.recover(received, column, clock)) break;
    }
    this.recount(received, clock);
  }

  /**
   * A set of repairs that determines a packet is about no more packets than it has members. So there is nothing to gain
   * while every repair misses more packets than there are repairs.
   */
  private couldSolve(received: ReceivedFlow): boolean {
    for (let i = 0; i < received.pendingCount; i++) {
      if (this.missing[received.pending[i]] <= received.pendingCount) return true;
    }
    return false;
  }

  /** Counts what each pending repair misses now; those that miss nothing or are old are done with. */
  private recount(received: ReceivedFlow, clock: Clock): void {
    const nowUs = clock.nowUs;
    for (let i = received.pendingCount - 1; i >= 0; i--) {
      const equation = received.pending[i];
      this.workLeft -= this.count[equation];
      this.missing[equation] = this.countMissing(received, this.first[equation], this.count[equation]);
      if (this.missing[equation] === 0) this.retire(received, i);
      else if (nowUs - this.arrivedUs[equation] > EQUATION_AGE_US) this.giveUp(received, i);
    }
  }

  /** The pending repairs that miss no more packets than there are rows. */
  private selectRows(received: ReceivedFlow): void {
    const { pending, pendingCount } = received;
    this.rowCount = 0;
    for (let i = 0; i < pendingCount; i++) this.rows[this.rowCount++] = pending[i];
    for (let before = -1; before !== this.rowCount; ) {
      before = this.rowCount;
      this.rowCount = 0;
      for (let i = 0; i < before; i++) {
        if (this.missing[this.rows[i]] <= before) this.rows[this.rowCount++] = this.rows[i];
      }
    }
  }

  /** Numbers the missing packets of the rows, oldest first; rows that reach beyond MAX_UNKNOWNS are left out. */
  private selectUnknowns(received: ReceivedFlow): void {
    const { rows, columnOf, unknowns } = this;
    this.unknownCount = 0;
    columnOf.fill(KNOWN);
    const oldest = (received.newest - HORIZON + 1) | 0;
    for (let back = 0; back < HORIZON; back++) {
      const position = (oldest + back) | 0;
      if (!this.isCovered(position) || this.isKept(received, position)) continue;
      if (this.unknownCount === MAX_UNKNOWNS) break;
      unknowns[this.unknownCount] = position;
      columnOf[position & SLOT_MASK] = this.unknownCount++;
    }
    let rowCount = 0;
    for (let i = 0; i < this.rowCount; i++) if (this.isNumbered(received, rows[i])) rows[rowCount++] = rows[i];
    this.rowCount = rowCount;
  }

  private isCovered(position: number): boolean {
    for (let i = 0; i < this.rowCount; i++) if (this.covers(this.rows[i], position)) return true;
    return false;
  }

  private covers(equation: number, position: number): boolean {
    const ahead = (position - this.first[equation]) | 0;
    return ahead >= 0 && ahead < this.count[equation];
  }

  /** Whether all missing packets of the equation have a column. */
  private isNumbered(received: ReceivedFlow, equation: number): boolean {
    for (let i = 0; i < this.count[equation]; i++) {
      const position = (this.first[equation] + i) | 0;
      if (this.columnOf[position & SLOT_MASK] === KNOWN && !this.isKept(received, position)) return false;
    }
    return true;
  }

  private eliminate(): boolean {
    const { system, rows, rowCount, unknowns, unknownCount } = this;
    system.begin(rowCount, unknownCount);
    for (let row = 0; row < rowCount; row++) {
      for (let column = 0; column < unknownCount; column++) {
        if (!this.covers(rows[row], unknowns[column])) continue;
        system.set(row, column, repairCoefficient(this.number[rows[row]], unknowns[column]));
      }
    }
    system.steps = rowCount * unknownCount;
    const solved = system.solve();
    this.workLeft -= system.steps;
    return solved > 0;
  }

  /** Puts one packet together, hands it over and keeps it. False when the rest of the system is to be left alone. */
  private recover(received: ReceivedFlow, column: number, clock: Clock): boolean {
    const { result } = this;
    const position = this.unknowns[column];
    const bytes = this.combine(received, column);
    if (bytes < 0) return false;
    const length = symbolPacketLength(result, 0);
    if (bytes === 0 || length === 0 || !isZero(result, SYMBOL_LENGTH_BYTES + length, bytes)) {
      this.dropInconsistent(received, column);
      return false;
    }
    this.counters[PACKETS_RECOVERED]++;
    this.store(received, position, result, SYMBOL_LENGTH_BYTES, length, clock);
    this.sink.recovered(received.flow, position, result, SYMBOL_LENGTH_BYTES, length);
    return true;
  }

  /**
   * Computes the symbol of a solved unknown in `result`. Answers its bytes; 0 when a packet does not fit a repair that
   * covers it; -1 when a packet that is needed is no longer kept, as those recovered just now took its place.
   */
  private combine(received: ReceivedFlow, column: number): number {
    const { rows, rowCount, codeBytes, result, gf256, system } = this;
    let bytes = 0;
    for (let row = 0; row < rowCount; row++) {
      if (system.factor(column, row) !== 0) bytes = Math.max(bytes, codeBytes[rows[row]]);
    }
    result.fill(0, 0, bytes);
    for (let row = 0; row < rowCount; row++) {
      const factor = system.factor(column, row);
      if (factor !== 0)
        gf256.mulAdd(result, 0, this.pool.slab, rows[row] << SYMBOL_SHIFT, codeBytes[rows[row]], factor);
    }
    const oldest = (received.newest - HORIZON + 1) | 0;
    for (let back = 0; back < HORIZON; back++) {
      const position = (oldest + back) | 0;
      if (this.columnOf[position & SLOT_MASK] !== KNOWN) continue;
      const coefficient = this.coefficientIn(column, position);
      if (coefficient === 0) continue;
      if (!this.isKept(received, position)) return -1;
      const entry = received.entries[position & SLOT_MASK];
      const length = this.kept.length[entry];
      if (length > bytes) return 0;
      gf256.mulAdd(result, 0, this.kept.bytes, this.kept.at[entry], length, coefficient);
    }
    return bytes;
  }

  /** Coefficient of a known packet in the combination of codes that gives a solved unknown. */
  private coefficientIn(column: number, position: number): number {
    let sum = 0;
    for (let row = 0; row < this.rowCount; row++) {
      const equation = this.rows[row];
      if (!this.covers(equation, position)) continue;
      sum ^= gfMultiply(this.system.factor(column, row), repairCoefficient(this.number[equation], position));
    }
    return sum;
  }

  /** One of the repairs that the unknown was made of is wrong, and nobody can tell which: all go. */
  private dropInconsistent(received: ReceivedFlow, column: number): void {
    this.counters[REPAIRS_INCONSISTENT]++;
    for (let row = 0; row < this.rowCount; row++) {
      if (this.system.factor(column, row) === 0) continue;
      for (let i = received.pendingCount - 1; i >= 0; i--) {
        if (received.pending[i] === this.rows[row]) this.giveUp(received, i);
      }
    }
  }
}

function isZero(bytes: Uint8Array, from: number, to: number): boolean {
  if (from > to) return false;
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}
