/**
 * The search for the largest datagram that a path carries, as a pure state machine: it says which sizes to probe in one
 * round, is told which of them arrived, and what it makes of the rest when the round is over.
 *
 * The full size is asked for first and alone: most paths carry it, and one answer ends the search. From its second try
 * on the usual sizes of the Internet go along, so that after the last try it is known between which two of them the
 * limit lies; bisection finds it there. The caller only ends a round when the path answered something else meanwhile:
 * otherwise nothing can be said about sizes (RFC 8899 section 4.3).
 */
import { MTU_FLOOR, MTU_PROBE_SIZES, MTU_PROBE_TRIES, MTU_STEP } from './constants.js';

/** One size lost so often between two known sizes counts as too big. */
const NARROW_TRIES = 2;

export class MtuSearch {
  /** Largest datagram to send now, bytes of UDP payload; 0 until something is known. */
  result = 0;
  /** Nothing to probe until {@link restart} or {@link raise}. */
  isDone = false;
  private low = 0;
  /** Smallest size taken for too big; above `full`: none. */
  private high = 0;
  private tries = 0;
  private readonly floor: number;
  private readonly sizes: readonly number[];

  /**
   * @param full largest datagram that will ever be sent, bytes of UDP payload
   * @param common smaller one that is sent often, and shall not be missed by a few bytes
   */
  constructor(
    readonly full: number,
    common = full,
  ) {
    this.floor = Math.min(MTU_FLOOR, full);
    const sizes = new Set([...MTU_PROBE_SIZES, common]);
    this.sizes = [...sizes].filter((size) => size > this.floor && size < full).sort((a, b) => a - b);
    this.restart();
  }

  /** Begins afresh; {@link result} stands until the answer is known. */
  restart(): void {
    this.low = this.floor;
    this.high = this.full + 1;
    this.tries = 0;
    this.isDone = this.low >= this.full;
    if (this.isDone) this.result = this.full;
  }

  /** Asks once whether more has become possible. */
  raise(): void {
    this.low = Math.max(this.result, this.floor);
    this.high = this.full + 1;
    this.tries = MTU_PROBE_TRIES - 1;
    this.isDone = this.low >= this.full;
  }

  /** Sizes to probe in this round, all at once; the same again until they are answered or the round is over. */
  round(): readonly number[] {
    if (this.isDone) return [];
    if (this.high <= this.full) return [this.middle()];
    const usual = this.tries === 0 ? [] : this.sizes.filter((size) => size > this.low);
    return [this.full, ...usual];
  }

  /** A probe of this size arrived, however late. Answers whether the round has nothing more to wait for. */
  arrived(size: number): boolean {
    const narrowing = this.high <= this.full;
    if (size <= this.low || size > this.full) return false;
    this.low = size;
    if (size >= this.high) this.high = this.full;
    if (size === this.full) this.finish();
    else if (narrowing) {
      this.result = size;
      this.tries = 0;
    }
    this.finishWhenNarrow();
    return narrowing || this.isDone;
  }

  /** The round's time is up though the path works: what did not arrive is lost. */
  over(): void {
    if (this.isDone) return;
    this.tries++;
    if (this.high <= this.full) {
      if (this.tries < NARROW_TRIES) return;
      this.high = this.middle();
    } else {
      if (this.tries < MTU_PROBE_TRIES) return;
      this.high = this.sizes.find((size) => size > this.low) ?? this.full;
      this.result = this.low;
    }
    this.tries = 0;
    this.finishWhenNarrow();
  }

  private middle(): number {
    return (this.low + this.high) >> 1;
  }

  private finishWhenNarrow(): void {
    if (this.high <= this.full && this.high - this.low <= MTU_STEP) this.isDone = true;
  }

  private finish(): void {
    this.result = this.full;
    this.isDone = true;
  }
}
