/** How many failures a key may have within the window before it has to wait. */
export interface AttemptLimit {
  readonly failures: number;
  readonly windowMs: number;
}

interface Window {
  failures: number;
  endsMs: number;
}

/** More keys than this and the oldest go: an attacker with many addresses must not fill the memory. */
const MAX_KEYS = 10_000;

/** Counts failed attempts by key, in fixed windows, in memory, on a monotonic clock (milliseconds). */
export class Attempts {
  readonly #windows = new Map<string, Window>();

  constructor(
    private readonly limit: AttemptLimit,
    private readonly nowMs: () => number,
  ) {}

  /** Seconds to wait before the key may try again; 0: now. */
  waitSeconds(key: string): number {
    const window = this.#windows.get(key);
    if (window === undefined || window.failures < this.limit.failures) return 0;
    return Math.max(0, Math.ceil((window.endsMs - this.nowMs()) / 1000));
  }

  failed(key: string): void {
    const now = this.nowMs();
    const window = this.#windows.get(key);
    if (window !== undefined && window.endsMs > now) {
      window.failures += 1;
      return;
    }
    this.#windows.delete(key);
    this.#windows.set(key, { failures: 1, endsMs: now + this.limit.windowMs });
    if (this.#windows.size > MAX_KEYS) this.#windows.delete(this.#windows.keys().next().value!);
  }

  /** The last one was no failure after all. */
  takeBack(key: string): void {
    const window = this.#windows.get(key);
    if (window !== undefined) window.failures = Math.max(0, window.failures - 1);
  }

  forget(key: string): void {
    this.#windows.delete(key);
  }
}
