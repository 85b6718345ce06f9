/**
 * How many bytes of a stream are on their way from the engine to the kernel, and since when the kernel has not taken the
 * oldest: in memory that both threads see, so that the engine's thread stops adding also when the other one is wedged.
 */
import { BACKLOG_BYTES, BACKLOG_MS } from './constants.js';

const BYTES = 0;
/** When the oldest that the kernel has not taken was offered to it; 0: there is none. */
const OFFERED_MS = 1;

/** One stream's backlog. The engine's thread adds, the one with the connection offers and takes away. */
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

  /**
   * Whether another `length` bytes may be added at `nowMs` ({@link wrappedMs}): not to too many, and not behind what the
   * network has kept waiting. What waits for the other thread only is no sign of a full network.
   */
  admits(length: number, nowMs: number): boolean {
    const waiting = this.bytes;
    if (waiting === 0) return true;
    if (waiting + length > BACKLOG_BYTES) return false;
    const offeredMs = Atomics.load(this.#cells, OFFERED_MS);
    return offeredMs === 0 || ((nowMs - offeredMs) | 0) <= BACKLOG_MS;
  }

  add(length: number): void {
    Atomics.add(this.#cells, BYTES, length);
  }

  /** The oldest that the kernel has not taken was offered to it at `nowMs`; undefined: it has taken everything. */
  noteOffered(nowMs: number | undefined): void {
    Atomics.store(this.#cells, OFFERED_MS, nowMs === undefined ? 0 : nowMs || 1);
  }

  /** The kernel took `length` bytes. */
  take(length: number): void {
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
