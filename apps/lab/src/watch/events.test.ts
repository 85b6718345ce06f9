import type { EngineEvent } from '@corridor/tunnel';
import { expect, it } from 'vitest';
import { sampleVehicle } from '../../test/watch-sample.js';
import { addEvent, describeEvent, eventText } from './events.js';
import { eventLine, figuresLine } from './plain.js';
import type { EventView } from './view.js';

const described = (event: EngineEvent) => describeEvent(event, 131_000);
const text = (event: EngineEvent) => {
  const view = described(event);
  return view === undefined ? undefined : eventText(view);
};
const base = { atUs: 0, peer: 'gateway' };
const spent = { mode: 'single', copies: 0, repairPermille: 0 } as const;
const change = {
  ...base,
  type: 'path-switch',
  trafficClass: 'video',
  reason: 'w2 silent for 61 ms',
  before: spent,
  after: spent,
  figures: [],
  demandBps: 0,
} as const;

it('tells a switch with its reason and what was sent again', () => {
  expect(text({ ...change, from: ['w2'], to: ['w0'], replayed: 14 })).toBe(
    'video w2 → w0, 14 packets sent again: w2 silent for 61 ms',
  );
  expect(text({ ...change, from: ['w2'], to: ['w0'], replayed: 1 })).toMatch(/, 1 packet sent again: /);
  expect(text({ ...change, trafficClass: 'default', from: ['w2'], to: ['w0'], replayed: 0 })).toMatch(/^web w2 → w0/);
});

it('tells the set of links that carry copies, and says nothing when the set stays', () => {
  expect(text({ ...change, from: ['w0', 'w1'], to: ['w0'], replayed: 0 })).toBe(
    'video w0+w1 → w0: w2 silent for 61 ms',
  );
  expect(text({ ...change, from: ['w0', 'w1'], to: ['w1', 'w0'], replayed: 0 })).toBeUndefined();
  expect(text({ ...change, from: [], to: ['w0'], replayed: 0 })).toBeUndefined();
  expect(text({ ...change, from: ['w0'], to: [], replayed: 0 })).toMatch(/no path left/);
});

it('joins classes that make the same switch at the same moment', () => {
  const events: EventView[] = [];
  const add = (atMs: number, trafficClass: string, to: string) => {
    const view = describeEvent({ ...change, trafficClass, from: ['w2'], to: [to], replayed: 0 }, atMs);
    if (view !== undefined) addEvent(events, view);
  };
  add(1_000, 'default', 'w0');
  add(1_001, 'vitals', 'w1');
  add(1_001, 'video', 'w0');
  add(2_000, 'video', 'w0');
  expect(events.map(eventText)).toEqual([
    'video w2 → w0: w2 silent for 61 ms',
    'vitals w2 → w1: w2 silent for 61 ms',
    'web, video w2 → w0: w2 silent for 61 ms',
  ]);
});

it('leaves out suspicion that was cleared', () => {
  const state = { ...base, type: 'path-state', path: 'w1', pathId: 1, reason: 'silent' } as const;
  expect(text({ ...state, from: 'up', to: 'suspect' })).toBeUndefined();
  expect(text({ ...state, from: 'suspect', to: 'up' })).toBeUndefined();
  expect(text({ ...state, from: 'suspect', to: 'down' })).toBe('w1 suspect → down: silent');
});

it('tells states, sessions and policies', () => {
  const state = {
    ...base,
    type: 'path-state',
    path: 'w1',
    pathId: 1,
    from: 'gated',
    to: 'up',
    reason: '4 probes answered',
  } as const;
  expect(text(state)).toBe('w1 gated → up: 4 probes answered');
  expect(text({ ...base, type: 'session', state: 'lost', reason: '' })).toBe('session lost');
  expect(text({ ...base, type: 'policy', version: 4, outcome: 'acknowledged', reason: '' })).toBe(
    'policy 4 acknowledged',
  );
});

it('has plain lines for when there is no terminal', () => {
  const vehicle = sampleVehicle(0);
  expect(eventLine(0, vehicle.events[1] as never)).toBe('02:10 vehicle-0 w2 up → suspect: silent for 61 ms');
  expect(figuresLine(vehicle, 134_000)).toMatchInlineSnapshot(
    `"02:14 vehicle-0 vitals via w0+w1+w2 21 ms, longest gap 27 ms, lost 0; video via w0 31 ms, longest gap 91 ms, lost 3; web via w0 312 ms a page, 48 pages, 0 failed | w0 up 48 ms 0 % ↑6.2 M ↓1.3 M; w1 up 47 ms 1.2 % ↑84 k ↓12 k; w2 down (cut)"`,
  );
});
