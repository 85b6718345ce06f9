/**
 * The sender's side of forward repair (sliding-window code, RFC 8681 in spirit): while a flow's packets go out, a few
 * linear combinations of them are kept open. Each packet is added to all of them once and never looked at again. The
 * bytes sent earn credit; whenever it pays for a repair, the oldest combination goes out and a new one is opened:
 *
 * ```
 *   packets   1 2 3 4 5 6 7 8 9 ...     ratio 1/3, four open
 *   repairs   [1..3] [1..6] [1..9] [1..12] [4..15] [7..18] ...
 * ```
 *
 * So windows overlap, each packet is covered by as many repairs as combinations are open, and the first repair leaves
 * as early as the ratio allows.
 */
import {
  MAX_REPAIR_WINDOW,
  REPAIR_HEADER_BYTES,
  repairCoefficient,
  SYMBOL_LENGTH_BYTES,
  writeRepairHeader,
} from '@corridor/wire';
import type { Clock, Earliest } from '../clock.js';
import {
  FIRST_SYMBOLS,
  FLOW_IDLE_US,
  FLUSH_AFTER_US,
  LONGEST_REPAIRABLE,
  MAX_OPEN,
  MAX_SENT_FLOWS,
  MAX_SYMBOLS,
  MAX_WAITING,
  SYMBOL_SHIFT,
  WINDOW_SPAN_US,
} from './constants.js';
import { type Gf256, gfMultiply } from './gf256.js';
import type { RepairMemory } from './memory.js';
import { SymbolPool } from './symbol-pool.js';

/** Indices of {@link RepairEncoder.counters}. */
export const PROTECTED_PACKETS = 0;
/** Repairs made, and their payload bytes. */
export const REPAIRS_MADE = 1;
export const REPAIR_BYTES_MADE = 2;
/** Repairs that nobody took in time. */
export const REPAIRS_DROPPED = 3;
/** Packets that could not be protected: too many flows, no memory, too long. */
export const UNPROTECTED_PACKETS = 4;
const COUNTERS = 5;

/** Indices of {@link SentFlow.times}. */
const LAST_SENT = 0;
/** When it is flushed, and after that forgotten. */
const DUE_AT = 1;

/** Credit is counted in thousandths of a byte, as ratios are per mille. */
const MILLE = 1000;

class SentFlow {
  /** Sequence that continues the open windows, as signed integer. */
  next = 0;
  /** May be negative by one repair, which then went out ahead of its time. */
  credit = 0;
  /** Credit that a packet brings, smoothed over 16. */
  earns = 0;
  /** Number of the next combination to be opened. */
  number = 0;
  /** Symbols that are open, oldest first. */
  readonly open = new Int32Array(MAX_OPEN);
  openCount = 0;
  readonly times = new Float64Array([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);

  constructor(readonly flow: number) {}
}

export class RepairEncoder {
  /** See {@link PROTECTED_PACKETS} and its neighbours. */
  readonly counters = new Float64Array(COUNTERS);

  private readonly pool: SymbolPool;
  /** Of each symbol: flow, first sequence, packets, longest packet's symbol, number; time of its first packet. */
  private readonly symbolFlow = new Int32Array(MAX_SYMBOLS);
  private readonly first = new Int32Array(MAX_SYMBOLS);
  private readonly count = new Int32Array(MAX_SYMBOLS);
  private readonly bytes = new Int32Array(MAX_SYMBOLS);
  private readonly number = new Int32Array(MAX_SYMBOLS);
  private readonly startedUs = new Float64Array(MAX_SYMBOLS);

  private readonly flows: SentFlow[] = [];
  private readonly byFlow = new Map<number, SentFlow>();
  private last: SentFlow | undefined;

  /** Ring of symbols that wait to be sent. */
  private readonly queue = new Int32Array(MAX_WAITING);
  private queueHead = 0;
  private queued = 0;

  constructor(
    private readonly gf256: Gf256,
    memory: RepairMemory,
  ) {
    this.pool = new SymbolPool(memory, FIRST_SYMBOLS, MAX_SYMBOLS);
  }

  /**
   * A packet of a protected flow goes out for the first time. Its bytes are read during the call only.
   * @param sequence the flow's, consecutive from call to call; after a gap the windows start afresh
   * @param perMille repair bytes per thousand bytes of the flow, 1 to 1000; below 16 some packets stay uncovered
   * @returns whether repairs cover it, so that receivers keep a copy; false when memory or the number of flows forbid
   */
  protect(
    flow: number,
    sequence: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    perMille: number,
    clock: Clock,
  ): boolean {
    const { last } = this;
    const sent = last !== undefined && last.flow === flow ? last : this.find(flow);
    if (sent === undefined || length < 1 || length > LONGEST_REPAIRABLE) return this.refuse();
    const earned = length * perMille;
    sent.earns += sent.earns === 0 ? earned : (earned - sent.earns) >> 4;
    const wanted = this.wanted(sent, length);
    if (!this.open(sent, wanted)) return this.refuse();
    const position = sequence | 0;
    const nowUs = clock.nowUs;
    if (position !== sent.next || nowUs - sent.times[LAST_SENT] > WINDOW_SPAN_US) this.restart(sent);
    sent.next = (position + 1) | 0;
    sent.times[LAST_SENT] = nowUs;
    sent.times[DUE_AT] = nowUs + FLUSH_AFTER_US;
    for (let i = 0; i < sent.openCount; i++) this.add(sent.open[i], position, bytes, offset, length, clock);
    this.counters[PROTECTED_PACKETS]++;
    this.earn(sent, earned, wanted, clock);
    return true;
  }

