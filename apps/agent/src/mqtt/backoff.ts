/**
 * Pauses between attempts: doubling, with the upper half of each drawn at random, so that a fleet that lost its broker
 * does not come back in one moment.
 */
export class Backoff {
  #attempt = 0;

  /** @param firstMs pause after the first failure @param lastMs longest pause, both milliseconds */
  constructor(
    private readonly firstMs: number,
    private readonly lastMs: number,
    private readonly random: () => number = Math.random,
  ) {}

  /** The next pause, milliseconds. */
  next(): number {
    const full = Math.min(this.lastMs, this.firstMs * 2 ** Math.min(this.#attempt, 30));
    this.#attempt++;
    return full / 2 + (full / 2) * this.random();
  }

  reset(): void {
    this.#attempt = 0;
  }
}

/** A pause that can be cut short. */
export class Pause {
  #end: (() => void) | undefined;

  /** Resolves after `ms` milliseconds or at {@link cut}. */
  wait(ms: number): Promise<void> {
    this.cut();
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end?.(), ms);
      this.#end = () => {
        clearTimeout(timer);
        this.#end = undefined;
        resolve();
      };
    });
  }

  cut(): void {
    this.#end?.();
  }
}
