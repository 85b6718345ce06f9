import type { LiveVehicle } from '@corridor/contracts';
import { type ShownState, shownState, TROUBLE_ORDER } from '../../live/shown.js';

export const SORTS = ['trouble', 'name', 'group', 'delay', 'loss', 'seen'] as const;
export type Sort = (typeof SORTS)[number];
export type StateFilter = 'all' | ShownState | 'policy';

export interface FleetQuery {
  /** Part of the name, group, operator of an uplink or overlay address, in any case. */
  readonly search: string;
  readonly groupId: string;
  readonly state: StateFilter;
  readonly sort: Sort;
}

export const NO_QUERY: FleetQuery = { search: '', groupId: '', state: 'all', sort: 'trouble' };

/** The vehicles that match, in order. `isCurrent`: whether the feed is; otherwise nobody counts as live. */
export function selectVehicles(vehicles: Iterable<LiveVehicle>, query: FleetQuery, isCurrent: boolean): LiveVehicle[] {
  const words = query.search.toLowerCase().split(/\s+/).filter(Boolean);
  const matching = [...vehicles].filter(
    (vehicle) =>
      (query.groupId === '' || vehicle.group?.id === query.groupId) &&
      matchesState(vehicle, query.state, isCurrent) &&
      (words.length === 0 || matchesWords(vehicle, words)),
  );
  return sorted(matching, query.sort, isCurrent);
}

function matchesState(vehicle: LiveVehicle, state: StateFilter, isCurrent: boolean): boolean {
  if (state === 'all') return true;
  if (state === 'policy') return hasPolicyTrouble(vehicle);
  return shownState(vehicle.status.tunnel, isCurrent) === state;
}

/** The vehicle does not follow the policy that it should. */
export function hasPolicyTrouble({ status }: LiveVehicle): boolean {
  return status.policy.target !== 0 && status.policy.applied !== status.policy.target;
}

function matchesWords(vehicle: LiveVehicle, words: readonly string[]): boolean {
  const text = [
    vehicle.name,
    vehicle.group?.name ?? '',
    ...vehicle.overlayAddresses,
    ...vehicle.uplinks.flatMap(({ name, operator, label }) => [name, operator, label]),
  ]
    .join('\n')
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

const byName = new Intl.Collator('en', { numeric: true, sensitivity: 'base' }).compare;

function sorted(vehicles: LiveVehicle[], sort: Sort, isCurrent: boolean): LiveVehicle[] {
  if (sort === 'name') return vehicles.sort((a, b) => byName(a.name, b.name));
  if (sort === 'group') {
    return vehicles.sort(
      (a, b) => byName(a.group?.name ?? '\uffff', b.group?.name ?? '\uffff') || byName(a.name, b.name),
    );
  }
  const rank = RANKS[sort];
  const keyed = vehicles.map((vehicle) => ({ vehicle, key: rank(vehicle, isCurrent) }));
  keyed.sort((a, b) => a.key - b.key || byName(a.vehicle.name, b.vehicle.name));
  return keyed.map(({ vehicle }) => vehicle);
}

/** Smaller comes first: the worst. */
const RANKS: Readonly<
  Record<'trouble' | 'delay' | 'loss' | 'seen', (vehicle: LiveVehicle, isCurrent: boolean) => number>
> = {
  trouble: (vehicle, isCurrent) => {
    const order = TROUBLE_ORDER.indexOf(shownState(vehicle.status.tunnel, isCurrent)) * 4;
    const controlIsLive = vehicle.status.control.state === 'live' || vehicle.status.control.state === 'never';
    return order + (controlIsLive ? 2 : 0) + (hasPolicyTrouble(vehicle) ? 0 : 1);
  },
  delay: (vehicle) => -(activePath(vehicle)?.rttUs ?? -1),
  loss: (vehicle) => {
    const path = activePath(vehicle);
    return path === undefined ? 1 : -Math.max(path.send.lossRatio, path.receive.lossRatio);
  },
  seen: (vehicle) => {
    const at = vehicle.status.tunnel.lastSeenAt;
    return at === null ? Number.MAX_SAFE_INTEGER : Date.parse(at);
  },
};

/** Name of the link that the default class uses first, else of any class. */
export function activeLink({ status }: LiveVehicle): string | undefined {
  const byDefault = status.classes.find(({ name }) => name === 'default') ?? status.classes[0];
  return byDefault?.paths[0];
}

function activePath(vehicle: LiveVehicle) {
  const name = activeLink(vehicle);
  const link = vehicle.status.links.find((candidate) => candidate.name === name);
  return link?.vehicle ?? link?.gateway ?? undefined;
}

/** How many there are of each state, for the filter buttons. */
export function countStates(
  vehicles: Iterable<LiveVehicle>,
  isCurrent: boolean,
): Readonly<Record<StateFilter, number>> {
  const counts = { all: 0, live: 0, stale: 0, offline: 0, never: 0, unknown: 0, policy: 0 };
  for (const vehicle of vehicles) {
    counts.all++;
    counts[shownState(vehicle.status.tunnel, isCurrent)]++;
    if (hasPolicyTrouble(vehicle)) counts.policy++;
  }
  return counts;
}
