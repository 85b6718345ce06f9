import { type LiveDiff, LiveSnapshot, type LiveVehicle, type RecordedEvent } from '@corridor/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { eventOf, FixtureVehicle } from '../../test/fixture/fleet.js';
import { applyDiff, type FleetState, fromSnapshot, MAX_EVENTS } from './reducer.js';

const NOW = Date.parse('2026-11-23T08:00:00.000Z');
const FIXTURES = Array.from({ length: 6 }, (_, index) => new FixtureVehicle(index, null, 'live'));
const vehicleAt = (index: number, second: number) => (FIXTURES[index] as FixtureVehicle).vehicle(NOW + second * 1000);

function snapshot(vehicles: LiveVehicle[], seq = 0, events: RecordedEvent[] = []): LiveSnapshot {
  return LiveSnapshot.parse({ kind: 'live-snapshot', v: 1, seq, now: new Date(NOW).toISOString(), vehicles, events });
}

function diff(seq: number, part: Partial<LiveDiff>): LiveDiff {
  return {
    kind: 'live-diff',
    v: 1,
    seq,
    now: new Date(NOW + seq * 1000).toISOString(),
    added: [],
    changed: [],
    removed: [],
    events: [],
    ...part,
  };
}

/** What may happen to a fleet between two moments, as the gateway sees it. */
type Happening =
  | { readonly is: 'appears'; readonly index: number; readonly second: number }
  | {
      readonly is: 'moves';
      readonly index: number;
      readonly second: number;
      readonly members: readonly ('tunnel' | 'control' | 'links' | 'classes' | 'position' | 'policy')[];
    }
  | { readonly is: 'renamed'; readonly index: number; readonly name: string }
  | { readonly is: 'leaves'; readonly index: number };

const index = fc.nat(FIXTURES.length - 1);
const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.record({ is: fc.constant('appears' as const), index, second: fc.nat(1000) }),
  fc.record({
    is: fc.constant('moves' as const),
    index,
    second: fc.nat(1000),
    members: fc.subarray(['tunnel', 'control', 'links', 'classes', 'position', 'policy'] as const),
  }),
  fc.record({
    is: fc.constant('renamed' as const),
    index,
    name: fc.string({ unit: fc.constantFrom('a', 'Z', '9', '-'), minLength: 1, maxLength: 12 }),
  }),
  fc.record({ is: fc.constant('leaves' as const), index }),
);

/** The gateway's side, naively: changes its own copy and says what it changed. */
function happen(fleet: Map<string, LiveVehicle>, what: Happening): Partial<LiveDiff> {
  const { id } = FIXTURES[what.index] as FixtureVehicle;
  const known = fleet.get(id);
  if (what.is === 'appears') {
    const vehicle = vehicleAt(what.index, what.second);
    fleet.set(id, vehicle);
    return { added: [vehicle] };
  }
  if (known === undefined) return {};
  if (what.is === 'leaves') {
    fleet.delete(id);
    return { removed: [id] };
  }
  if (what.is === 'renamed') {
    fleet.set(id, { ...known, name: what.name });
    return { changed: [{ id, name: what.name }] };
  }
  const fresh = vehicleAt(what.index, what.second).status;
  const status = Object.fromEntries(what.members.map((member) => [member, fresh[member]]));
  fleet.set(id, { ...known, status: { ...known.status, ...status } });
  return { changed: [{ id, status }] };
}

describe('the fleet as the feed describes it', () => {
  it('is the same after a snapshot and any diffs as after a snapshot of the end', () => {
    fc.assert(
      fc.property(fc.subarray([0, 1, 2, 3, 4, 5]), fc.array(happening, { maxLength: 60 }), (first, happenings) => {
        const fleet = new Map(first.map((at) => [(FIXTURES[at] as FixtureVehicle).id, vehicleAt(at, 0)]));
        let state: FleetState | 'gap' = fromSnapshot(snapshot([...fleet.values()]), 0);
        happenings.forEach((what, at) => {
          if (state !== 'gap') state = applyDiff(state, diff(at + 1, happen(fleet, what)), at);
        });
        expect(state).not.toBe('gap');
        expect((state as FleetState).vehicles).toEqual(fromSnapshot(snapshot([...fleet.values()]), 0).vehicles);
      }),
    );
  });

  it('tells a lost diff from a repeated one', () => {
    const state = fromSnapshot(snapshot([vehicleAt(0, 0)], 7), 0);
    expect(applyDiff(state, diff(9, {}), 1)).toBe('gap');
    expect(applyDiff(state, diff(7, { removed: [FIXTURES[0]?.id as string] }), 1)).toBe(state);
    expect(applyDiff(state, diff(8, {}), 1)).toMatchObject({ seq: 8, receivedAtMs: 1 });
  });

  it('does not invent a vehicle out of a change', () => {
    const state = fromSnapshot(snapshot([]), 0);
    expect(applyDiff(state, diff(1, { changed: [{ id: FIXTURES[2]?.id as string, name: 'ghost' }] }), 1)).toBe('gap');
  });

  it('leaves vehicles that nothing happened to as the very same objects', () => {
    const state = fromSnapshot(snapshot([vehicleAt(0, 0), vehicleAt(1, 0)]), 0);
    const [moved, still] = FIXTURES.map(({ id }) => id) as [string, string];
    const next = applyDiff(state, diff(1, { changed: [{ id: moved, name: 'other' }] }), 1) as FleetState;
    expect(next.vehicles.get(still)).toBe(state.vehicles.get(still));
    expect(next.vehicles.get(moved)).not.toBe(state.vehicles.get(moved));
    expect(state.vehicles.get(moved)?.name).toBe('Ambulance 1');
  });

  it('keeps each event once and only the newest', () => {
    const make = () => eventOf(FIXTURES[0] as FixtureVehicle, NOW, { type: 'warning', reason: '' });
    const twice = make();
    let state = fromSnapshot(snapshot([], 0, [twice]), 0);
    state = applyDiff(
      state,
      diff(1, { events: [twice, ...Array.from({ length: MAX_EVENTS }, make)] }),
      1,
    ) as FleetState;
    expect(state.events).toHaveLength(MAX_EVENTS);
    expect(new Set(state.events.map(({ id }) => id)).size).toBe(MAX_EVENTS);
  });
});
