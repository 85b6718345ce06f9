/** Distributions as SVG: text that a browser draws in its own light or dark colours, and that diffs. Pure. */

export interface Series {
  readonly name: string;
  readonly values: readonly number[];
}

export interface CdfPlot {
  readonly title: string;
  /** What the values are, with their unit. */
  readonly xLabel: string;
  readonly series: readonly Series[];
  /** Values that must not be exceeded, drawn as lines. */
  readonly limits?: readonly { readonly name: string; readonly value: number }[];
}

const WIDTH = 760;
const HEIGHT = 420;
const LEFT = 64;
const RIGHT = 24;
const TOP = 44;
const BOTTOM = 56;
const LEGEND_LINE = 18;
/** Told apart by hue and by dash, also in print. */
const DASHES = ['', '7 3', '2 3', '9 3 2 3', '4 2', '12 4'];

/**
 * Cumulative distributions over a logarithmic axis: for every value the share of all at or below it.
 *
 * @throws RangeError without a positive value.
 */
export function cdfSvg({ title, xLabel, series, limits = [] }: CdfPlot): string {
  const all = [...series.flatMap(({ values }) => values), ...limits.map(({ value }) => value)].filter(
    (value) => Number.isFinite(value) && value > 0,
  );
  if (all.length === 0) throw new RangeError('a plot needs at least one value above 0');
  const scale = logScale(Math.min(...all), Math.max(...all));
  const height = HEIGHT + LEGEND_LINE * Math.ceil(series.length / 2);
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${xml(title)}">`,
    `<style>${STYLE}</style>`,
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    `<text class="title" x="${LEFT}" y="24">${xml(title)}</text>`,
    ...axes(scale, xLabel),
    ...limits.map(({ name, value }) => limitLine(name, scale.x(value))),
    ...series.map(({ values }, index) => curve(values, scale, index)),
    ...series.map(({ name }, index) => legend(name, index)),
    '</svg>',
  ];
  return `${lines.join('\n')}\n`;
}

const STYLE = [
  'text{font:13px system-ui,sans-serif;fill:#333}',
  '.title{font-size:15px;font-weight:600}',
  '.ground{fill:#fff}.grid{stroke:#ddd}.axis{stroke:#666}.limit{stroke:#b00;stroke-dasharray:3 3}',
  '.curve{fill:none;stroke-width:2}',
  '.c0{stroke:#0b62c4}.c1{stroke:#c2560a}.c2{stroke:#1c7c3c}.c3{stroke:#7a3db8}.c4{stroke:#a8174f}.c5{stroke:#6b6b00}',
  '@media(prefers-color-scheme:dark){text{fill:#ddd}.ground{fill:#15181c}.grid{stroke:#333}.axis{stroke:#999}',
  '.limit{stroke:#ff7b72}.c0{stroke:#6cb2ff}.c1{stroke:#ffa657}.c2{stroke:#6fdd8b}.c3{stroke:#d2a8ff}',
  '.c4{stroke:#ff9bce}.c5{stroke:#e3d86a}}',
].join('');

interface Scale {
  readonly least: number;
  readonly most: number;
  x(value: number): number;
}

/** From the 1, 2 or 5 below the smallest value to the one above the largest. */
function logScale(smallest: number, largest: number): Scale {
  const steps = ticks(smallest / 10, largest * 10);
  const least = steps.filter((step) => step <= smallest).at(-1) ?? smallest;
  const most = steps.find((step) => step > largest) ?? largest;
  const perUnit = (WIDTH - LEFT - RIGHT) / Math.log(most / least);
  return { least, most, x: (value) => LEFT + Math.log(Math.max(value, least) / least) * perUnit };
}

function ticks(from: number, to: number): number[] {
  const found: number[] = [];
  for (let power = Math.floor(Math.log10(from)); 10 ** power <= to; power++) {
    for (const digit of [1, 2, 5]) {
      // Not by multiplication: 5 * 10 ** -1 must read 0.5.
      const value = Number(`${digit}e${power}`);
      if (value >= from && value <= to) found.push(value);
    }
  }
  return found;
}

function y(share: number): number {
  return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);
}

function axes({ least, most, x }: Scale, xLabel: string): string[] {
  const vertical = ticks(least, most).flatMap((value) => [
    `<line class="grid" x1="${px(x(value))}" x2="${px(x(value))}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>`,
    `<text x="${px(x(value))}" y="${HEIGHT - BOTTOM + 18}" text-anchor="middle">${value}</text>`,
  ]);
  const horizontal = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${px(y(share))}" y2="${px(y(share))}"/>`,
    `<text x="${LEFT - 8}" y="${px(y(share) + 4)}" text-anchor="end">${share * 100} %</text>`,
  ]);
  const base = `<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM}"/>`;
  const label = `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle">${xml(xLabel)}</text>`;
  return [...vertical, ...horizontal, base, label];
}

/** A staircase: at each value the share jumps to what is at or below it. */
function curve(values: readonly number[], scale: Scale, index: number): string {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return '';
  const points = sorted.map((value, i) => `H${px(scale.x(value))}V${px(y((i + 1) / values.length))}`);
  const path = `M${px(scale.x(sorted[0] as number))} ${px(y(0))}${points.join('')}`;
  return `<path class="curve c${index % 6}" stroke-dasharray="${dash(index)}" d="${path}"/>`;
}

function limitLine(name: string, x: number): string {
  const line = `<line class="limit" x1="${px(x)}" x2="${px(x)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>`;
  return `${line}<text x="${px(x + 4)}" y="${TOP + 12}">${xml(name)}</text>`;
}

function legend(name: string, index: number): string {
  const x = LEFT + (index % 2) * ((WIDTH - LEFT - RIGHT) / 2);
  const at = HEIGHT + LEGEND_LINE * Math.floor(index / 2);
  const line = `<line class="curve c${index % 6}" stroke-dasharray="${dash(index)}" x1="${x}" x2="${x + 28}" y1="${at}" y2="${at}"/>`;
  return `${line}<text x="${x + 36}" y="${at + 4}">${xml(name)}</text>`;
}

function dash(index: number): string {
  return DASHES[index % DASHES.length] || 'none';
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function xml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}
