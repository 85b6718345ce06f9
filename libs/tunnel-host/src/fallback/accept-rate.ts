interface Limit {
  readonly perSecond: number;
  readonly burst: number;
}

/** A bucket of tokens for each key: `burst` at once, `perSecond` in the long run. The quietest keys are forgotten. */
export class AcceptRate {
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();
  readonly #limit: Limit;
  readonly #mostKeys: number;

  constructor(limit: Limit, mostKeys: number) {
    this.#limit = limit;
    this.#mostKeys = mostKeys;
  }

  /** Takes a token; false when there is none. */
  take(key: string, nowMs: number): boolean {
    const { perSecond, burst } = this.#limit;
    const bucket = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) / 1000) * perSecond);
    bucket.atMs = nowMs;
    // To the end of the map: its first key is the one that was quiet for the longest time.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    for (const quietest of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#mostKeys) break;
      this.#buckets.delete(quietest);
    }
    if (bucket.tokens < 1) return false;
    bucket.tokens--;
    return true;
  }
}
