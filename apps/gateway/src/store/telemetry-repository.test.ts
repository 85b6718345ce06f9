import type { MetricFrame, RecordedEvent } from '@corridor/contracts';
import { beforeEach, describe, expect, it } from 'vitest';
import { freshDatabase, type TestDatabase } from '../../test/postgres.js';
import { newId } from '../kernel/ids.js';
import { startOfDay, TelemetryPartitions } from './telemetry-partitions.js';
import { CursorMovedError, type FrameRow, TelemetryRepository } from './telemetry-repository.js';

const DAY_MS = 86_400_000;
const NONE = { session: 0, seq: 0 };
const TODAY = Date.UTC(2026, 10, 23);

let database: TestDatabase;
let repository: TelemetryRepository;
let partitions: TelemetryPartitions;
let organisationId: string;
let vehicleId: string;

beforeEach(async () => {
  database = await freshDatabase();
  repository = new TelemetryRepository(database.store);
  partitions = new TelemetryPartitions(database.store);
  const { client } = database.store;
  ({ id: organisationId } = await client.organisation.create({ data: { name: 'Test' } }));
  ({ id: vehicleId } = await client.vehicle.create({ data: { organisationId, name: 'RTW 1', overlayHost: 2 } }));
  return () => database.drop();
});

function frame(position?: MetricFrame['position']): MetricFrame {
  const tunnel = {
    session: 'established' as const,
    establishedSeconds: 1,
    packetsSent: 1,
    packetsDelivered: 1,
    bytesSent: 1,
    bytesDelivered: 1,
    copiesSent: 0,
    replaysSent: 0,
    policyVersion: 1,
  };
  return { kind: 'metric-frame', v: 1, tunnel, paths: [], classes: [], ...(position ? { position } : {}) };
}

function row(seq: number, atMs = TODAY + seq * 1000, source: FrameRow['source'] = 'vehicle'): FrameRow {
  return { vehicleId, atMs, source, session: 1, seq, frame: frame({ latitude: 48.1, longitude: 11.5 }) };
}

function event(atMs: number, type: RecordedEvent['event']['type'] = 'path-switch'): RecordedEvent {
  const at = new Date(atMs).toISOString();
  return {
    id: newId(),
    at,
    vehicleId,
    source: 'vehicle',
    event: { kind: 'event', v: 1, type, reason: 'it "hurts" \\ so' },
  };
}

