/** A bucket of tokens a key: `burst` at once, `perSecond` in the long run. In memory, on a monotonic clock. */
export class RateLimit {
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  constructor(
    private readonly limit: { readonly perSecond: number; readonly burst: number; readonly maxKeys: number },
    private readonly nowMs: () => number,
  ) {}

  /** Takes one token; false when there is none. */
  take(key: string): boolean {
    const now = this.nowMs();
    const bucket = this.#buckets.get(key) ?? { tokens: this.limit.burst, atMs: now };
    bucket.tokens = Math.min(
      this.limit.burst,
      bucket.tokens + (Math.max(0, now - bucket.atMs) / 1000) * this.limit.perSecond,
    );
    bucket.atMs = now;
    // Behind the others: the first key of the map is the one that was quiet for the longest time.
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > this.limit.maxKeys) this.#buckets.delete(this.#buckets.keys().next().value!);
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }
}
