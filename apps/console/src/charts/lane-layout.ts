import { gapS, type LinkHistory } from './history.js';

/** A stretch of time in which a link kept its state. Seconds since 1970; `to` is exclusive. */
export interface LaneSegment {
  readonly fromS: number;
  readonly toS: number;
  readonly state: string;
  readonly active: boolean;
}

/** Equal neighbours joined; nothing where nothing is known. */
export function laneSegments(link: LinkHistory, stepS: number): LaneSegment[] {
  const segments: { fromS: number; toS: number; state: string; active: boolean }[] = [];
  for (let at = 0; at < link.atS.length; at++) {
    const state = link.state[at];
    if (state === null || state === undefined) continue;
    const fromS = link.atS[at] as number;
    const active = (link.active[at] ?? 0) >= 0.5;
    const last = segments.at(-1);
    const next = link.atS[at + 1];
    const toS = next !== undefined && next - fromS <= gapS(stepS) ? next : fromS + stepS;
    if (last !== undefined && last.state === state && last.active === active && fromS - last.toS < stepS / 2)
      last.toS = toS;
    else segments.push({ fromS, toS, state, active });
  }
  return segments;
}

/** Round local times for an axis from `fromS` to `toS`, at most `most` of them. */
export function timeTicks(fromS: number, toS: number, most: number, offsetS = 0): number[] {
  const steps = [10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200, 86_400];
  const step = steps.find((candidate) => (toS - fromS) / candidate <= most) ?? 86_400;
  const ticks: number[] = [];
  for (let at = Math.ceil((fromS + offsetS) / step) * step - offsetS; at <= toS; at += step) ticks.push(at);
  return ticks;
}

/** The next of 1, 2, 5 x 10^n that is not below `value`: the top of a scale that does not jump with each sample. */
export function niceTop(value: number): number {
  if (value <= 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 2, 3, 5, 8, 10];
  return unit * (steps.find((step) => step * unit >= value * 0.9999) ?? 10);
}

/**
 * The top of a scale for all of `columns`, at least `least`. A few wild samples do not flatten the rest: what lies above
 * three times the 98th percentile leaves the chart at its upper edge; the figures beside it still say how much it was.
 */
export function scaleTop(columns: readonly (readonly (number | null)[])[], least: number): number {
  const values = columns.flatMap((column) => column.filter((value) => value !== null)).sort((a, b) => a - b);
  const highest = values.at(-1) ?? 0;
  const usual = values[Math.floor((values.length - 1) * 0.98)] ?? 0;
  return niceTop(Math.max(least, Math.min(highest, usual * 3)));
}
