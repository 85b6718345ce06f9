/** Plain tables for terminals: columns as wide as their widest cell, numbers to the right. */

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const isNumeric = head.map((_, column) =>
    rows.every((row) => /^[-+]?[\d.,]*( ?[%x])?$|^(never|-)$/.test(row[column] ?? '')),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (isNumeric[column] ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ');
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [line(head).trimEnd(), rule, ...rows.map((row) => line(row).trimEnd())].join('\n');
}

/** Microseconds as milliseconds, with as many digits as are worth reading. */
export function ms(us: number): string {
  if (!Number.isFinite(us)) return 'never';
  const value = us / 1000;
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

export function mbps(bps: number): string {
  return (bps / 1e6).toFixed(bps < 1e8 ? 2 : 0);
}

/** The smallest value with at least `share` of all at or below it; NaN without values. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? Number.NaN : sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}
