import { describe, expect, it } from 'vitest';
import { cdfSvg } from './plot.js';

const plot = (values: readonly number[], name = 'runs') =>
  cdfSvg({ title: 'Gaps', xLabel: 'ms', series: [{ name, values }], limits: [{ name: 'limit', value: 50 }] });

/** Points of the one curve: x and share of the height. */
function steps(svg: string): { x: number; y: number }[] {
  const path = /<path class="curve c0"[^>]* d="([^"]+)"/.exec(svg)?.[1] ?? '';
  return [...path.matchAll(/H([\d.]+)V([\d.]+)/g)].map(([, x, y]) => ({ x: Number(x), y: Number(y) }));
}

describe('a plot of a distribution', () => {
  it('rises by one share at every value, to the right', () => {
    const curve = steps(plot([40, 20, 80, 30]));
    expect(curve).toHaveLength(4);
    for (let i = 1; i < curve.length; i++) {
      expect(curve[i]?.x).toBeGreaterThan(curve[i - 1]?.x as number);
      expect(curve[i]?.y).toBeLessThan(curve[i - 1]?.y as number);
    }
  });

  it('is logarithmic: equal ratios are equally far apart', () => {
    const [a, b, c] = steps(plot([20, 40, 80])).map(({ x }) => x) as [number, number, number];
    expect(b - a).toBeCloseTo(c - b, 0);
  });

  it('does not reach the top when a run had no end to its gap', () => {
    const finite = steps(plot([20, 40])).at(-1)?.y as number;
    expect(steps(plot([20, Number.POSITIVE_INFINITY])).at(-1)?.y).toBeGreaterThan(finite);
  });

  it('labels its axis with round numbers around the values', () => {
    const svg = plot([23, 700]);
    for (const tick of [20, 50, 100, 200, 500, 1000]) expect(svg).toContain(`>${tick}</text>`);
  });

  it('has colours for light and for dark, and lets no name break out', () => {
    expect(plot([1])).toContain('prefers-color-scheme:dark');
    expect(plot([1], '<b>"&')).toContain('&lt;b&gt;&quot;&amp;');
  });

  it('refuses to draw nothing', () => {
    expect(() => cdfSvg({ title: '', xLabel: '', series: [{ name: 'a', values: [] }] })).toThrow(RangeError);
  });
});
