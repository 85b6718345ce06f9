import type { LinkSeries, Source } from '@corridor/contracts';
import type { SeriesCell } from '../store/metrics-repository.js';

const COLUMNS = [
  'rttUs',
  'sendLossRatio',
  'receiveLossRatio',
  'sendRateBps',
  'receiveRateBps',
  'state',
  'activeRatio',
] as const satisfies readonly (keyof LinkSeries)[];
type Columns = Pick<LinkSeries, (typeof COLUMNS)[number]>;

export interface Steps {
  readonly source: Source;
  readonly fromMs: number;
  readonly stepMs: number;
  readonly count: number;
}

/** Columns of equal length for each link, with `null` where no frame fell into a step. */
export function seriesOf(cells: readonly SeriesCell[], { fromMs, stepMs, count }: Steps): LinkSeries[] {
  const atS = Array.from({ length: count }, (_, step) => (fromMs + step * stepMs) / 1000);
  const byName = new Map<string, LinkSeries>();
  for (const cell of cells) {
    if (cell.step < 0 || cell.step >= count) continue;
    const series = byName.get(cell.name) ?? emptySeries(cell.name, atS);
    byName.set(cell.name, series);
    for (const column of COLUMNS) (series[column] as unknown[])[cell.step] = cell[column];
  }
  return [...byName.values()];
}

function emptySeries(name: string, atS: number[]): LinkSeries {
  const columns = Object.fromEntries(COLUMNS.map((column) => [column, atS.map(() => null)]));
  return { name, atS, ...(columns as unknown as Columns) };
}
