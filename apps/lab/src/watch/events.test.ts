import type { EngineEvent } from '@corridor/tunnel';
import { expect, it } from 'vitest';
import { describeEvent } from './events.js';
import { eventLine, figuresLine } from './plain.js';
import { sampleVehicle } from './sample.js';

const text = (event: EngineEvent) => describeEvent(event, 131_000)?.text;
const base = { atUs: 0, peer: 'gateway' };
const change = { ...base, type: 'path-switch', trafficClass: 'video', reason: 'w2 silent for 61 ms' } as const;

it('tells a switch with its reason and what was sent again', () => {
  expect(text({ ...change, from: ['w2', 'w0'], to: ['w0', 'w2'], replayed: 14 })).toBe(
    'video: w2 → w0: w2 silent for 61 ms, 14 packets sent again',
  );
  expect(text({ ...change, from: ['w2'], to: ['w0'], replayed: 1 })).toMatch(/, 1 packet sent again$/);
});

it('names the whole set when only members behind the first changed, and says nothing when nothing did', () => {
  expect(text({ ...change, from: ['w0', 'w1'], to: ['w0'], replayed: 0 })).toBe(
    'video: w0+w1 → w0: w2 silent for 61 ms',
  );
  expect(text({ ...change, from: ['w0'], to: ['w0'], replayed: 0 })).toBeUndefined();
  expect(text({ ...change, from: [], to: ['w0'], replayed: 0 })).toBeUndefined();
  expect(text({ ...change, from: ['w0'], to: [], replayed: 0 })).toMatch(/no path left/);
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
