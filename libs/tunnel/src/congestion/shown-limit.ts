/**
 * What a path carried while a queue stood on it. Whatever else is known of a path is what it was given: a stream that has to wait
 * for slower paths gives the fast one no more than that, however much it would carry.
 */
import { LIMIT_GROWTH, LIMIT_KEPT_US, LIMIT_WINDOW_US } from './constants.js';

const RECENT = 0;
const BEFORE = 1;
const UNTIL = 2;
const LATEST = 3;
const LATEST_AT = 4;

export class ShownLimit {
  /** The most of the running window and of the one before, any unit; end of the running one; the latest, and when it was. */
  private readonly numbers = new Float64Array([0, 0, Number.NEGATIVE_INFINITY, 0, 0]);

  forget(): void {
    const { numbers } = this;
    numbers[RECENT] = 0;
    numbers[BEFORE] = 0;
    numbers[LATEST] = 0;
  }

  /** Once a round. @param rate what arrives while a queue stands; 0 while none does */
  note(rate: number, nowUs: number): void {
    const { numbers } = this;
    if (nowUs >= numbers[UNTIL]) {
      numbers[BEFORE] = nowUs >= numbers[UNTIL] + LIMIT_WINDOW_US ? 0 : numbers[RECENT];
      numbers[RECENT] = 0;
      numbers[UNTIL] = nowUs + LIMIT_WINDOW_US;
    }
    if (rate > numbers[RECENT]) numbers[RECENT] = rate;
    if (rate > 0) {
      numbers[LATEST] = rate;
      numbers[LATEST_AT] = nowUs;
    } else if (nowUs > numbers[LATEST_AT] + LIMIT_KEPT_US) numbers[LATEST] = 0;
  }

  /**
   * The most that a path takes which is known to carry `rate`, and on which no queue stands: just that where one stood at this
   * rate a moment ago, otherwise what it has shown in the last seconds; Infinity where it carries more than it has shown.
   */
  above(rate: number): number {
    const { numbers } = this;
    if (rate <= LIMIT_GROWTH * numbers[LATEST]) return rate;
    const shown = Math.max(numbers[RECENT], numbers[BEFORE]);
    if (rate > LIMIT_GROWTH * shown) return Number.POSITIVE_INFINITY;
    return Math.max(shown, rate);
  }
}
