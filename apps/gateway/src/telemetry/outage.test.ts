import type { TelemetryAck } from '@corridor/contracts';
import { Spool } from '@corridor/telemetry';
import { expect, it } from 'vitest';
import { eventually } from '../../test/eventually.js';
import { testFrame } from '../../test/frames.js';
import { freshDatabase, testServer } from '../../test/postgres.js';
import type { MessageBus } from '../bus/message-bus.js';
import type { GatewayConfig } from '../config/gateway-config.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { newId } from '../kernel/ids.js';
import { EmbeddedPostgres } from '../store/embedded/embedded-postgres.js';
import { TelemetryPartitions } from '../store/telemetry-partitions.js';
import { TelemetryRepository } from '../store/telemetry-repository.js';
import { DeviceDirectory } from './device-directory.js';
import { IngestService } from './ingest.service.js';

const FRAMES = 60;

it('keeps every record exactly once over a server that is stopped and started, as agents really send them', async () => {
  const { postgres, folder } = await testServer();
  const database = await freshDatabase();
  const [deviceId, vehicleId] = [newId(), newId()];
  const events = new DomainEvents();
  const devices = new DeviceDirectory(events);
  devices.learn([{ deviceId, vehicleId }]);
  const spool = new Spool({ session: 1 });
  // The acknowledgement crosses a network, as the batches do.
  const publish = async (_device: string, _leaf: string, payload: string) => {
    setTimeout(() => spool.acknowledged(JSON.parse(payload) as TelemetryAck), 5);
  };
  const ingest = new IngestService(
    new TelemetryRepository(database.store),
    new TelemetryPartitions(database.store),
    database.store,
    devices,
    { publish } as unknown as MessageBus,
    events,
    new Clock(),
    { retentionDays: 30 } as GatewayConfig,
  );
  await ingest.onModuleInit();
  const agent = setInterval(() => {
    if (spool.figures.numbered < FRAMES) spool.frame(testFrame(), performance.now());
    for (let batch = spool.next(performance.now()); batch; batch = spool.next(performance.now())) {
      events.emit('telemetry-batch', { deviceId, batch, receivedAtMs: Date.now() });
    }
  }, 50);
  let again: EmbeddedPostgres | undefined;
  try {
    await eventually(() => ingest.counts.written > 0);
    await postgres.stop();
    await eventually(() => spool.figures.numbered === FRAMES, 15_000);
    const refused = spool.figures.held;
    again = await EmbeddedPostgres.start(folder, { unsafe: true });
    await eventually(() => spool.figures.held === 0, 30_000);
    expect(refused).toBeGreaterThan(0);
    const rows = await database.store.client.metricFrame.findMany({ orderBy: { seq: 'asc' } });
    expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: FRAMES }, (_, index) => index + 1));
    expect(await database.store.client.telemetryCursor.findMany()).toEqual([{ deviceId, session: 1, seq: FRAMES }]);
  } finally {
    clearInterval(agent);
    await ingest.onModuleDestroy();
    await database.store.onApplicationShutdown();
    await again?.stop();
  }
}, 60_000);
