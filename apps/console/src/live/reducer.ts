import type { LiveDiff, LiveSnapshot, LiveVehicle, RecordedEvent, VehicleDiff } from '@corridor/contracts';

/** How many of the newest events stay in memory; older ones come by REST. */
export const MAX_EVENTS = 500;

/** The fleet as the feed described it last. Never changed in place: whoever holds one may compare references. */
export interface FleetState {
  readonly seq: number;
  /** The gateway's clock in the newest message, UTC milliseconds. */
  readonly gatewayMs: number;
  /** The browser's monotonic clock when that message arrived, milliseconds. */
  readonly receivedAtMs: number;
  readonly vehicles: ReadonlyMap<string, LiveVehicle>;
  /** The newest last. */
  readonly events: readonly RecordedEvent[];
}

export function fromSnapshot(snapshot: LiveSnapshot, receivedAtMs: number): FleetState {
  return {
    seq: snapshot.seq,
    gatewayMs: Date.parse(snapshot.now),
    receivedAtMs,
    vehicles: new Map(snapshot.vehicles.map((vehicle) => [vehicle.id, vehicle])),
    events: appended([], snapshot.events),
  };
}

/**
 * The state after `diff`, or `gap` when the diff cannot follow it: a message was lost, or it changes a vehicle that we
 * do not know. The only cure for a gap is a new snapshot. A diff that is already part of the state changes nothing.
 */
export function applyDiff(state: FleetState, diff: LiveDiff, receivedAtMs: number): FleetState | 'gap' {
  if (diff.seq <= state.seq) return state;
  if (diff.seq !== state.seq + 1) return 'gap';
  const vehicles = changedVehicles(state.vehicles, diff);
  if (vehicles === undefined) return 'gap';
  return {
    seq: diff.seq,
    gatewayMs: Date.parse(diff.now),
    receivedAtMs,
    vehicles,
    events: appended(state.events, diff.events),
  };
}

/** The same map when the diff touches no vehicle; undefined when it changes one that is not there. */
function changedVehicles(before: FleetState['vehicles'], diff: LiveDiff): FleetState['vehicles'] | undefined {
  if (diff.added.length + diff.changed.length + diff.removed.length === 0) return before;
  const after = new Map(before);
  for (const vehicle of diff.added) after.set(vehicle.id, vehicle);
  for (const change of diff.changed) {
    const vehicle = after.get(change.id);
    if (vehicle === undefined) return undefined;
    after.set(change.id, merged(vehicle, change));
  }
  for (const id of diff.removed) after.delete(id);
  return after;
}

/** Absent keys stay; of `status` whole members are replaced. */
function merged(vehicle: LiveVehicle, { status, ...rest }: VehicleDiff): LiveVehicle {
  return { ...vehicle, ...given(rest), status: { ...vehicle.status, ...given(status ?? {}) } };
}

/** The keys that have a value. */
function given<T extends object>(part: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined)) as never;
}

function appended(before: readonly RecordedEvent[], added: readonly RecordedEvent[]): readonly RecordedEvent[] {
  if (added.length === 0) return before;
  const known = new Set(before.map((event) => event.id));
  const fresh = added.filter((event) => !known.has(event.id) && known.add(event.id));
  return fresh.length === 0 ? before : [...before, ...fresh].slice(-MAX_EVENTS);
}
