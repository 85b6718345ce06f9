import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll } from 'vitest';
import { EmbeddedPostgres } from '../src/store/embedded/embedded-postgres.js';
import { migrate, readMigrations } from '../src/store/migrations.js';
import { PrismaService } from '../src/store/prisma.service.js';

/**
 * Real PostgreSQL for tests: the gateway's own embedded server, one per test file, started by the first call (about a
 * second) and ended after the file's last test. Each `freshDatabase()` is a copy of a migrated template: some 50 ms.
 *
 *     const database = await freshDatabase();
 *     const organisation = await database.store.client.organisation.create({ data: { name: 'Test' } });
 */
export interface TestDatabase {
  /** For `DATABASE_URL`. */
  readonly url: string;
  /** An opened store on it; ended by `drop`, or after the file's last test. */
  readonly store: PrismaService;
  drop(): Promise<void>;
}

interface Server {
  readonly postgres: EmbeddedPostgres;
  readonly folder: string;
}

let server: Promise<Server> | undefined;
const open = new Set<TestDatabase>();
const TEMPLATE = 'migrated';

/** A migrated database without a row, for this caller alone. */
export async function freshDatabase(): Promise<TestDatabase> {
  const { postgres, folder } = await testServer();
  const name = `test_${randomBytes(6).toString('hex')}`;
  await asAdmin(postgres, `CREATE DATABASE "${name}" TEMPLATE "${TEMPLATE}"`);
  const url = postgres.url(name);
  const store = await PrismaService.open({ databaseUrl: url, dataDirectory: folder, connections: 5 });
  const database: TestDatabase = {
    url,
    store,
    drop: async () => {
      open.delete(database);
      await store.onApplicationShutdown();
      await asAdmin(postgres, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
    },
  };
  open.add(database);
  return database;
}

/** Ends every connection to the database and takes no new one: for its users the server is gone, until `drop`. */
export async function takeAway(database: TestDatabase): Promise<void> {
  const { postgres } = await testServer();
  const name = new URL(database.url).pathname.slice(1);
  await asAdmin(postgres, `ALTER DATABASE "${name}" WITH ALLOW_CONNECTIONS false`);
  await asAdmin(postgres, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
}

/** A database without tables. */
export async function emptyDatabase(): Promise<string> {
  const { postgres } = await testServer();
  const name = `empty_${randomBytes(6).toString('hex')}`;
  await asAdmin(postgres, `CREATE DATABASE "${name}"`);
  return postgres.url(name);
}

/** The server behind all of them: to stop and to start it in tests of what happens then. */
export async function testServer(): Promise<Server> {
  server ??= startServer();
  return server;
}

async function startServer(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'corridor-pg-'));
  const postgres = await EmbeddedPostgres.start(folder, { unsafe: true });
  await asAdmin(postgres, `CREATE DATABASE "${TEMPLATE}"`);
  const client = new pg.Client({ connectionString: postgres.url(TEMPLATE) });
  await client.connect();
  await migrate(client, await readMigrations());
  await client.end();
  return { postgres, folder };
}

async function asAdmin(postgres: EmbeddedPostgres, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgres.url('postgres') });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

afterAll(async () => {
  await Promise.all([...open].map((database) => database.store.onApplicationShutdown()));
  if (server === undefined) return;
  const { postgres, folder } = await server;
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});
