/**
 * Keeps what copies and repair cost within a class's redundancy: a token bucket of bytes, filled by a part of what the class
 * sends and drawn from by what it sends in addition.
 */

/** The bucket holds what comes in over this time, and half of it at the start: with a redundancy of 0.1, a second of copies. */
const SAVED_FOR_US = 10_000_000;
/** Spending begins again when this part of the bucket is filled: not packet by packet, which would be a copy now and then. */
const WORTHWHILE_PART = 0.3;
/** A longer time between two calls says nothing about what was sent meanwhile. */
const LONGEST_STEP_US = 1_000_000;

export class RedundancyBudget {
  private lastUs = -1;
  /** What is saved, in microseconds of the class's own sending. */
  private savedUs = 0;
  private isExhausted = false;

  /**
   * Time went by in which the class sent `spent` extra bytes per byte.
   * @param redundancy what it may spend per byte
   * @param sends whether the class sent at all: while it is idle nothing is saved or spent
   */
  pass(nowUs: number, redundancy: number, spent: number, sends: boolean): void {
    const mostUs = redundancy * SAVED_FOR_US;
    if (this.lastUs < 0) this.savedUs = mostUs / 2;
    const elapsedUs = this.lastUs < 0 ? 0 : Math.min(LONGEST_STEP_US, nowUs - this.lastUs);
    this.lastUs = nowUs;
    if (sends) this.savedUs += elapsedUs * (redundancy - spent);
    // Below zero it is in debt, by at most what was sent between two calls.
    this.savedUs = Math.min(mostUs, this.savedUs);
    if (this.savedUs <= 0) this.isExhausted = true;
    else if (this.savedUs >= WORTHWHILE_PART * mostUs) this.isExhausted = false;
  }

  /** Whether copies can be paid for the time being. */
  get affordsCopies(): boolean {
    return !this.isExhausted;
  }
}
