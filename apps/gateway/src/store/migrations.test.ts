import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { emptyDatabase } from '../../test/postgres.js';
import { MIGRATIONS, type Migration, MigrationError, migrate, readMigrations } from './migrations.js';

const clients: pg.Client[] = [];

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  clients.push(client);
  return client;
}

function migration(name: string, sql: string): Migration {
  return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
}

const FIRST = migration('20260101000000_first', 'CREATE TABLE a (id INT); CREATE TABLE b (id INT);');
const SECOND = migration('20260102000000_second', 'ALTER TABLE a ADD COLUMN name TEXT;');

afterAll(async () => {
  await Promise.all(clients.map((client) => client.end()));
});

describe('migrations', () => {
  it('are applied in order, once, and recorded as Prisma records them', async () => {
    const client = await connect(await emptyDatabase());
    expect(await migrate(client, [FIRST, SECOND])).toEqual([FIRST.name, SECOND.name]);
    expect(await migrate(client, [FIRST, SECOND])).toEqual([]);
    const { rows } = await client.query('SELECT * FROM "_prisma_migrations" ORDER BY migration_name');
    expect(rows).toMatchObject([
      {
        migration_name: FIRST.name,
        checksum: FIRST.checksum,
        rolled_back_at: null,
        logs: null,
        applied_steps_count: 1,
      },
      { migration_name: SECOND.name, checksum: SECOND.checksum, finished_at: expect.any(Date) },
    ]);
  });

  it('of the repository carry the SHA-256 of their files', async () => {
    const [first] = await readMigrations();
    const sum = execFileSync('sha256sum', [join(MIGRATIONS, first!.name, 'migration.sql')], { encoding: 'utf8' });
    expect(first!.checksum).toBe(sum.slice(0, 64));
  });

  it('run once when several gateways start at the same moment', async () => {
    const url = await emptyDatabase();
    const all = await Promise.all([1, 2, 3, 4].map(() => connect(url)));
    const applied = await Promise.all(all.map((client) => migrate(client, [FIRST, SECOND])));
    expect(applied.flat().sort()).toEqual([FIRST.name, SECOND.name]);
  });

  it('that fail leave nothing behind, and the next start tries again', async () => {
    const client = await connect(await emptyDatabase());
    const broken = migration(SECOND.name, 'CREATE TABLE c (id INT); SELECT nonsense;');
    await expect(migrate(client, [FIRST, broken])).rejects.toThrow(/"20260102000000_second" failed and was taken back/);
    const { rows } = await client.query("SELECT to_regclass('a') AS a, to_regclass('c') AS c");
    expect(rows).toEqual([{ a: 'a', c: null }]);
    expect(await migrate(client, [FIRST, SECOND])).toEqual([SECOND.name]);
  });

  it.each([
    [
      'a changed file',
      [migration(FIRST.name, `${FIRST.sql} -- more`), SECOND],
      /"20260101000000_first" was changed after/,
    ],
    ['a newer database', [FIRST], /newer than this gateway \(it has migration "20260102000000_second"\)/],
  ])('refuse %s with a sentence', async (_what, files, sentence) => {
    const client = await connect(await emptyDatabase());
    await migrate(client, [FIRST, SECOND]);
    const refusal = await migrate(client, files).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(MigrationError);
    expect((refusal as Error).message).toMatch(sentence);
    // The lock is free again: another gateway is not kept waiting.
    expect(await migrate(await connect(await emptyDatabase()), [FIRST])).toEqual([FIRST.name]);
  });

  it('refuse a database in which another tool left one unfinished', async () => {
    const client = await connect(await emptyDatabase());
    await migrate(client, [FIRST]);
    await client.query(`UPDATE "_prisma_migrations" SET finished_at = NULL`);
    await expect(migrate(client, [FIRST])).rejects.toThrow(/began in this database and did not end/);
  });

  it('ignore one that was rolled back by hand, and apply it again', async () => {
    const client = await connect(await emptyDatabase());
    await migrate(client, [FIRST, SECOND]);
    await client.query('ALTER TABLE a DROP COLUMN name');
    await client.query('UPDATE "_prisma_migrations" SET rolled_back_at = now() WHERE migration_name = $1', [
      SECOND.name,
    ]);
    expect(await migrate(client, [FIRST, SECOND])).toEqual([SECOND.name]);
  });
});
