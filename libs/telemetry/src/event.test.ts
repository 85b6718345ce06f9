import { readDocument, VehicleEvent } from '@corridor/contracts';
import { describe, expect, it } from 'vitest';
import { type EventLike, eventOf } from './event.js';

const SPENT = { mode: 'single', copies: 0, repairPermille: 0 };
const COPIED = { mode: 'single', copies: 1, repairPermille: 0 };
const FIGURES = {
  path: 'wwan0',
  pathId: 0,
  state: 'suspect',
  oneWayDelayUs: 20_400,
  queueUs: 1_200,
  lossRatio: 0.012,
  burstPackets: 1.5,
  capacityBps: 20_000_000,
  deliveredBps: 4_900_000,
  warnings: ['silence'],
  placeBefore: 1,
  placeAfter: 0,
};
const { pathId: _, ...FIGURES_TOLD } = FIGURES;
const FELT = {
  spanUs: 2_100_000,
  packets: 1_000,
  retransmissions: 14,
  queueDrops: 0,
  waiting: 2,
  demandBps: 5_000_000,
  sentBps: 4_990_000,
};
const DECIDED = { before: SPENT, after: SPENT, figures: [FIGURES], demandBps: 5_000_000 };

const TOLD: readonly (readonly [EventLike, Partial<VehicleEvent>])[] = [
  [
    { type: 'session', state: 'established', reason: 'handshake done' },
    { to: 'established', reason: 'handshake done' },
  ],
  [
    { type: 'path-state', path: 'wwan0', from: 'up', to: 'suspect', reason: 'silent for 84 ms' },
    { path: 'wwan0', from: 'up', to: 'suspect', reason: 'silent for 84 ms' },
  ],
  [
    { type: 'path-added', path: 'wwan1' },
    { path: 'wwan1', reason: 'path wwan1 was added' },
  ],
  [
    { type: 'path-removed', path: 'wwan1' },
    { path: 'wwan1', reason: 'path wwan1 was removed' },
  ],
  [
    { type: 'path-moved', path: 'wwan0', from: '198.51.100.1:1', to: '198.51.100.2:2' },
    { path: 'wwan0', from: '198.51.100.1:1', to: '198.51.100.2:2' },
  ],
  [
    {
      type: 'path-switch',
      trafficClass: 'default',
      from: ['a'],
      to: ['b'],
      reason: 'a went silent',
      replayed: 7,
      ...DECIDED,
    },
    {
      trafficClass: 'default',
      from: ['a'],
      to: ['b'],
      reason: 'a went silent',
      replayed: 7,
      ...DECIDED,
      figures: [FIGURES_TOLD],
    },
  ],
  [
    {
      type: 'protection',
      trafficClass: 'video',
      paths: ['wwan0'],
      reason: 'wwan0 answers late',
      ...DECIDED,
      after: COPIED,
      changes: 3,
    },
    {
      trafficClass: 'video',
      to: ['wwan0'],
      reason: 'wwan0 answers late',
      before: SPENT,
      after: COPIED,
      figures: [FIGURES_TOLD],
      changes: 3,
    },
  ],
  [
    {
      type: 'path-switch-effect',
      trafficClass: 'video',
      from: ['wwan0'],
      to: ['wwan1'],
      switches: 1,
      after: SPENT,
      figures: [FIGURES],
      felt: FELT,
    },
    {
      from: ['wwan0'],
      to: ['wwan1'],
      reason: '2.1 s after the switch',
      switches: 1,
      figures: [FIGURES_TOLD],
      felt: FELT,
    },
  ],
  [
    { type: 'policy', version: 4, outcome: 'rejected', reason: 'no such strategy' },
    { version: 4, to: 'rejected', reason: 'no such strategy' },
  ],
  [
    { type: 'uplink', uplink: 'usb0', state: 'gone', reason: 'unplugged' },
    { path: 'usb0', to: 'gone', reason: 'unplugged' },
  ],
  [{ type: 'warning', reason: 'GSO is off for wwan0' }, { reason: 'GSO is off for wwan0' }],
];

describe('an event', () => {
  it.each(TOLD.map(([event, expected]) => [event.type, event, expected] as const))(
    '%s is told',
    (type, event, expected) => {
      const told = eventOf(event);
      expect(told).toMatchObject({ kind: 'event', v: 1, type, ...expected });
      expect(readDocument(VehicleEvent, JSON.stringify(told))).toEqual({ ok: true, value: told });
    },
  );

  it.each<EventLike>([
    { type: 'session', state: 'rekeyed', reason: 'two minutes' },
    { type: 'policy', version: 4, outcome: 'acknowledged', reason: '' },
  ])('of the clock or told elsewhere is not: $type', (event) => {
    expect(eventOf(event)).toBeUndefined();
  });

  it('stays valid when names and reasons are longer than a document may hold', () => {
    const told = eventOf({
      type: 'path-switch',
      trafficClass: 'x'.repeat(60),
      from: [],
      to: ['b'],
      reason: 'r'.repeat(900),
      replayed: 0,
      ...DECIDED,
      figures: Array.from({ length: 40 }, (_, pathId) => ({
        ...FIGURES,
        path: 'a name with blanks',
        pathId,
        oneWayDelayUs: -3,
        capacityBps: Number.POSITIVE_INFINITY,
      })),
    });
    expect(told?.figures).toHaveLength(16);
    expect(told?.figures?.[3]).toMatchObject({ path: 'path-3', oneWayDelayUs: 0, capacityBps: 0 });
    expect(readDocument(VehicleEvent, JSON.stringify(told))).toMatchObject({ ok: true });
    const moved = eventOf({ type: 'path-moved', path: 'a name with blanks', from: '', to: '' });
    expect(readDocument(VehicleEvent, JSON.stringify(moved))).toMatchObject({ ok: true, value: { path: 'unnamed' } });
  });
});
