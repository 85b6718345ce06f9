/**
 * The protected packets that arrived lately, as symbols (length, then bytes) in one ring of bytes: the oldest give way
 * to the newest. The ring doubles while it has to drop what is young, as far as the engine's memory allows.
 */
import { SYMBOL_LENGTH_BYTES, writeSymbolLength } from '@corridor/wire';
import type { Clock } from '../clock.js';
import { FIRST_KEPT_BYTES, KEEP_US, MAX_KEPT_BYTES, MAX_KEPT_PACKETS } from './constants.js';
import type { Gf256 } from './gf256.js';
import type { RepairMemory } from './memory.js';

export class KeptPackets {
  bytes = new Uint8Array(0);
  /** Of each entry: its flow (-1 none), sequence (signed), where its symbol is and how long. */
  readonly flow = new Int32Array(MAX_KEPT_PACKETS).fill(-1);
  readonly sequence = new Int32Array(MAX_KEPT_PACKETS);
  readonly at = new Int32Array(MAX_KEPT_PACKETS);
  readonly length = new Int32Array(MAX_KEPT_PACKETS);
  private readonly keptUs = new Float64Array(MAX_KEPT_PACKETS);
  private oldest = 0;
  private count = 0;
  private writeAt = 0;

  constructor(
    private readonly gf256: Gf256,
    private readonly memory: RepairMemory,
  ) {}

  /** Copies a packet; answers its entry, or -1 when there is no memory at all. */
  add(flow: number, sequence: number, source: Uint8Array, offset: number, length: number, clock: Clock): number {
    const needed = SYMBOL_LENGTH_BYTES + length;
    if (!this.makeRoom(needed, clock)) return -1;
    const entry = (this.oldest + this.count++) & (MAX_KEPT_PACKETS - 1);
    const at = this.writeAt;
    this.writeAt = at + needed;
    this.flow[entry] = flow;
    this.sequence[entry] = sequence;
    this.at[entry] = at;
    this.length[entry] = needed;
    this.keptUs[entry] = clock.nowUs;
    writeSymbolLength(this.bytes, at, length);
    this.gf256.mul(this.bytes, at + SYMBOL_LENGTH_BYTES, source, offset, length, 1);
    return entry;
  }

  /** Whether `entry` still is that packet. */
  holds(entry: number, flow: number, sequence: number): boolean {
    return this.flow[entry] === flow && this.sequence[entry] === sequence;
  }

  /** Forgets all packets and gives the memory back. */
  clear(): void {
    this.flow.fill(-1);
    this.count = 0;
    this.writeAt = 0;
    this.memory.give(this.bytes.length);
    this.bytes = new Uint8Array(0);
  }

  /** Makes `needed` bytes free at `writeAt`. */
  private makeRoom(needed: number, clock: Clock): boolean {
    if (this.bytes.length === 0 && !this.grow(FIRST_KEPT_BYTES)) return false;
    if (this.count === MAX_KEPT_PACKETS) this.dropOldest();
    if (this.writeAt + needed > this.bytes.length) {
      // The packets behind the write position are the oldest: they go first.
      while (this.count > 0 && this.at[this.oldest] >= this.writeAt) this.dropOldest();
      this.writeAt = 0;
    }
    while (this.isInTheWay(needed)) {
      const isYoung = clock.nowUs - this.keptUs[this.oldest] < KEEP_US;
      if (isYoung && this.bytes.length < MAX_KEPT_BYTES && this.grow(this.bytes.length * 2)) break;
      this.dropOldest();
    }
    return true;
  }

  private isInTheWay(needed: number): boolean {
    const { oldest } = this;
    return (
      this.count > 0 && this.at[oldest] < this.writeAt + needed && this.at[oldest] + this.length[oldest] > this.writeAt
    );
  }

  private dropOldest(): void {
    this.flow[this.oldest] = -1;
    this.oldest = (this.oldest + 1) & (MAX_KEPT_PACKETS - 1);
    this.count--;
  }

  /** Moves all packets to a ring of `size` bytes, in order. */
  private grow(size: number): boolean {
    if (!this.memory.take(size - this.bytes.length)) return false;
    const bytes = new Uint8Array(size);
    let to = 0;
    for (let i = 0; i < this.count; i++) {
      const entry = (this.oldest + i) & (MAX_KEPT_PACKETS - 1);
      bytes.set(this.bytes.subarray(this.at[entry], this.at[entry] + this.length[entry]), to);
      this.at[entry] = to;
      to += this.length[entry];
    }
    this.bytes = bytes;
    this.writeAt = to;
    return true;
  }
}
