/** Figures as documents hold them. */

/** Not below zero; an estimate that does not exist yet (NaN, Infinity) is zero, as JSON has neither. */
export function whole(value: number): number {
  return Number.isFinite(value) ? Math.max(0, Math.round(value)) : 0;
}

export function ratio(value: number, most: number): number {
  return Number.isFinite(value) ? Math.min(most, Math.max(0, Math.round(value * 1e4) / 1e4)) : 0;
}
