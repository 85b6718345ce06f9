import { Injectable } from '@nestjs/common';

/** The gateway's clocks, so that a test can put others in their place. */
@Injectable()
export class Clock {
  /** Wall clock, UTC, milliseconds: for what people read and for what the database keeps. */
  nowMs(): number {
    return Date.now();
  }

  /** Never goes back, milliseconds from an arbitrary point: for periods. */
  monotonicMs(): number {
    return performance.now();
  }
}
