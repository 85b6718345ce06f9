import { describe, expect, it } from 'vitest';
import { sampleLink, sampleVehicle, sampleView } from '../../test/watch-sample.js';
import { screen } from './screen.js';
import { FULL_COLOURS } from './text.js';

const draw = (columns: number, rows: number, change = {}) => screen(sampleView(change), { columns, rows }, 'none');

describe('the screen', () => {
  it('shows everything on 120 columns', () => {
    expect(draw(120, 40).join('\n')).toMatchSnapshot();
  });

  it('keeps links, applications and the last event on 80 columns and 24 rows', () => {
    const rows = draw(80, 24);
    expect(rows.join('\n')).toMatchSnapshot();
    for (const key of '123456789') expect(rows.some((row) => row.startsWith(`  ${key} `))).toBe(true);
  });

  it('explains itself on 80 columns and 24 rows without cutting a word off', () => {
    const rows = draw(80, 24, { help: true });
    expect(rows.join('\n')).toMatchSnapshot();
    expect(rows.join('')).not.toContain('…');
  });

  it('is empty but for its title while the demo starts', () => {
    expect(draw(80, 24, { phase: 'starting 3 vehicles', vehicles: [] }).join('\n')).toMatchSnapshot();
  });

  it('fills any size exactly', () => {
    for (const columns of [40, 63, 80, 103, 104, 120, 200]) {
      for (const rows of [5, 12, 24, 37, 60]) {
        const drawn = draw(columns, rows);
        expect(drawn).toHaveLength(rows);
        for (const row of drawn) expect([...row]).toHaveLength(columns);
      }
    }
  });

  it('shows a link that was cut, and how to bring it back', () => {
    const vehicle = sampleVehicle(0, { links: [sampleLink(0, 0, { cut: true, state: 'down', stateMs: 9_000 })] });
    expect(draw(100, 20, { vehicles: [vehicle] }).join('\n')).toMatch(
      /1 ▶ w0 Nordnetz +✕ cut +cut at the keyboard, 1 restores it 00:09/,
    );
  });

  it('says what it does not know with a dash instead of a figure', () => {
    const link = sampleLink(0, 0, { rttMs: Number.NaN, lossRatio: Number.NaN, rttHistory: [Number.NaN] });
    const row = draw(120, 30, { vehicles: [sampleVehicle(0, { links: [link] })] }).find((text) =>
      text.startsWith('  1 '),
    );
    expect(row).toMatch(/up +– +–/);
    expect(row).not.toMatch(/NaN/);
  });

  it('uses escape codes only where the terminal takes them', () => {
    const code = '\x1b[';
    expect(draw(80, 24).join('')).not.toContain(code);
    const coloured = screen(sampleView(), { columns: 80, rows: 24 }, 'full').join('');
    expect(coloured).toContain(`${code}38;5;${FULL_COLOURS.good}m`);
    expect(screen(sampleView(), { columns: 80, rows: 24 }, 'basic').join('')).not.toContain('38;5');
  });
});

describe('the colours', () => {
  it.each(Object.entries(FULL_COLOURS))('%s can be read on black and on white', (_name, number) => {
    const luminance = relativeLuminance(xtermColour(number));
    expect((luminance + 0.05) / 0.05, 'on black').toBeGreaterThan(3.5);
    expect(1.05 / (luminance + 0.05), 'on white').toBeGreaterThan(3.5);
  });
});

/** Red, green and blue, 0 to 255, of a colour of xterm's cube or grey ramp. */
function xtermColour(number: number): number[] {
  if (number >= 232) return Array(3).fill(8 + (number - 232) * 10);
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40);
  const index = number - 16;
  return [level(Math.floor(index / 36)), level(Math.floor(index / 6) % 6), level(index % 6)];
}

/** WCAG 2.2, relative luminance. */
function relativeLuminance(rgb: number[]): number {
  const [r, g, b] = rgb.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
