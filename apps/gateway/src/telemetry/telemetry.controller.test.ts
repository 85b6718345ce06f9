import { beforeAll, describe, expect, it } from 'vitest';
import { DIRECTION, testFrame, testPath } from '../../test/frames.js';
import { startGateway, type TestGateway } from '../../test/gateway.js';
import { newId } from '../kernel/ids.js';
import { TelemetryPartitions } from '../store/telemetry-partitions.js';
import { type FrameRow, TelemetryRepository } from '../store/telemetry-repository.js';

const FROM = Date.UTC(2026, 10, 23, 6);

let gateway: TestGateway;
let vehicleId: string;

beforeAll(async () => {
  gateway = await startGateway();
  vehicleId = (await gateway.admin.post('/api/v1/vehicles', { name: 'RTW 1' })).body.id as string;
});

function row(second: number, rttUs: number, state: string, active: string): FrameRow {
  const paths = [testPath('wwan0', { rttUs, state }), testPath('wwan1', { send: { ...DIRECTION, lossRatio: 0.5 } })];
  const classes = [
    { name: 'voice', strategy: 'redundant', paths: ['wwan1'] },
    { name: 'default', strategy: 'active-standby', paths: [active, 'wwan1'] },
  ];
  const frame = testFrame({ paths, classes });
  return { vehicleId, atMs: FROM + second * 1000, source: 'vehicle', session: 1, seq: second + 1, frame };
}

function url(seconds: number, points: number, more = ''): string {
  const to = new Date(FROM + seconds * 1000).toISOString();
  return `/api/v1/vehicles/${vehicleId}/metrics?from=${new Date(FROM).toISOString()}&to=${to}&points=${points}${more}`;
}

describe('metrics of a vehicle', () => {
  beforeAll(async () => {
    await gateway.get(TelemetryPartitions).ensure(FROM);
    const frames = [
      row(0, 10_000, 'up', 'wwan0'),
      row(1, 30_000, 'down', 'wwan1'),
      row(5, 50_000, 'up', 'wwan0'),
      ...Array.from({ length: 1000 }, (_, index) => row(3600 + index, 20_000 + index, 'up', 'wwan0')),
    ];
    await gateway.get(TelemetryRepository).write({ frames, events: [], cursors: [] });
  });

  it('are averaged into equal steps, with gaps where nothing was measured', async () => {
    const { status, body } = await gateway.admin.get(url(20, 10));
    expect([status, body.source, body.stepSeconds]).toEqual([200, 'vehicle', 2]);
    const [first, second] = body.links;
    expect(first).toMatchObject({
      name: 'wwan0',
      rttUs: [20_000, null, 50_000, null, null, null, null, null, null, null],
      state: ['down', null, 'up', null, null, null, null, null, null, null],
      activeRatio: [0.5, null, 1, null, null, null, null, null, null, null],
    });
    expect(first.atS[1] - first.atS[0]).toBe(2);
    expect(second.sendLossRatio.slice(0, 3)).toEqual([0.5, null, 0.5]);
    expect(second.activeRatio.slice(0, 3)).toEqual([0.5, null, 0]);
  });

  it('of a long range are taken from frames spread over each step', async () => {
    const { body } = await gateway.admin.get(url(7200, 10));
    expect(body.stepSeconds).toBe(720);
    const [first] = body.links;
    expect(first.rttUs[0]).toBe(10_000);
    expect(first.rttUs[3]).toBeNull();
    // Of the step's 720 frames 20 are looked at, one every 36 s, from 20,000 on.
    expect(first.rttUs[5]).toBe(20_000 + (19 * 36) / 2);
  });

  it('never have steps finer than frames, and are empty for the end that reported nothing', async () => {
    const { body } = await gateway.admin.get(url(20, 2000, '&source=gateway'));
    expect(body).toEqual({ source: 'gateway', stepSeconds: 1, links: [] });
  });

  it.each([
    ['a range that ends before it begins', () => url(-5, 10), 422],
    ['too many points', () => url(20, 5000), 422],
    ['a vehicle that does not exist', () => url(20, 10).replace(vehicleId, newId()), 404],
  ])('are refused for %s', async (_, of, status) => {
    expect((await gateway.admin.get(of())).status).toBe(status);
  });

  it('are answered to those who may read telemetry only', async () => {
    expect((await gateway.anonymous.get(url(20, 10))).status).toBe(401);
  });
});

describe('events', () => {
  it('come in pages', async () => {
    const events = [1, 2, 3].map((second) => ({
      id: newId(),
      at: new Date(FROM + second * 1000).toISOString(),
      vehicleId,
      source: 'gateway' as const,
      event: { kind: 'event' as const, v: 1 as const, type: 'path-switch' as const, reason: `number ${second}` },
    }));
    await gateway.get(TelemetryRepository).write({ frames: [], events, cursors: [] });
    const first = await gateway.admin.get('/api/v1/events?limit=2&type=path-switch');
    const second = await gateway.admin.get(`/api/v1/events?limit=2&type=path-switch&cursor=${first.body.nextCursor}`);
    expect([...first.body.items, ...second.body.items]).toEqual([...events].reverse());
    expect(second.body.nextCursor).toBeNull();
    expect((await gateway.admin.get('/api/v1/events?cursor=bm9uc2Vuc2U')).status).toBe(422);
  });

  it.each(['protection', 'path-switch-effect'] as const)('of type %s come with their figures', async (type) => {
    const path = {
      path: 'wwan0',
      state: 'suspect',
      oneWayDelayUs: 20_400,
      queueUs: 1_200,
      lossRatio: 0.012,
      burstPackets: 1.5,
      capacityBps: 20e6,
      deliveredBps: 4.9e6,
      warnings: ['silence'],
      placeBefore: 1,
      placeAfter: 0,
    };
    const event = {
      id: newId(),
      at: new Date(FROM + 9_000).toISOString(),
      vehicleId,
      source: 'vehicle' as const,
      event: {
        kind: 'event' as const,
        v: 1 as const,
        type,
        reason: 'wwan0 answers late',
        trafficClass: 'video',
        after: { mode: 'spill', copies: 1, repairPermille: 100 },
        figures: [path, { ...path, path: 'wwan1', placeBefore: 0, placeAfter: 1 }],
      },
    };
    await gateway.get(TelemetryRepository).write({ frames: [], events: [event], cursors: [] });
    const { body } = await gateway.admin.get(`/api/v1/events?type=${type}`);
    expect(body.items).toEqual([event]);
  });
});
