import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { StartError } from '../../kernel/start-error.js';
import { type Binaries, findBinaries } from './binaries.js';
import { type DataDirectory, prepareDataDirectory, releaseDataDirectory, SUPERUSER } from './data-directory.js';
import { isAlive, isServerOf } from './processes.js';
import { commandFor } from './way.js';

const RESTART_MS = { first: 200, most: 5_000 } as const;
/** A server that ran this long was well: the next restart comes at once again. */
const STEADY_MS = 30_000;
const FIRST_START_ATTEMPTS = 4;
const POLL_MS = 20;
/** Above the largest process id of Linux, 2^22. */
const NO_PROCESS = '4194305';
/** Fast shutdown ends sessions and writes a checkpoint; after this long, the next harder signal. */
const PATIENCE_MS = { fast: 10_000, immediate: 5_000, orphan: 3_000 } as const;
/** Recovery after a crash replays at most `max_wal_size`: minutes on a slow card. */
const START_TIMEOUT_MS = 300_000;

/**
 * A PostgreSQL server of our own as a child process: reached through a unix socket only, restarted when it dies, ended
 * with this process. Its data stays.
 */
export class EmbeddedPostgres {
  readonly #log = new Logger('postgres');
  readonly #settings: readonly string[];
  #child: ChildProcess | undefined;
  #startedAtMs = 0;
  #restartMs: number = RESTART_MS.first;
  #restart: NodeJS.Timeout | undefined;
  #stopping = false;
  /** Its messages are worth a line: not those of starting up and shutting down. */
  #steady = false;
  #lastWords: string[] = [];

