/** Figures as people read them: short, with their unit, and a dash where nothing is known. */
import type { PlanMode } from '@corridor/strategy';

const UNKNOWN = '–';

/** 7.4 ms, 24 ms, 1.2 s. */
export function milliseconds(ms: number): string {
  if (!Number.isFinite(ms)) return UNKNOWN;
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  return ms < 9_950 ? `${(ms / 1000).toFixed(1)} s` : `${(ms / 1000).toFixed(0)} s`;
}

/** 0 %, 0.4 %, 12 %. */
export function percent(ratio: number): string {
  if (!Number.isFinite(ratio)) return UNKNOWN;
  if (ratio <= 0) return '0 %';
  return ratio < 0.0995 ? `${Math.max(0.1, ratio * 100).toFixed(1)} %` : `${(ratio * 100).toFixed(0)} %`;
}

/** Links in use by what the plan does with them: copies on `a+b`, shared out over `a/b`, else the one in use. */
export function pathsText({ mode, paths }: { readonly mode: PlanMode; readonly paths: readonly string[] }): string {
  if (mode === 'single') return paths[0] ?? UNKNOWN;
  return paths.join(mode === 'copies' ? '+' : '/');
}

/** 0, 84 k, 6.2 M: bits per second without saying so in each row. */
export function rate(bps: number): string {
  if (!Number.isFinite(bps)) return UNKNOWN;
  if (bps < 500) return '0';
  if (bps < 999_500) return `${(bps / 1e3).toFixed(0)} k`;
  return bps < 9.95e6 ? `${(bps / 1e6).toFixed(1)} M` : `${(bps / 1e6).toFixed(0)} M`;
}

/** 12,345. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** 02:14, 1:02:14. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => String(value).padStart(2, '0');
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return seconds < 3600 ? rest : `${Math.floor(seconds / 3600)}:${rest}`;
}

/** Share of the values that a scale shows in full. */
const SCALED_SHARE = 0.9;

const BARS = [...'▁▂▃▄▅▆▇█'];

/**
 * The last `cells` values of `history` as bars from 0 to `top`; a gap where a value is not known.
 *
 * @param top value of the highest bar; larger ones are drawn like it.
 */
export function sparkline(history: readonly number[], cells: number, top: number): string {
  const shown = history.slice(-cells);
  const bars = shown.map((value) => {
    if (!Number.isFinite(value)) return ' ';
    const step = Math.ceil((Math.max(0, value) / top) * BARS.length) - 1;
    return BARS[Math.min(BARS.length - 1, Math.max(0, step))] as string;
  });
  return ' '.repeat(cells - shown.length) + bars.join('');
}

/**
 * A round number at or above `floor` and nearly all of `values`: scales do not twitch with every sample, and one spike
 * does not flatten the rest.
 */
export function scaleTop(values: readonly number[], floor: number): number {
  const known = values.filter(Number.isFinite).sort((a, b) => a - b);
  const top = Math.max(floor, known[Math.floor(SCALED_SHARE * (known.length - 1))] ?? 0);
  const magnitude = 10 ** Math.floor(Math.log10(top));
  for (const factor of [1, 2, 5, 10]) if (factor * magnitude >= top) return factor * magnitude;
  return top;
}
