import type { VehicleMetrics } from '@corridor/contracts';
import type { LinkView } from '../live/shown.js';

type Figures = readonly (number | null)[];

/** What one link did, in columns of equal length. `up` is from the vehicle, whichever end measured. */
export interface LinkHistory {
  readonly name: string;
  /** Seconds since 1970, rising. */
  readonly atS: readonly number[];
  readonly rttUs: Figures;
  readonly upLoss: Figures;
  readonly downLoss: Figures;
  readonly upBps: Figures;
  readonly downBps: Figures;
  readonly state: readonly (string | null)[];
  /** Share of the step in which the default class used this link first. */
  readonly active: Figures;
  /** Samples merged into the last step; 0 when it came from the store. */
  readonly merged: number;
}

export interface History {
  readonly stepS: number;
  readonly rangeS: number;
  readonly links: readonly LinkHistory[];
}

/** Neighbours that lie further apart than this have a gap between them: a late frame is none. Seconds. */
export function gapS(stepS: number): number {
  return Math.max(stepS * 2.5, 4);
}

export function fromMetrics({ stepSeconds, links, source }: VehicleMetrics, rangeS: number): History {
  const isVehicle = source === 'vehicle';
  return {
    stepS: stepSeconds,
    rangeS,
    links: links.map((link) => {
      const end = lastKnown(link.state);
      const cut = <T>(column: readonly T[]) => column.slice(0, end);
      const heard = (column: Figures) =>
        cut(column).map((value, at) => (isSilent(link.state[at] ?? null) ? null : value));
      return {
        name: link.name,
        atS: cut(link.atS),
        rttUs: heard(link.rttUs),
        upLoss: heard(isVehicle ? link.sendLossRatio : link.receiveLossRatio),
        downLoss: heard(isVehicle ? link.receiveLossRatio : link.sendLossRatio),
        upBps: cut(isVehicle ? link.sendRateBps : link.receiveRateBps),
        downBps: cut(isVehicle ? link.receiveRateBps : link.sendRateBps),
        state: cut(link.state),
        active: cut(link.activeRatio),
        merged: 0,
      };
    }),
  };
}

/** Steps at the end in which nothing was stored yet are the live feed's to fill. */
function lastKnown(states: readonly (string | null)[]): number {
  let end = states.length;
  while (end > 0 && states[end - 1] === null) end--;
  return end;
}

/**
 * The history with one more sample of the live feed: averaged into its step, a gap left where steps are missing, and
 * what fell out of the range forgotten. Samples from before the last step change nothing.
 */
export function withSample(history: History, atS: number, views: readonly LinkView[]): History {
  const byName = new Map(views.map((view) => [view.name, view]));
  const links = withLinks(history, [...byName.keys()]).links.map((link) => {
    const view = byName.get(link.name);
    return trimmed(view === undefined ? link : appended(link, view, atS, history.stepS), atS - history.rangeS);
  });
  return { ...history, links };
}

/** The history with an empty row for each of `names` that it does not know; the same one when it knows them all. */
export function withLinks(history: History, names: readonly string[]): History {
  const missing = names.filter((name) => !history.links.some((link) => link.name === name));
  return missing.length === 0 ? history : { ...history, links: [...history.links, ...missing.map(emptyLink)] };
}

function emptyLink(name: string): LinkHistory {
  return {
    name,
    atS: [],
    rttUs: [],
    upLoss: [],
    downLoss: [],
    upBps: [],
    downBps: [],
    state: [],
    active: [],
    merged: 0,
  };
}

const COLUMNS = ['rttUs', 'upLoss', 'downLoss', 'upBps', 'downBps', 'active'] as const;

function appended(link: LinkHistory, view: LinkView, atS: number, stepS: number): LinkHistory {
  const step = Math.floor(atS / stepS) * stepS;
  const last = link.atS.at(-1);
  // Steps of the store need not begin at multiples: what lies within one step of the last belongs to it.
  if (last !== undefined && step <= last - stepS) return link;
  const isSame = last !== undefined && step < last + stepS * 0.999;
  const leavesGap = last !== undefined && step > last + gapS(stepS);
  const silent = isSilent(view.state);
  const sample: Record<(typeof COLUMNS)[number], number | null> = {
    rttUs: silent ? null : view.rttUs,
    upLoss: silent ? null : (view.up?.lossRatio ?? null),
    downLoss: silent ? null : (view.down?.lossRatio ?? null),
    upBps: view.up?.rateBps ?? null,
    downBps: view.down?.rateBps ?? null,
    active: view.activeFor.includes('default') ? 1 : 0,
  };
  const weight = isSame ? link.merged : 0;
  const column = (name: (typeof COLUMNS)[number]): Figures => {
    const before = link[name];
    if (isSame) return [...before.slice(0, -1), mean(before.at(-1) ?? null, weight, sample[name])];
    return [...before, ...(leavesGap ? [null] : []), sample[name]];
  };
  const gap = leavesGap ? [(last as number) + stepS] : [];
  return {
    name: link.name,
    atS: isSame ? link.atS : [...link.atS, ...gap, step],
    rttUs: column('rttUs'),
    upLoss: column('upLoss'),
    downLoss: column('downLoss'),
    upBps: column('upBps'),
    downBps: column('downBps'),
    active: column('active'),
    state: isSame
      ? [...link.state.slice(0, -1), view.state]
      : [...link.state, ...(leavesGap ? [null] : []), view.state],
    merged: weight + 1,
  };
}

/** A link that answers nothing has neither delay nor loss; the engine keeps the last ones it measured. */
function isSilent(state: string | null): boolean {
  return state === 'down';
}

function mean(before: number | null, weight: number, sample: number | null): number | null {
  if (before === null || weight === 0) return sample ?? before;
  return sample === null ? before : (before * weight + sample) / (weight + 1);
}

function trimmed(link: LinkHistory, fromS: number): LinkHistory {
  const first = link.atS.findIndex((at) => at >= fromS);
  if (first === 0 || link.atS.length === 0) return link;
  const cut = <T>(column: readonly T[]) => (first < 0 ? [] : column.slice(first));
  return {
    ...link,
    atS: cut(link.atS),
    rttUs: cut(link.rttUs),
    upLoss: cut(link.upLoss),
    downLoss: cut(link.downLoss),
    upBps: cut(link.upBps),
    downBps: cut(link.downBps),
    state: cut(link.state),
    active: cut(link.active),
  };
}

/** The newest moment that any link knows; undefined when there is none. */
export function newestS({ links }: History): number | undefined {
  const ends = links.map(({ atS }) => atS.at(-1)).filter((at) => at !== undefined);
  return ends.length === 0 ? undefined : Math.max(...ends);
}

/** Index of the step that holds `atS`, or undefined when it lies in a gap or outside. */
export function indexAt(link: LinkHistory, atS: number, stepS: number): number | undefined {
  let low = 0;
  let high = link.atS.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((link.atS[middle] as number) <= atS) low = middle;
    else high = middle - 1;
  }
  const at = link.atS[low];
  return at !== undefined && atS >= at && atS < at + gapS(stepS) ? low : undefined;
}
