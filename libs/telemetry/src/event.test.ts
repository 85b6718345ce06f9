import { readDocument, VehicleEvent } from '@corridor/contracts';
import { describe, expect, it } from 'vitest';
import { type EventLike, eventOf } from './event.js';

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
    { type: 'path-switch', trafficClass: 'default', from: ['a'], to: ['b'], reason: 'a went silent', replayed: 7 },
    { trafficClass: 'default', from: ['a'], to: ['b'], reason: 'a went silent', replayed: 7 },
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
    });
    expect(readDocument(VehicleEvent, JSON.stringify(told))).toMatchObject({ ok: true });
    const moved = eventOf({ type: 'path-moved', path: 'a name with blanks', from: '', to: '' });
    expect(readDocument(VehicleEvent, JSON.stringify(moved))).toMatchObject({ ok: true, value: { path: 'unnamed' } });
  });
});
