import type { ClassSpending, PathFigures, RecordedEvent, VehicleEvent } from '@corridor/contracts';
import { formatCount, formatDelay, formatLoss, formatRate } from '../../format/units.js';

/** An event of the timeline; a switch together with what came of it, once that is known. */
export interface TimelineItem {
  readonly recorded: RecordedEvent;
  readonly effect: VehicleEvent | undefined;
}

/** Times of events come from a monotonic clock by way of a batch's arrival: they may be off by so much. */
const SLACK_MS = 250;

/** Puts each effect to the switches that it covers; one whose switches are not here stands for itself. */
export function withEffects(events: readonly RecordedEvent[]): TimelineItem[] {
  const effects = events.filter(({ event }) => event.type === 'path-switch-effect');
  const claimed = new Set<string>();
  const items = events.map((recorded) => {
    const effect = recorded.event.type === 'path-switch' ? effects.find((one) => covers(one, recorded)) : undefined;
    if (effect !== undefined) claimed.add(effect.id);
    return { recorded, effect: effect?.event };
  });
  return items.filter(({ recorded }) => !claimed.has(recorded.id));
}

function covers(effect: RecordedEvent, change: RecordedEvent): boolean {
  if (effect.vehicleId !== change.vehicleId || effect.source !== change.source) return false;
  if (effect.event.trafficClass !== change.event.trafficClass) return false;
  const spanMs = (effect.event.felt?.spanUs ?? 0) / 1000 + SLACK_MS;
  const laterMs = Date.parse(effect.at) - Date.parse(change.at);
  return laterMs > 0 && laterMs <= spanMs;
}

const MODES: Readonly<Record<string, string>> = {
  single: 'one path',
  copies: 'a copy on each path',
  spill: 'spilling over',
  balance: 'spread',
};

function extras({ copies, repairPermille }: ClassSpending): string[] {
  const parts: string[] = [];
  if (copies > 0) parts.push(formatCount(copies, 'copy', 'copies'));
  if (repairPermille > 0) parts.push(`${formatLoss(repairPermille / 1000)} repair`);
  return parts;
}

/** What changed in how the class is sent: "one path → spilling over, 1 copy", "nothing extra → 10 % repair"; or "". */
export function spendingChange({ before, after }: VehicleEvent): string {
  if (before === undefined || after === undefined) return '';
  const isSameMode = before.mode === after.mode;
  const [from, to] = [before, after].map((one) => {
    const parts = isSameMode ? extras(one) : [MODES[one.mode] ?? one.mode, ...extras(one)];
    return parts.join(', ') || 'nothing extra';
  });
  return from === to ? '' : `${from} → ${to}`;
}

/** "1,080 packets, 14 sent again, none dropped; 5.0 Mbit/s of 5.0 Mbit/s sent". */
export function feltWords({ felt }: VehicleEvent): string {
  if (felt === undefined) return '';
  const none = (count: number) => (count === 0 ? 'none' : count.toLocaleString('en-GB'));
  const counts = `${formatCount(felt.packets, 'packet')}, ${none(felt.retransmissions)} sent again, ${none(felt.queueDrops)} dropped`;
  const waiting = felt.waiting > 0 ? `, ${felt.waiting.toLocaleString('en-GB')} waiting` : '';
  return `${counts}${waiting}; ${formatRate(felt.sentBps)} of ${formatRate(felt.demandBps)} sent`;
}

/** One line of figures: when it was, and what stands in the columns. */
export interface FiguresRow {
  readonly when: string;
  readonly state: string;
  readonly delay: string;
  readonly loss: string;
  readonly rate: string;
  readonly queue: string;
  readonly warnings: string;
}

export interface PathRows {
  readonly path: string;
  /** "first before", "first since", "second throughout". */
  readonly place: string;
  readonly rows: readonly FiguresRow[];
}

/** Figures of a decision by path: at the moment, and afterwards where that is known. */
export function figureRows(event: VehicleEvent, effect: VehicleEvent | undefined): PathRows[] {
  const atOnce = event.figures ?? [];
  const later = effect?.figures ?? [];
  const when = event.type === 'path-switch-effect' ? laterWords(event) : 'then';
  const names = [...new Set([...atOnce, ...later].map(({ path }) => path))];
  return names.map((path) => {
    const [first, second] = [atOnce, later].map((list) => list.find((one) => one.path === path));
    const rows: FiguresRow[] = [];
    if (first !== undefined) rows.push(rowOf(when, first));
    if (second !== undefined && effect !== undefined) rows.push(rowOf(laterWords(effect), second));
    return { path, place: placeWords((first ?? second) as PathFigures, event.type), rows };
  });
}

function rowOf(when: string, one: PathFigures): FiguresRow {
  const measured = one.oneWayDelayUs > 0;
  const capacity = one.capacityBps > 0 ? ` of ${formatRate(one.capacityBps)}` : '';
  return {
    when,
    state: one.state,
    delay: formatDelay(measured ? one.oneWayDelayUs : null),
    loss: formatLoss(one.lossRatio),
    rate: `${formatRate(one.deliveredBps)}${capacity}`,
    queue: formatDelay(measured ? one.queueUs : null),
    warnings: one.warnings.join(', '),
  };
}

function laterWords({ felt }: VehicleEvent): string {
  return felt === undefined ? 'later' : `${(felt.spanUs / 1e6).toFixed(1)}\u00a0s later`;
}

function placeWords({ placeBefore, placeAfter }: PathFigures, type: VehicleEvent['type']): string {
  if (type === 'protection' || placeBefore === placeAfter) return placeAfter === 1 ? 'first' : 'in use';
  if (placeAfter === 0) return placeBefore === 1 ? 'was first' : 'was in use';
  return placeAfter === 1 ? 'first now' : placeBefore === 0 ? 'in use now' : 'in use';
}
