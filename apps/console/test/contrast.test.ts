import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('../src/styles/tokens.css', import.meta.url), 'utf8');

function tokensOf(block: string): Record<string, string> {
  return Object.fromEntries([...block.matchAll(/--([a-z0-9-]+):\s*([^;]+);/g)].map(([, name, value]) => [name, value]));
}
const blockOf = (selector: string) => css.slice(css.indexOf(selector)).split('}')[0] as string;
const THEMES = {
  light: tokensOf(blockOf(':root[data-theme="light"]')),
  dark: tokensOf(blockOf(':root[data-theme="dark"]')),
};

/** WCAG 2.2: relative luminance and contrast. */
function luminance(hex: string): number {
  const channels = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255);
  const [r, g, b] = channels.map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)) as [
    number,
    number,
    number,
  ];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const SURFACES = ['ground', 'surface', 'raised', 'sunken', 'hover', 'selected'];
const STATES = ['live', 'stale', 'offline', 'never', 'unknown'];

describe.each(Object.entries(THEMES))('%s colours', (_, theme) => {
  const of = (name: string) => theme[name] as string;

  it.each(['text', 'text-2', 'text-3', 'accent'].flatMap((text) => SURFACES.map((surface) => [text, surface])))(
    '--%s can be read on --%s',
    (text, surface) => expect(contrast(of(text as string), of(surface as string))).toBeGreaterThanOrEqual(4.5),
  );

  it.each(STATES)('--%s can be read on its own tint and on surfaces, and its shape be seen', (state) => {
    for (const surface of [`${state}-soft`, 'surface', 'hover', 'ground'])
      expect(contrast(of(state), of(surface)), surface).toBeGreaterThanOrEqual(4.5);
    if (state !== 'stale') expect(contrast(of(`${state}-fill`), of('surface'))).toBeGreaterThanOrEqual(2.9);
  });

  it('has readable buttons, chart lines and frames of fields', () => {
    expect(contrast(of('on-accent'), of('accent-fill'))).toBeGreaterThanOrEqual(4.5);
    for (const line of ['up', 'down']) expect(contrast(of(line), of('surface'))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(of('line-strong'), of('surface'))).toBeGreaterThanOrEqual(3);
  });
});

it('the system’s dark and the chosen dark are the same', () => {
  expect(tokensOf(blockOf(':root:not([data-theme])'))).toEqual(THEMES.dark);
});
