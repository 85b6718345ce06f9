/** The last values of one figure, oldest first, for a sparkline. */
export class History {
  readonly #values: number[] = [];

  constructor(private readonly capacity: number) {}

  add(value: number): void {
    this.#values.push(value);
    if (this.#values.length > this.capacity) this.#values.shift();
  }

  get values(): readonly number[] {
    return this.#values;
  }
}

/** Page times of one browser. */
export class PageTimes {
  readonly #times: number[] = [];
  readonly #recent = new History(60);
  failed = 0;

  page(ms: number): void {
    this.#times.push(ms);
    this.#recent.add(ms);
  }

  fail(): void {
    this.failed++;
    this.#recent.add(Number.NaN);
  }

  get pages(): number {
    return this.#times.length;
  }

  get history(): readonly number[] {
    return this.#recent.values;
  }

  get lastMs(): number {
    return this.#times.at(-1) ?? Number.NaN;
  }

  /** Nearest-rank percentile, 0 to 1, over all pages. */
  percentileMs(share: number): number {
    if (this.#times.length === 0) return Number.NaN;
    const sorted = [...this.#times].sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
  }
}

/**
 * Packets that are lost for good: sent so long ago that they would have arrived. Compares what was sent then with what
 * has arrived until now, and never takes a loss back unless a straggler does.
 */
export class LossCounter {
  readonly #sent: { atMs: number; sent: number }[] = [];

  /** @param graceMs how long a packet may be on its way */
  constructor(private readonly graceMs: number) {}

  /** Notes the counts of this moment and answers the packets lost so far. */
  update(nowMs: number, sent: number, received: number): number {
    this.#sent.push({ atMs: nowMs, sent });
    while (this.#sent.length > 1 && (this.#sent[1] as { atMs: number }).atMs <= nowMs - this.graceMs)
      this.#sent.shift();
    const oldest = this.#sent[0] as { atMs: number; sent: number };
    return oldest.atMs <= nowMs - this.graceMs ? Math.max(0, oldest.sent - received) : 0;
  }
}
