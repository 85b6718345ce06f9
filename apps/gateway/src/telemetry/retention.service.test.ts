import { expect, it } from 'vitest';
import { freshDatabase } from '../../test/postgres.js';
import type { GatewayConfig } from '../config/gateway-config.js';
import { Clock } from '../kernel/clock.js';
import { TelemetryPartitions } from '../store/telemetry-partitions.js';
import { RetentionService } from './retention.service.js';

const DAY_MS = 86_400_000;

it('keeps partitions for tomorrow, and of the past no more days than it was told', async () => {
  const { store } = await freshDatabase();
  const clock = new (class extends Clock {
    ms = Date.UTC(2026, 10, 20, 12);
    override nowMs(): number {
      return this.ms;
    }
  })();
  const partitions = new TelemetryPartitions(store);
  const retention = new RetentionService(partitions, { retentionDays: 2 } as GatewayConfig, clock);
  const days = async () => {
    const rows = await store.client.$queryRawUnsafe<{ name: string }[]>(
      `SELECT relname::text AS name FROM pg_class WHERE relkind = 'r' AND relname LIKE 'metric_frame_2%' ORDER BY 1`,
    );
    return rows.map(({ name }) => name.slice(-4));
  };
  await retention.keep();
  expect(await days()).toEqual(['1120', '1121']);
  const dropped: string[] = [];
  for (let day = 0; day < 4; day++) {
    clock.ms += DAY_MS;
    dropped.push(...(await retention.keep()));
  }
  // Noon of the 24th less two days: the 22nd still has rows to keep.
  expect(await days()).toEqual(['1122', '1123', '1124', '1125']);
  expect(dropped.sort()).toEqual([
    'event_20261120',
    'event_20261121',
    'metric_frame_20261120',
    'metric_frame_20261121',
  ]);
});