const frames = () => database.store.client.metricFrame.count();
const tables = async () => {
  const rows = await database.store.client.$queryRawUnsafe<{ name: string }[]>(
    `SELECT relname::text AS name FROM pg_class WHERE relkind = 'r' AND relname ~ '^(metric_frame|event)_' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
};

describe('writing', () => {
  beforeEach(() => partitions.ensure(TODAY));

  it('keeps frames, events and cursors as they came', async () => {
    const deviceId = newId();
    const written = event(TODAY + 5);
    await repository.write({
      frames: [row(1), row(2)],
      events: [written],
      cursors: [{ deviceId, session: 1, seq: 2, from: NONE }],
    });
    expect(await frames()).toBe(2);
    expect(await repository.cursors()).toEqual([{ deviceId, session: 1, seq: 2 }]);
    expect(await repository.events({ organisationId }, undefined, 10)).toEqual([written]);
    const [last] = await repository.lastFrames(TODAY);
    expect(last).toEqual({ vehicleId, source: 'vehicle', atMs: TODAY + 2000, frame: row(2).frame });
  });

  it('writes nothing of a transaction of which one row cannot be written', async () => {
    const deviceId = newId();
    const write = {
      frames: [row(1), row(2, TODAY + 3 * DAY_MS)],
      events: [],
      cursors: [{ deviceId, session: 1, seq: 2, from: NONE }],
    };
    await expect(repository.write(write)).rejects.toThrow(/no partition/);
    expect([await frames(), await repository.cursors()]).toEqual([0, []]);
  });

  it('takes the same rows twice and keeps them once', async () => {
    const write = { frames: [row(1)], events: [event(TODAY)], cursors: [] };
    await repository.write(write);
    await repository.write(write);
    expect(await frames()).toBe(1);
    expect(await repository.events({ organisationId }, undefined, 10)).toHaveLength(1);
  });

  it.each([
    ['none', NONE],
    ['an earlier record', { session: 3, seq: 4 }],
    ['an earlier session', { session: 2, seq: 5 }],
    ['a later record', { session: 3, seq: 6 }],
  ])('moves a cursor from where it stands, and writes nothing when it was thought to be at %s', async (_, from) => {
    const deviceId = newId();
    await repository.write({ frames: [], events: [], cursors: [{ deviceId, session: 3, seq: 5, from: NONE }] });
    const wrong = { frames: [row(1)], events: [], cursors: [{ deviceId, session: 3, seq: 9, from }] };
    await expect(repository.write(wrong)).rejects.toThrow(CursorMovedError);
    expect([await frames(), await repository.cursors()]).toEqual([0, [{ deviceId, session: 3, seq: 5 }]]);
    const right = { ...wrong, cursors: [{ deviceId, session: 4, seq: 1, from: { session: 3, seq: 5 } }] };
    await repository.write(right);
    expect([await frames(), await repository.cursors()]).toEqual([1, [{ deviceId, session: 4, seq: 1 }]]);
  });

  it('lets one of two gateways win that write the same records at once', async () => {
    const deviceId = newId();
    const write = (seq: number) =>
      repository.write({ frames: [row(seq)], events: [], cursors: [{ deviceId, session: 1, seq, from: NONE }] });
    const outcomes = await Promise.allSettled([write(1), write(2), write(3)]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await frames()).toBe(1);
  });
});

describe('events', () => {
  beforeEach(() => partitions.ensure(TODAY));

  it('come in pages, newest first, and none of another organisation', async () => {
    const { client } = database.store;
    const written = [0, 1, 2, 3, 4].map((minute) => event(TODAY + Math.floor(minute / 2) * 60_000));
    await repository.write({ frames: [], events: written, cursors: [] });
    const other = await client.organisation.create({ data: { name: 'Other' } });
    expect(await repository.events({ organisationId: other.id }, undefined, 10)).toEqual([]);
    const first = await repository.events({ organisationId }, undefined, 3);
    const second = await repository.events({ organisationId }, first[2], 3);
    expect([...first, ...second].map(({ id }) => id).sort()).toEqual(written.map(({ id }) => id).sort());
    const times = [...first, ...second].map(({ at }) => at);
    expect(times).toEqual([...times].sort().reverse());
  });

  it('are found by type, vehicle and time', async () => {
    const written = [event(TODAY, 'session'), event(TODAY + 60_000), event(TODAY + 120_000)];
    await repository.write({ frames: [], events: written, cursors: [] });
    const ids = async (filter: object) =>
      (await repository.events({ organisationId, ...filter }, undefined, 10)).map(({ id }) => id);
    expect(await ids({ type: 'session' })).toEqual([written[0]!.id]);
    expect(await ids({ vehicleId: newId() })).toEqual([]);
    expect(await ids({ from: written[1]!.at, to: written[2]!.at })).toEqual([written[1]!.id]);
  });
});

describe('partitions', () => {
  it('are made for a day, once, whoever asks', async () => {
    await Promise.all([partitions.ensure(TODAY + 5), partitions.ensure(TODAY), partitions.ensure(TODAY + 1)]);
    await partitions.ensure(TODAY);
    expect(await tables()).toEqual(['event_20261123', 'metric_frame_20261123']);
  });

  it('are dropped when their whole day is past, with everything in them', async () => {
    for (const day of [0, 1, 2]) await partitions.ensure(TODAY + day * DAY_MS);
    await repository.write({ frames: [row(1), row(2, TODAY + DAY_MS)], events: [], cursors: [] });
    expect(await partitions.dropBefore(TODAY + DAY_MS)).toEqual(['event_20261123', 'metric_frame_20261123']);
    expect(await frames()).toBe(1);
    expect(await partitions.dropBefore(TODAY + DAY_MS + 5)).toEqual([]);
    expect(await tables()).toHaveLength(4);
  });

  it('that a killed gateway had only detached, or only made, are dropped or put to use', async () => {
    const { client } = database.store;
    await partitions.ensure(TODAY);
    await client.$executeRawUnsafe('ALTER TABLE event DETACH PARTITION event_20261123');
    await client.$executeRawUnsafe('CREATE TABLE metric_frame_20261124 (LIKE metric_frame)');
    await partitions.ensure(TODAY + DAY_MS);
    await repository.write({ frames: [row(1, TODAY + DAY_MS)], events: [], cursors: [] });
    expect(await frames()).toBe(1);
    expect((await partitions.dropBefore(TODAY + DAY_MS)).sort()).toEqual(['event_20261123', 'metric_frame_20261123']);
    expect(await tables()).toEqual(['event_20261124', 'metric_frame_20261124']);
  });

  it('begin at midnight, UTC', () => {
    expect(startOfDay(TODAY + 5)).toBe(TODAY);
    expect(startOfDay(TODAY - 1)).toBe(TODAY - DAY_MS);
  });
});
