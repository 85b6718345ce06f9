import type { DelayFigures } from '../face.js';

/** Widest value that has a bin of its own, microseconds. */
const BINS = 4096;

/** Times in bins of one microsecond up to about 4 ms, the rest in one last bin; allocates nothing after its birth. */
export class Histogram {
  private readonly bins = new Float64Array(BINS + 1);
  private readonly extremes = new Float64Array(2);

  add(us: number): void {
    const bin = us < 0 ? 0 : us > BINS ? BINS : Math.floor(us);
    this.bins[bin]++;
    this.extremes[0]++;
    if (us > this.extremes[1]) this.extremes[1] = us;
  }

  get count(): number {
    return this.extremes[0];
  }

  reset(): void {
    this.bins.fill(0);
    this.extremes.fill(0);
  }

  figures(): DelayFigures {
    const maxUs = this.extremes[1];
    const at = (share: number) => Math.min(this.quantile(share), maxUs);
    return { p50Us: at(0.5), p95Us: at(0.95), p99Us: at(0.99), maxUs };
  }

  /** Upper edge of the bin in which the quantile lies; the largest value for the last bin. */
  private quantile(share: number): number {
    let rest = share * this.count;
    for (let bin = 0; bin < BINS; bin++) {
      rest -= this.bins[bin];
      if (rest <= 0) return this.count === 0 ? 0 : bin + 1;
    }
    return this.extremes[1];
  }
}
