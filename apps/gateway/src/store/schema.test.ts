import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogOfDatabase, catalogOfSchema } from '../../test/catalog.js';
import { emptyDatabase } from '../../test/postgres.js';
import { MIGRATIONS, migrate, readMigrations } from './migrations.js';

const schema = readFileSync(join(MIGRATIONS, '../schema.prisma'), 'utf8');
let client: pg.Client;

beforeAll(async () => {
  client = new pg.Client({ connectionString: await emptyDatabase() });
  await client.connect();
  await migrate(client, await readMigrations());
});

afterAll(() => client.end());

describe('the migrated database', () => {
  it('is what prisma/schema.prisma says', async () => {
    expect(await catalogOfDatabase(client)).toEqual(catalogOfSchema(schema));
  });

  it('would differ by each change of a table', async () => {
    const wanted = catalogOfSchema(schema);
    for (const change of [
      'ALTER TABLE vehicle ALTER COLUMN notes DROP NOT NULL',
      'ALTER TABLE vehicle ALTER COLUMN overlay_host TYPE BIGINT',
      'ALTER TABLE vehicle ALTER COLUMN policy_version SET DEFAULT 1',
      'DROP INDEX vehicle_group_id_idx',
      'ALTER TABLE claim DROP CONSTRAINT claim_device_id_fkey',
      `ALTER TYPE "Role" ADD VALUE 'guest'`,
      'CREATE TABLE extra (id INT)',
    ]) {
      await client.query('BEGIN');
      await client.query(change);
      expect(await catalogOfDatabase(client), change).not.toEqual(wanted);
      await client.query('ROLLBACK');
    }
  });

  it('keeps frames and events in tables partitioned by time', async () => {
    const { rows } = await client.query(
      `SELECT partrelid::regclass::text AS name, pg_get_partkeydef(partrelid) AS key FROM pg_partitioned_table ORDER BY 1`,
    );
    expect(rows).toEqual([
      { name: 'event', key: 'RANGE (at)' },
      { name: 'metric_frame', key: 'RANGE (at)' },
    ]);
  });
});