  /** Repairs that wait to be sent. */
  get waiting(): number {
    return this.queued;
  }

  /** Flow of the oldest waiting repair, for its inner header; only while {@link waiting} is not 0. */
  get nextFlow(): number {
    return this.symbolFlow[this.queue[this.queueHead]];
  }

  /** First sequence that it covers, as signed integer, for its inner header. */
  get nextFirst(): number {
    return this.first[this.queue[this.queueHead]];
  }

  /** Bytes of its payload. */
  get nextLength(): number {
    return REPAIR_HEADER_BYTES + this.bytes[this.queue[this.queueHead]];
  }

  /** Writes the payload of the oldest waiting repair to `target[at]`, where it has room, and answers its length. */
  take(target: Uint8Array, at: number): number {
    const symbol = this.queue[this.queueHead];
    const length = this.bytes[symbol];
    writeRepairHeader(target, at, this.count[symbol], this.number[symbol]);
    this.gf256.mul(target, at + REPAIR_HEADER_BYTES, this.pool.slab, symbol << SYMBOL_SHIFT, length, 1);
    this.dequeue();
    return REPAIR_HEADER_BYTES + length;
  }

  /** Gives up the oldest waiting repair: no path has room for it. */
  drop(): void {
    this.counters[REPAIRS_DROPPED]++;
    this.dequeue();
  }

  /** When {@link service} wants to be called. */
  noteDeadline(earliest: Earliest): void {
    const { flows } = this;
    for (let i = 0; i < flows.length; i++) earliest.note(flows[i].times[DUE_AT]);
  }

  /** Makes repairs for the last packets of flows that have paused, where their credit is not overdrawn. */
  service(clock: Clock): void {
    const { flows } = this;
    const nowUs = clock.nowUs;
    for (let i = flows.length - 1; i >= 0; i--) {
      const { times } = flows[i];
      if (times[DUE_AT] > nowUs) continue;
      if (nowUs - times[LAST_SENT] >= FLOW_IDLE_US) {
        this.forget(i);
        continue;
      }
      times[DUE_AT] = times[LAST_SENT] + FLOW_IDLE_US;
      if (flows[i].credit >= 0) this.emit(flows[i], flows[i].openCount, clock);
    }
  }

  get memoryBytes(): number {
    return this.pool.memoryBytes;
  }

  /** Forgets everything and gives its memory back. */
  clear(): void {
    this.flows.length = 0;
    this.byFlow.clear();
    this.last = undefined;
    this.queued = 0;
    this.pool.clear();
  }

  private find(flow: number): SentFlow | undefined {
    let sent = this.byFlow.get(flow);
    if (sent === undefined) {
      if (this.flows.length === MAX_SENT_FLOWS) return undefined;
      sent = new SentFlow(flow);
      this.flows.push(sent);
      this.byFlow.set(flow, sent);
    }
    this.last = sent;
    return sent;
  }

  /** A flow that has paused for long leaves its symbols and its place to others. */
  private forget(index: number): void {
    const { flows, pool } = this;
    const sent = flows[index];
    for (let i = 0; i < sent.openCount; i++) pool.release(sent.open[i]);
    this.byFlow.delete(sent.flow);
    flows[index] = flows[flows.length - 1];
    flows.pop();
    this.last = undefined;
  }

  private refuse(): boolean {
    this.counters[UNPROTECTED_PACKETS]++;
    return false;
  }

  /**
   * How many combinations to keep open: as many as are paid for in a full window, so that each goes out when it is
   * full; no more than MAX_OPEN, and than leaves some for other flows.
   */
  private wanted(sent: SentFlow, length: number): number {
    const longest = sent.openCount > 0 ? Math.max(length, this.bytes[sent.open[0]]) : length;
    const paid = Math.floor((MAX_REPAIR_WINDOW * sent.earns) / (longest * MILLE));
    const share = Math.floor((MAX_SYMBOLS - MAX_WAITING) / this.flows.length);
    return Math.max(1, Math.min(paid, share, MAX_OPEN));
  }

