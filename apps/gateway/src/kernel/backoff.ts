/**
 * How long to wait before the next attempt: doubles from `leastMs` to `mostMs`, of which a random half is taken off, so that
 * a fleet that lost the same broker does not come back in one wave.
 */
export class Backoff {
  #failures = 0;

  constructor(
    private readonly leastMs: number,
    private readonly mostMs: number,
    private readonly random: () => number = Math.random,
  ) {}

  /** Milliseconds until the next attempt. */
  next(): number {
    const ceiling = Math.min(this.mostMs, this.leastMs * 2 ** Math.min(this.#failures++, 30));
    return Math.round(ceiling * (0.5 + this.random() / 2));
  }

  reset(): void {
    this.#failures = 0;
  }
}
