import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ClientBase } from 'pg';
import { StartError } from '../kernel/start-error.js';

/** `prisma/migrations` of this repository: the same place seen from `src` and from `dist`. */
export const MIGRATIONS = fileURLToPath(new URL('../../../../prisma/migrations', import.meta.url));

/** The number that Prisma's own schema engine locks, so that "prisma migrate deploy" and this runner exclude each other. */
const ADVISORY_LOCK = 72707369;
const LOCK_TIMEOUT_SECONDS = 60;

/** The table as Prisma's schema engine creates it. */
const TABLE = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  "id" VARCHAR(36) PRIMARY KEY NOT NULL,
  "checksum" VARCHAR(64) NOT NULL,
  "finished_at" TIMESTAMPTZ,
  "migration_name" VARCHAR(255) NOT NULL,
  "logs" TEXT,
  "rolled_back_at" TIMESTAMPTZ,
  "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
  "applied_steps_count" INTEGER NOT NULL DEFAULT 0
)`;

/** The database cannot be used with this gateway; the message says why and what to do. */
export class MigrationError extends StartError {}

export interface Migration {
  /** Name of its folder, such as "20261123080000_init"; they are applied in the order of their names. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file, hex: what Prisma records. */
  readonly checksum: string;
}

/** Reads a folder in Prisma's layout: `<timestamp>_<name>/migration.sql`. */
export async function readMigrations(folder = MIGRATIONS): Promise<Migration[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      const sql = await readFile(join(folder, name, 'migration.sql'), 'utf8');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/**
 * Brings a database to the newest migration and answers the names of those that it applied. Any number of gateways may do
 * this at once: one works, the others wait. Each migration is applied and recorded in one transaction, so that one that
 * fails leaves nothing behind.
 *
 * @param client a connection that nobody else uses meanwhile
 * @throws MigrationError when an applied migration was changed, one failed under another tool, or the database is newer
 */
export async function migrate(client: ClientBase, migrations: readonly Migration[]): Promise<string[]> {
  await client.query(`SET lock_timeout = '${LOCK_TIMEOUT_SECONDS}s'`);
  try {
    await client.query('SELECT pg_advisory_lock($1)', [ADVISORY_LOCK]);
  } catch (error) {
    if ((error as { code?: string }).code !== '55P03') throw error;
    throw new MigrationError(
      `another process has been migrating this database for ${LOCK_TIMEOUT_SECONDS} s: try again`,
    );
  }
  try {
    await client.query(TABLE);
    const pending = pendingOf(migrations, await applied(client));
    for (const migration of pending) await apply(client, migration);
    return pending.map((migration) => migration.name);
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [ADVISORY_LOCK]);
    await client.query('RESET lock_timeout');
  }
}

interface AppliedRow {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished_at: Date | null;
}

async function applied(client: ClientBase): Promise<AppliedRow[]> {
  const { rows } = await client.query<AppliedRow>(
    `SELECT "migration_name", "checksum", "finished_at" FROM "_prisma_migrations"
     WHERE "rolled_back_at" IS NULL ORDER BY "migration_name"`,
  );
  return rows;
}

function pendingOf(migrations: readonly Migration[], rows: readonly AppliedRow[]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration]));
  for (const row of rows) {
    const migration = known.get(row.migration_name);
    if (row.finished_at === null) {
      throw new MigrationError(
        `migration "${row.migration_name}" began in this database and did not end: repair it ("prisma migrate resolve") first`,
      );
    }
    if (migration === undefined) {
      throw new MigrationError(
        `the database is newer than this gateway (it has migration "${row.migration_name}"): start the newer gateway`,
      );
    }
    if (migration.checksum !== row.checksum) {
      throw new MigrationError(
        `migration "${row.migration_name}" was changed after it was applied: restore its file and put the change into a new migration`,
      );
    }
  }
  const names = new Set(rows.map((row) => row.migration_name));
  return migrations.filter((migration) => !names.has(migration.name));
}

async function apply(client: ClientBase, { name, sql, checksum }: Migration): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(sql);
    await client.query(
      `INSERT INTO "_prisma_migrations" ("id", "checksum", "migration_name", "finished_at", "applied_steps_count")
       VALUES ($1, $2, $3, now(), 1)`,
      [randomUUID(), checksum, name],
    );
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw new MigrationError(`migration "${name}" failed and was taken back: ${(error as Error).message}`);
  }
}
