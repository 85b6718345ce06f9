/** Figures over a handful of runs. */

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Median, smallest and largest of `values`. @throws RangeError for none. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('there is no spread of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  return { median: percentile(sorted, 0.5), min: sorted[0] as number, max: sorted.at(-1) as number };
}

/** Nearest-rank percentile of sorted values; the median of an even number of them is the mean of the middle two. */
export function percentile(sorted: readonly number[], share: number): number {
  if (sorted.length === 0) throw new RangeError('there is no percentile of nothing');
  if (share === 0.5 && sorted.length % 2 === 0) {
    const middle = sorted.length / 2;
    return ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
  }
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
}

/** Median with smallest and largest behind it, such as `81 (79 - 84)`; only the value when there is one. */
export function spreadText(values: readonly number[], text: (value: number) => string): string {
  if (values.length === 0) return '-';
  const { median, min, max } = spreadOf(values);
  return values.length === 1 ? text(median) : `${text(median)} (${text(min)} - ${text(max)})`;
}
