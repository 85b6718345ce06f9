/** Styled text with known width: lines are lists of spans, painted with escape codes at the very end. */

export type Style = 'plain' | 'bold' | 'dim' | 'good' | 'warn' | 'bad' | 'accent' | 'calm';

export interface Span {
  readonly text: string;
  readonly style: Style;
}

export type Line = readonly Span[];

export function span(text: string, style: Style = 'plain'): Span {
  return { text, style };
}

/** Cells that a line takes; every glyph we draw is one cell wide. */
export function width(line: Line): number {
  let cells = 0;
  for (const { text } of line) cells += [...text].length;
  return cells;
}

/** `line` in exactly `cells`: cut with an ellipsis, or filled with spaces. */
export function fit(line: Line, cells: number): Line {
  const missing = cells - width(line);
  if (missing === 0) return line;
  if (missing > 0) return [...line, span(' '.repeat(missing))];
  return [...cut(line, Math.max(0, cells - 1)), span(cells > 0 ? '…' : '', 'dim')];
}

function cut(line: Line, cells: number): Span[] {
  const kept: Span[] = [];
  let room = cells;
  for (const { text, style } of line) {
    if (room <= 0) break;
    const glyphs = [...text].slice(0, room);
    kept.push(span(glyphs.join(''), style));
    room -= glyphs.length;
  }
  return kept;
}

/** `left` and `right` on one line of `cells`; where both do not fit, the right one yields. */
export function spread(left: Line, right: Line, cells: number): Line {
  const gap = cells - width(left) - width(right);
  if (gap < 1) return fit(left, cells);
  return [...left, span(' '.repeat(gap)), ...right];
}

export function padStart(text: string, cells: number): string {
  return ' '.repeat(Math.max(0, cells - [...text].length)) + text;
}

/** How much colour the terminal takes. */
export type ColourDepth = 'none' | 'basic' | 'full';

/**
 * Foregrounds that stay readable on black and on white (a test computes their contrast), by their number in the 256
 * colours of xterm. Meaning never hangs on colour alone: states have their own glyphs and words.
 */
export const FULL_COLOURS = { good: 28, warn: 130, bad: 160, accent: 31, calm: 244 } as const;

const BASIC: Record<Style, string> = {
  plain: '',
  bold: '1',
  dim: '2',
  good: '32',
  warn: '35',
  bad: '31',
  accent: '36',
  calm: '2',
};

const FULL: Record<Style, string> = {
  ...BASIC,
  dim: `38;5;${FULL_COLOURS.calm}`,
  good: `38;5;${FULL_COLOURS.good}`,
  warn: `38;5;${FULL_COLOURS.warn}`,
  bad: `1;38;5;${FULL_COLOURS.bad}`,
  accent: `38;5;${FULL_COLOURS.accent}`,
  calm: `38;5;${FULL_COLOURS.calm}`,
};

export function paint(line: Line, depth: ColourDepth): string {
  if (depth === 'none') return line.map(({ text }) => text).join('');
  const codes = depth === 'full' ? FULL : BASIC;
  return line
    .map(({ text, style }) => (codes[style] === '' || text === '' ? text : `\x1b[${codes[style]}m${text}\x1b[0m`))
    .join('');
}

/** What the environment says about colour (https://no-color.org, terminfo names). */
export function colourDepth(env: Readonly<Record<string, string | undefined>>): ColourDepth {
  const term = env.TERM ?? '';
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return 'none';
  if (term === '' || term === 'dumb') return 'none';
  return term.includes('256') || env.COLORTERM !== undefined ? 'full' : 'basic';
}