  /** Opens combinations up to `wanted`; false when not even one is open. */
  private open(sent: SentFlow, wanted: number): boolean {
    while (sent.openCount < wanted) {
      let symbol = this.pool.acquire();
      if (symbol < 0 && sent.openCount === 0) symbol = this.takeFromRichest();
      if (symbol < 0) break;
      this.symbolFlow[symbol] = sent.flow;
      this.number[symbol] = sent.number;
      sent.number = (sent.number + 1) & 0xff;
      this.bytes[symbol] = 0;
      this.empty(symbol);
      sent.open[sent.openCount++] = symbol;
    }
    return sent.openCount > 0;
  }

  /** The newest combination of the flow that has most of them; -1 when none has two. */
  private takeFromRichest(): number {
    const { flows } = this;
    let richest = flows[0];
    for (let i = 1; i < flows.length; i++) if (flows[i].openCount > richest.openCount) richest = flows[i];
    return richest.openCount > 1 ? richest.open[--richest.openCount] : -1;
  }

  /** Whatever the open combinations hold is of no more use. */
  private restart(sent: SentFlow): void {
    for (let i = 0; i < sent.openCount; i++) this.empty(sent.open[i]);
  }

  private empty(symbol: number): void {
    this.count[symbol] = 0;
    this.bytes[symbol] = 0;
  }

  private add(symbol: number, sequence: number, bytes: Uint8Array, offset: number, length: number, clock: Clock): void {
    const { slab } = this.pool;
    const covered = this.count[symbol];
    if (covered === MAX_REPAIR_WINDOW) return;
    if (covered === 0) {
      this.first[symbol] = sequence;
      this.startedUs[symbol] = clock.nowUs;
    }
    this.count[symbol] = covered + 1;
    const at = symbol << SYMBOL_SHIFT;
    const needed = SYMBOL_LENGTH_BYTES + length;
    if (needed > this.bytes[symbol]) {
      slab.fill(0, at + this.bytes[symbol], at + needed);
      this.bytes[symbol] = needed;
    }
    const coefficient = repairCoefficient(this.number[symbol], sequence);
    slab[at] ^= gfMultiply(coefficient, length & 0xff);
    slab[at + 1] ^= gfMultiply(coefficient, length >> 8);
    this.gf256.mulAdd(slab, at + SYMBOL_LENGTH_BYTES, bytes, offset, length, coefficient);
  }

  /** Credits `earned` thousandths of bytes and makes the repairs that they pay for. */
  private earn(sent: SentFlow, earned: number, wanted: number, clock: Clock): void {
    // What cannot be spent, as no combination is open, does not pile up.
    sent.credit = Math.min(sent.credit + earned, 2 * LONGEST_REPAIRABLE * MILLE);
    while (sent.openCount > 0 && this.isDue(sent, sent.open[0])) this.emit(sent, wanted, clock);
  }

  /** Whether the oldest combination goes out: it is paid for, or it is full and the flow has no debt. */
  private isDue(sent: SentFlow, symbol: number): boolean {
    if (this.count[symbol] === MAX_REPAIR_WINDOW) return sent.credit >= 0;
    return this.count[symbol] > 0 && sent.credit >= this.bytes[symbol] * MILLE;
  }

  /** Sends the oldest combination that is not too old, and opens another if fewer than `wanted` are open. */
  private emit(sent: SentFlow, wanted: number, clock: Clock): void {
    const { open } = sent;
    const oldestUs = clock.nowUs - WINDOW_SPAN_US;
    for (let tries = sent.openCount; tries > 1 && this.startedUs[open[0]] < oldestUs; tries--) {
      if (this.count[open[1]] === 0) break;
      this.empty(open[0]);
      this.shift(sent, open[0]);
    }
    const symbol = open[0];
    if (this.count[symbol] === 0) return;
    this.shift(sent, -1);
    sent.credit -= this.bytes[symbol] * MILLE;
    this.counters[REPAIRS_MADE]++;
    this.counters[REPAIR_BYTES_MADE] += REPAIR_HEADER_BYTES + this.bytes[symbol];
    if (this.queued === MAX_WAITING) this.drop();
    this.queue[(this.queueHead + this.queued) % MAX_WAITING] = symbol;
    this.queued++;
    if (sent.openCount < wanted) this.open(sent, sent.openCount + 1);
    while (sent.openCount > wanted) this.pool.release(open[--sent.openCount]);
  }

  /** Takes the oldest open symbol off the list, and puts `behind` at its end unless that is -1. */
  private shift(sent: SentFlow, behind: number): void {
    sent.open.copyWithin(0, 1, sent.openCount);
    if (behind < 0) sent.openCount--;
    else sent.open[sent.openCount - 1] = behind;
  }

  private dequeue(): void {
    this.pool.release(this.queue[this.queueHead]);
    this.queueHead = (this.queueHead + 1) % MAX_WAITING;
    this.queued--;
  }
}
