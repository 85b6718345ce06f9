import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { EmbeddedPostgres } from './embedded/embedded-postgres.js';
import { PrismaClient } from './generated/client.js';
import { migrate, readMigrations } from './migrations.js';
import { isUnavailable } from './unavailable.js';

export interface StoreOptions {
  /** `postgresql://…`; null: bring an own server below `dataDirectory`. */
  readonly databaseUrl: string | null;
  /** CORRIDOR_DATA; the embedded server lives in `pg` below it. */
  readonly dataDirectory: string;
  /** Connections to PostgreSQL at most. */
  readonly connections?: number;
}

const CONNECTIONS = 10;
/** How long a request waits for a connection, milliseconds. pg's default is for ever. */
const CONNECT_TIMEOUT_MS = 3_000;
/** How long any statement may take before its caller gets an error, milliseconds: a frozen server must not hold requests. */
const QUERY_TIMEOUT_MS = 15_000;
const PROBE_INTERVAL_MS = 1_000;
const PROBE_TIMEOUT_MS = 2_000;
const PROBE_LATE_MS = 250;
const FIRST_CONTACT_INTERVAL_MS = 250;

/**
 * The way to PostgreSQL: a pool, Prisma's client on it, and a probe that knows whether the server answers. A server that
 * goes away costs the requests of that time and nothing else; the pool connects again as soon as it is back.
 */
export class PrismaService implements OnApplicationShutdown {
  readonly client: PrismaClient;
  readonly #log = new Logger('store');
  readonly #pool: pg.Pool;
  /** One connection of its own: a pool that is merely busy must not look like a server that is gone. */
  readonly #probePool: pg.Pool;
  readonly #embedded: EmbeddedPostgres | null;
  readonly #listeners = new Set<(ready: boolean) => void>();
  #ready = false;
  #probe: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(
    private readonly url: string,
    connections: number,
    embedded: EmbeddedPostgres | null,
  ) {
    this.#embedded = embedded;
    this.#pool = new pg.Pool({
      connectionString: url,
      max: connections,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      query_timeout: QUERY_TIMEOUT_MS,
      idle_in_transaction_session_timeout: 2 * QUERY_TIMEOUT_MS,
      keepAlive: true,
      application_name: 'corridor-gateway',
    });
    // An idle connection that breaks is nobody's request; without a listener it ends Node.
    this.#pool.on('error', () => undefined);
    this.#probePool = new pg.Pool({
      connectionString: url,
      max: 1,
      connectionTimeoutMillis: PROBE_TIMEOUT_MS,
      application_name: 'corridor-gateway-probe',
    });
    // The probe's own breaks when the server dies: known at once, not at the next probe.
    this.#probePool.on('error', (error) => this.#lose(error));
    // Prisma's own limits, two and five seconds, end transactions that only wait for their turn.
    const transactionOptions = { maxWait: CONNECT_TIMEOUT_MS, timeout: QUERY_TIMEOUT_MS };
    this.client = new PrismaClient({ adapter: new PrismaPg(this.#pool), transactionOptions });
  }

  /**
   * Answers when the database is there and migrated. A server that does not answer yet is waited for, as a gateway may
   * well start before its database.
   *
   * @throws MigrationError when the database is not one for this gateway; any error of PostgreSQL that waiting will not heal
   */
  static async open(options: StoreOptions): Promise<PrismaService> {
    const embedded = options.databaseUrl === null ? await EmbeddedPostgres.start(options.dataDirectory) : null;
    const url = options.databaseUrl ?? embedded!.url('corridor');
    const store = new PrismaService(url, options.connections ?? CONNECTIONS, embedded);
    try {
      await store.#begin();
      return store;
    } catch (error) {
      await store.onApplicationShutdown();
      throw error;
    }
  }

  /** Whether the server answered the last probe: at most a second old, but for a frozen server, where it is three. */
  get ready(): boolean {
    return this.#ready;
  }

  /** Calls back at each change of `ready`; answers a function that ends this. */
  onReady(listener: (ready: boolean) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Connections open, idle and requests that wait for one: for the metrics. */
  get pool(): { readonly total: number; readonly idle: number; readonly waiting: number } {
    return { total: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#pool.waitingCount };
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#probe);
    this.#setReady(false);
    await this.client.$disconnect();
    await Promise.all([this.#pool.end(), this.#probePool.end()]);
    await this.#embedded?.stop();
  }

  async #begin(): Promise<void> {
    const migrations = await readMigrations();
    const applied = await this.#firstContact((client) => migrate(client, migrations));
    if (applied.length > 0) this.#log.log(`applied ${applied.join(', ')}`);
    this.#setReady(true);
    // At once, so that the probe has its connection: when that breaks, the server is gone.
    await this.#runProbe();
  }

  /**
   * On a connection of its own that ends in any case, and with it the migrations' lock; a migration takes as long as it
   * takes, so none of the pool's limits hold for it.
   */
  async #firstContact<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      const client = new pg.Client({
        connectionString: this.url,
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        keepAlive: true,
        application_name: 'corridor-gateway-start',
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return await work(client);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        if (attempt % 40 === 0) this.#log.warn(`waiting for PostgreSQL: ${(error as Error).message}`);
      } finally {
        await client.end().catch(() => undefined);
      }
      await new Promise((resolve) => setTimeout(resolve, FIRST_CONTACT_INTERVAL_MS));
    }
  }

  #scheduleProbe(): void {
    if (this.#closed) return;
    this.#probe = setTimeout(() => void this.#runProbe(), PROBE_INTERVAL_MS);
    this.#probe.unref();
  }

  async #runProbe(): Promise<void> {
    const startedMs = performance.now();
    try {
      await this.#probePool.query({ text: 'SELECT 1', query_timeout: PROBE_TIMEOUT_MS } as pg.QueryConfig);
      if (!this.#ready && !this.#closed) this.#log.log('PostgreSQL answers again');
      if (!this.#closed) this.#setReady(true);
    } catch (error) {
      // A timer that rings late says that this process was busy, not that the server was: the answer may have waited.
      const late = performance.now() - startedMs > PROBE_TIMEOUT_MS + PROBE_LATE_MS;
      if (late && this.#ready) return this.#scheduleProbe();
      this.#lose(error as Error);
    }
    this.#scheduleProbe();
  }

  #lose(error: Error): void {
    if (this.#ready && !this.#closed) this.#log.warn(`PostgreSQL does not answer: ${error.message}`);
    this.#setReady(false);
  }

  #setReady(ready: boolean): void {
    if (this.#ready === ready) return;
    this.#ready = ready;
    for (const listener of this.#listeners) listener(ready);
  }
}
