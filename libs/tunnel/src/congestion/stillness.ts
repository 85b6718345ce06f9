/** A queue that others fill does not stand still: a delay that does is that of another route. */
import { STILL_FOR_US, STILL_ROUNDS, STILL_US } from './constants.js';

const DELAY = 0;
const FROM = 1;

export class Stillness {
  /** The delay that is looked at, and since when it has been that, microseconds. */
  private readonly numbers = new Float64Array(2);
  /** Rounds in a row in which it was. */
  private rounds = 0;

  begin(delayUs: number, nowUs: number): void {
    this.numbers[DELAY] = delayUs;
    this.numbers[FROM] = nowUs;
    this.rounds = 0;
  }

  /** A round is over. Answers whether the delay has stood still for long. @param allowanceUs what jitter may add */
  judge(delayUs: number, allowanceUs: number, nowUs: number): boolean {
    if (Math.abs(delayUs - this.numbers[DELAY]) > STILL_US + allowanceUs) {
      this.begin(delayUs, nowUs);
      return false;
    }
    this.rounds++;
    return this.rounds >= STILL_ROUNDS && nowUs - this.numbers[FROM] > STILL_FOR_US;
  }
}
