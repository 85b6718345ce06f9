/**
 * How many bytes of a stream are on their way from the engine to the kernel, and since when the oldest: in memory that
 * both threads see, so that the engine's thread stops adding also when the other one is wedged.
 */
import { BACKLOG_BYTES, BACKLOG_MS } from './constants.js';

const BYTES = 0;
const OLDEST_MS = 1;

/** One stream's backlog. The engine's thread adds, the other one takes away. */
export class Backlog {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;

  /** @param memory of the other thread's {@link memory}; default: new */
  constructor(memory = new SharedArrayBuffer(8)) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
  }

  get bytes(): number {
    return Atomics.load(this.#cells, BYTES);
  }

  /** Whether another `length` bytes may be added at `nowMs` ({@link wrappedMs}). */
  admits(length: number, nowMs: number): boolean {
    const waiting = this.bytes;
    if (waiting === 0) return true;
    if (waiting + length > BACKLOG_BYTES) return false;
    return ((nowMs - Atomics.load(this.#cells, OLDEST_MS)) | 0) <= BACKLOG_MS;
  }

  add(length: number, nowMs: number): void {
    // In an empty queue the new one is the oldest. Said before it counts: the other thread may look at any moment.
    if (this.bytes === 0) Atomics.store(this.#cells, OLDEST_MS, nowMs);
    Atomics.add(this.#cells, BYTES, length);
  }

  /** The kernel took `length` bytes. @param oldestMs when the oldest of what still waits was added, or now */
  take(length: number, oldestMs: number): void {
    Atomics.store(this.#cells, OLDEST_MS, oldestMs);
    Atomics.sub(this.#cells, BYTES, length);
  }
}

/** A sum of bytes over all streams; either thread adds, the other one takes away. */
export class SharedSum {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;

  constructor(memory = new SharedArrayBuffer(4)) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
  }

  get bytes(): number {
    return Atomics.load(this.#cells, 0);
  }

  add(bytes: number): void {
    Atomics.add(this.#cells, 0, bytes);
  }
}

/** Milliseconds in 32 bits that wrap around: differences of less than 24 days are right. */
export function wrappedMs(us: number): number {
  return Math.floor(us / 1000) | 0;
}
