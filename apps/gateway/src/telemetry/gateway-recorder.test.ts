import type { RecordedEvent } from '@corridor/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { testFrame, testPath } from '../../test/frames.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { engineNowUs } from '../kernel/engine-time.js';
import type { FrameRow } from '../store/telemetry-repository.js';
import { GatewayRecorder } from './gateway-recorder.js';
import type { IngestService } from './ingest.service.js';

const START = Date.UTC(2026, 10, 23);
const FIGURES = {
  path: 'w0',
  pathId: 0,
  state: 'suspect',
  oneWayDelayUs: 20_000,
  queueUs: 0,
  lossRatio: 0.02,
  burstPackets: 1,
  capacityBps: 20_000_000,
  deliveredBps: 5_000_000,
  warnings: ['silence'],
  placeBefore: 1,
  placeAfter: 0,
} as const;

let events: DomainEvents;
let frames: FrameRow[];
let recorded: RecordedEvent[];

beforeEach(() => {
  events = new DomainEvents();
  frames = [];
  recorded = [];
  const record = (rows: readonly FrameRow[], kept: readonly RecordedEvent[]) => {
    frames.push(...rows);
    recorded.push(...kept);
  };
  new GatewayRecorder({ record } as unknown as IngestService, events, new Clock());
});

/** One frame a second, from `from` on. */
function seconds(
  count: number,
  of: (second: number) => { packets?: number; state?: string; session?: 'none' },
  from = 0,
) {
  for (let second = from; second < from + count; second++) {
    const { packets = 0, state = 'up', session } = of(second);
    const frame = testFrame({ paths: [testPath('w0', { state })] });
    const tunnel = { ...frame.tunnel, packetsDelivered: packets, ...(session ? { session } : {}) };
    const atMs = START + second * 1000;
    events.emit('gateway-frame', { vehicleId: 'v', frame: { ...frame, tunnel }, atMs, heardAtMs: atMs - 100 });
  }
}

const times = () => frames.map(({ atMs }) => (atMs - START) / 1000);

describe('frames of the gateway’s own end', () => {
  it('are kept each second under traffic, each tenth while a tunnel merely stands', () => {
    seconds(5, (second) => ({ packets: second * 50 }));
    seconds(21, () => ({ packets: 200 }), 5);
    expect(times()).toEqual([0, 1, 2, 3, 4, 14, 24]);
  });

  it('are kept when a path changes its state, and not at all for a vehicle that was never there', () => {
    seconds(3, (second) => ({ state: second === 1 ? 'down' : 'up' }));
    expect(times()).toEqual([0, 1, 2]);
    frames = [];
    seconds(30, () => ({ session: 'none' }), 100);
    expect(times()).toEqual([100]);
    events.emit('vehicle-removed', { vehicleId: 'v' });
    seconds(5, () => ({ session: 'none' }), 200);
    expect(times()).toEqual([100]);
  });

  it('say when the vehicle was last heard, and are numbered within this run', () => {
    seconds(2, (second) => ({ packets: second * 50 }));
    expect(frames[0]?.frame.tunnel.heardAt).toBe(new Date(START - 100).toISOString());
    expect(frames.map(({ source, seq }) => [source, seq])).toEqual([
      ['gateway', 1],
      ['gateway', 2],
    ]);
  });
});

describe('events of the gateway’s own end', () => {
  it('are recorded with the time at which they happened, and told', () => {
    const told: RecordedEvent[] = [];
    events.on('event-recorded', (event) => told.push(event));
    const now = Date.now();
    events.emit('tunnel-event', {
      type: 'path-switch',
      atUs: engineNowUs() - 2_000_000,
      peer: 'v',
      trafficClass: 'default',
      from: ['w0'],
      to: ['w1'],
      reason: 'w0 is suspect',
      replayed: 3,
      before: { mode: 'single', copies: 0, repairPermille: 0 },
      after: { mode: 'single', copies: 1, repairPermille: 0 },
      figures: [FIGURES],
      demandBps: 5_000_000,
    });
    events.emit('tunnel-event', { type: 'session', atUs: 0, peer: 'v', state: 'rekeyed', reason: 'new keys' });
    events.emit('tunnel-event', { type: 'warning', atUs: 0, reason: 'concerns no vehicle' });
    expect(told).toEqual(recorded);
    expect(recorded).toHaveLength(1);
    expect(recorded[0]).toMatchObject({
      vehicleId: 'v',
      source: 'gateway',
      event: { type: 'path-switch', replayed: 3, after: { copies: 1 }, figures: [{ path: 'w0', lossRatio: 0.02 }] },
    });
    expect(Math.abs(Date.parse(recorded[0]!.at) - (now - 2_000))).toBeLessThan(1_000);
  });

  it('of other domains are recorded as they say', () => {
    const event = { kind: 'event' as const, v: 1 as const, type: 'policy' as const, reason: 'version 3 applied' };
    events.emit('event-occurred', { vehicleId: 'v', event, atMs: START });
    expect(recorded).toMatchObject([{ vehicleId: 'v', at: new Date(START).toISOString(), event }]);
  });
});
