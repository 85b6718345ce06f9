/** A slab of symbols of one size, lent by number. It begins small and doubles, as far as the engine's memory allows. */
import { SYMBOL_ROOM, SYMBOL_SHIFT } from './constants.js';
import type { RepairMemory } from './memory.js';

export class SymbolPool {
  /** Symbol n starts at `n << SYMBOL_SHIFT`. Replaced when the pool grows. */
  slab = new Uint8Array(0);
  private readonly free: Int32Array;
  private freeCount = 0;
  private size = 0;

  constructor(
    private readonly memory: RepairMemory,
    private readonly first: number,
    private readonly most: number,
  ) {
    this.free = new Int32Array(most);
  }

  /** A symbol's number, or -1. Its bytes are what its last user left. */
  acquire(): number {
    if (this.freeCount === 0 && !this.grow()) return -1;
    return this.free[--this.freeCount];
  }

  release(symbol: number): void {
    this.free[this.freeCount++] = symbol;
  }

  get memoryBytes(): number {
    return this.slab.length;
  }

  /** Gives all memory back; no symbol is in use any more. */
  clear(): void {
    this.memory.give(this.slab.length);
    this.slab = new Uint8Array(0);
    this.freeCount = 0;
    this.size = 0;
  }

  private grow(): boolean {
    const size = this.size === 0 ? this.first : Math.min(this.most, this.size * 2);
    if (size === this.size || !this.memory.take((size - this.size) * SYMBOL_ROOM)) return false;
    const slab = new Uint8Array(size << SYMBOL_SHIFT);
    slab.set(this.slab);
    this.slab = slab;
    for (let symbol = size - 1; symbol >= this.size; symbol--) this.release(symbol);
    this.size = size;
    return true;
  }
}