  private constructor(
    private readonly dataDirectory: string,
    private readonly directory: DataDirectory,
    private readonly binaries: Binaries,
    unsafe: boolean,
  ) {
    this.#settings = Object.entries({
      listen_addresses: '',
      unix_socket_directories: directory.socketFolder,
      unix_socket_permissions: '0700',
      max_connections: '40',
      shared_buffers: '64MB',
      max_wal_size: '256MB',
      timezone: 'UTC',
      log_timezone: 'UTC',
      log_min_messages: 'warning',
      jit: 'off',
      ...(unsafe ? { fsync: 'off', full_page_writes: 'off' } : {}),
    }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  }

  /**
   * Starts the server of `dataDirectory` (CORRIDOR_DATA), making it when there is none; answers when it takes connections.
   * A server that a gateway left behind when it was killed is ended first.
   *
   * @param options.unsafe for tests only: no waiting for the disk, so a crash of the machine destroys the data
   */
  static async start(dataDirectory: string, options: { readonly unsafe?: boolean } = {}): Promise<EmbeddedPostgres> {
    const binaries = findBinaries();
    const unsafe = options.unsafe === true;
    const directory = await prepareDataDirectory(dataDirectory, binaries, { sync: !unsafe });
    const server = new EmbeddedPostgres(dataDirectory, directory, binaries, unsafe);
    try {
      await server.#firstStart();
      await server.#createDatabase('corridor');
      server.#steady = true;
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  /** How to connect to one of its databases. */
  url(database: string): string {
    return `postgresql://${SUPERUSER}@localhost/${database}?host=${encodeURIComponent(this.directory.socketFolder)}`;
  }

  /** Process id of the server, undefined while it is down. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Fast shutdown: sessions end, everything is written. Answers when the process is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#steady = false;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      for (const [signal, ms] of [
        ['SIGINT', PATIENCE_MS.fast],
        ['SIGQUIT', PATIENCE_MS.immediate],
      ] as const) {
        child.kill(signal);
        if (await Promise.race([ended.then(() => true), sleep(ms, false, { ref: false })])) break;
      }
      child.kill('SIGKILL');
    }
    releaseDataDirectory(this.dataDirectory);
  }

  /** Sessions of a killed server may hold its shared memory for a moment longer, in which a new one refuses to start. */
  async #firstStart(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      await this.#endOrphan();
      this.#spawn();
      try {
        return await this.#answers();
      } catch (error) {
        if (attempt === FIRST_START_ATTEMPTS) throw error;
        await sleep(RESTART_MS.first * attempt);
      }
    }
  }

  #spawn(): void {
    const { way, cluster } = this.directory;
    const [command, args] = commandFor(way, this.binaries.postgres, ['-D', cluster, ...this.#settings]);
    const child = spawn(command, args, {
      ...(way.kind === 'drop' ? { uid: way.uid, gid: way.gid } : {}),
      cwd: '/',
      env: { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    this.#startedAtMs = performance.now();
    this.#lastWords = [];
    child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    child.on('error', (error) => this.#lastWords.push(error.message));
    child.once('exit', (code, signal) => this.#ended(child, code === null ? `signal ${signal}` : `code ${code}`));
  }

  #ended(child: ChildProcess, how: string): void {
    if (this.#child === child) this.#child = undefined;
    if (!this.#steady) return;
    if (performance.now() - this.#startedAtMs > STEADY_MS) this.#restartMs = RESTART_MS.first;
    this.#log.error(`PostgreSQL ended (${how}); starting it again in ${this.#restartMs} ms`);
    this.#restart = setTimeout(() => void this.#startAgain(), this.#restartMs);
    this.#restartMs = Math.min(2 * this.#restartMs, RESTART_MS.most);
  }

  async #startAgain(): Promise<void> {
    try {
      await this.#endOrphan();
      if (!this.#stopping) this.#spawn();
    } catch (error) {
      this.#log.error((error as Error).message);
      if (!this.#stopping) this.#restart = setTimeout(() => void this.#startAgain(), RESTART_MS.most);
    }
  }

  #hear(text: string): void {
    for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
      this.#lastWords = [...this.#lastWords.slice(-4), line];
      if (this.#steady && / (ERROR|FATAL|PANIC|WARNING): /.test(line)) this.#log.warn(line);
    }
  }

  /** Until it takes connections; a server that ends meanwhile failed to start, and its last line says why. */
  async #answers(): Promise<void> {
    const child = this.#child!;
    const deadline = performance.now() + START_TIMEOUT_MS;
    for (;;) {
      if (
        await this.#query('postgres', 'SELECT 1').then(
          () => true,
          () => false,
        )
      )
        return;
      if (this.#child !== child || child.pid === undefined) {
        throw new StartError(`PostgreSQL did not start: ${this.#lastWords.at(-1) ?? 'it said nothing'}`);
      }
      if (performance.now() > deadline) throw new StartError('PostgreSQL did not answer within 5 minutes of its start');
      await sleep(POLL_MS);
    }
  }

  async #createDatabase(name: string): Promise<void> {
    const found = await this.#query('postgres', `SELECT 1 FROM pg_database WHERE datname = '${name}'`);
    if (found === 0) await this.#query('postgres', `CREATE DATABASE "${name}"`);
  }

  /** Answers the number of rows. */
  async #query(database: string, sql: string): Promise<number> {
    const client = new pg.Client({ connectionString: this.url(database), connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query(sql)).rows.length;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  /**
   * `postmaster.pid` names a server that is not our child. One that lives is asked to end. When the number now belongs to
   * something else, PostgreSQL would take that for a server and refuse: the file gets a number that nobody has. It is not
   * removed, because it also names the shared memory by which PostgreSQL sees sessions of a killed server.
   */
  async #endOrphan(): Promise<void> {
    const file = join(this.directory.cluster, 'postmaster.pid');
    if (!existsSync(file)) return;
    const [first, ...rest] = readFileSync(file, 'utf8').split('\n');
    const pid = Number(first);
    const lives = () => isServerOf(pid, this.directory.cluster);
    if (lives()) this.#log.warn(`ending the PostgreSQL server that an earlier gateway left behind (process ${pid})`);
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
      if (!lives()) break;
      process.kill(pid, signal);
      const deadline = performance.now() + PATIENCE_MS.orphan;
      while (lives() && performance.now() < deadline) await sleep(POLL_MS);
    }
    if (!lives() && isAlive(pid)) writeFileSync(file, [NO_PROCESS, ...rest].join('\n'));
  }
}
