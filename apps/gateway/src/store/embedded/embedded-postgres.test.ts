import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EmbeddedPostgres } from './embedded-postgres.js';
import { isAlive } from './processes.js';

const HOLDER = fileURLToPath(new URL('../../../test/hold-postgres.mjs', import.meta.url));
const isRoot = process.geteuid!() === 0;
let folder: string;
const servers: EmbeddedPostgres[] = [];
const holders: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-own-pg-'));
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
  for (const holder of holders.splice(0)) {
    if (holder.exitCode !== null || holder.signalCode !== null) continue;
    holder.kill('SIGTERM');
    await once(holder, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

async function start(at = folder): Promise<EmbeddedPostgres> {
  const server = await EmbeddedPostgres.start(at, { unsafe: true });
  servers.push(server);
  return server;
}

interface Held {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly url: string;
  readonly error?: string;
}

/** The same in a process of its own, begun through `words`. */
async function hold(at: string, words: readonly string[] = []): Promise<Held> {
  const [command, ...args] = [...words, process.execPath, HOLDER, at];
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  holders.push(child);
  const [line] = (await once(child.stdout!.setEncoding('utf8'), 'data')) as [string];
  return { process: child, ...(JSON.parse(line) as { pid: number; url: string }) };
}

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await sleep(10);
}

describe('the embedded PostgreSQL', () => {
  it('keeps its data over a restart and ends when it is stopped', async () => {
    const first = await start();
    await query(first.url('corridor'), 'CREATE TABLE t AS SELECT 42 AS n');
    const { pid } = first;
    await first.stop();
    expect(isAlive(pid!)).toBe(false);
    const second = await start();
    expect(await query(second.url('corridor'), 'SELECT n FROM t')).toEqual([{ n: 42 }]);
  });

  it('is reached through a socket of its owner and not through any network', async () => {
    const server = await start();
    expect(await query(server.url('corridor'), 'SHOW listen_addresses')).toEqual([{ listen_addresses: '' }]);
    expect(statSync(join(folder, 'pg/.s.PGSQL.5432')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'pg')).mode & 0o777).toBe(0o700);
    const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
    expect(statSync(join(folder, 'pg/cluster')).uid).toBe(Number(/^Uid:\s+(\d+)/m.exec(status)![1]));
  });

  it('comes back by itself when the server is killed, with what was committed', async () => {
    const server = await start();
    await query(server.url('corridor'), 'CREATE TABLE t AS SELECT 1 AS n');
    const { pid } = server;
    process.kill(pid!, 'SIGKILL');
    await gone(pid!);
    let rows: Record<string, unknown>[] | undefined;
    while (rows === undefined) {
      rows = await query(server.url('corridor'), 'SELECT n FROM t').catch(() => undefined);
      await sleep(20);
    }
    expect(rows).toEqual([{ n: 1 }]);
    expect(server.pid).not.toBe(pid);
  });

  it('finds a short place for its socket when the data directory has a long name', async () => {
    const deep = join(folder, 'a'.repeat(100), 'b'.repeat(60));
    const server = await start(deep);
    expect(await query(server.url('corridor'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('starts although the process id of a dead server belongs to something else now', async () => {
    await (await start()).stop();
    writeFileSync(
      join(folder, 'pg/cluster/postmaster.pid'),
      `${process.ppid}\n${join(folder, 'pg/cluster')}\n0\n5432\n`,
    );
    if (isRoot) {
      const { uid, gid } = statSync(join(folder, 'pg/cluster'));
      chownSync(join(folder, 'pg/cluster/postmaster.pid'), uid, gid);
    }
    expect((await start()).pid).toBeGreaterThan(0);
  });

  it('refuses a cluster of another major version with a sentence', async () => {
    await (await start()).stop();
    writeFileSync(join(folder, 'pg/cluster/PG_VERSION'), '15\n');
    await expect(start()).rejects.toThrow(/is of PostgreSQL 15 and this gateway brings \d+: dump it/);
  });

  it('makes the cluster anew when making it was interrupted', async () => {
    mkdirSync(join(folder, 'pg/cluster.new'), { recursive: true });
    writeFileSync(join(folder, 'pg/cluster.new/half'), '');
    expect((await start()).pid).toBeGreaterThan(0);
  });
});

describe('a gateway that is killed', () => {
  it('leaves no server behind, and the next one has all data', async () => {
    const first = await hold(folder);
    await query(first.url, 'CREATE TABLE t AS SELECT 7 AS n');
    first.process.kill('SIGKILL');
    const next = await start();
    expect(isAlive(first.pid)).toBe(false);
    expect(await query(next.url('corridor'), 'SELECT n FROM t')).toEqual([{ n: 7 }]);
  });

  it('and leaves one behind: the next one ends it', async () => {
    const first = await hold(folder);
    // Frozen, it cannot follow the wish of the kernel to end with its parent, as on a machine without that wish.
    process.kill(first.pid, 'SIGSTOP');
    first.process.kill('SIGKILL');
    await once(first.process, 'exit');
    expect(isAlive(first.pid)).toBe(true);
    const thaw = sleep(300).then(() => process.kill(first.pid, 'SIGCONT'));
    const next = await start();
    await thaw;
    expect(isAlive(first.pid)).toBe(false);
    expect(await query(next.url('corridor'), 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('while one that lives keeps its database to itself', async () => {
    const first = await hold(folder);
    await expect(start()).rejects.toThrow(`is in use by process ${first.process.pid}: end that gateway first`);
    expect(await query(first.url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });
});

describe.skipIf(!isRoot)('as', () => {
  const user = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
  const uidOf = (pid: number) => /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1];

  function homeOfNobody(): string {
    const home = join(folder, 'home');
    mkdirSync(home);
    chownSync(home, 65534, 65534);
    chmodSync(folder, 0o755);
    return home;
  }

  it('root: it runs as a user without rights, who may pass through the data directory and not read it', async () => {
    const { pid } = await hold(folder);
    expect(Number(uidOf(pid))).toBeGreaterThan(0);
    expect(statSync(folder).mode & 0o777).toBe(0o711);
  });

  it('root: other users do not get through to its socket', async () => {
    const { url } = await hold(folder);
    const socket = join(new URL(url).searchParams.get('host')!, '.s.PGSQL.5432');
    const attempt = `require('net').connect(${JSON.stringify(socket)}).on('error', (error) => console.log(error.code))`;
    const stranger = [
      'setpriv',
      '--reuid',
      '64999',
      '--regid',
      '64999',
      '--clear-groups',
      process.execPath,
      '-e',
      attempt,
    ];
    expect(execFileSync(stranger[0]!, stranger.slice(1), { encoding: 'utf8', cwd: '/' }).trim()).toBe('EACCES');
    expect(await query(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('root whose folders nobody else reaches: it runs in a user namespace', async () => {
    chmodSync(folder, 0o700);
    const { pid, url } = await hold(join(folder, 'inner'));
    expect(readFileSync(`/proc/${pid}/uid_map`, 'utf8').trim().split(/\s+/)).toEqual(['65534', '0', '1']);
    expect(await query(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('an ordinary user: it runs as the same', async () => {
    const { pid, url } = await hold(join(homeOfNobody(), 'data'), user);
    expect(uidOf(pid)).toBe('65534');
    expect(await query(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('root of a user namespace that knows no other user: it runs in one more', async (context) => {
    const home = homeOfNobody();
    try {
      execFileSync(user[0]!, [...user.slice(1), 'unshare', '-Ur', 'true'], { stdio: 'ignore' });
    } catch {
      return context.skip('this machine gives ordinary users no user namespaces');
    }
    const { pid, url } = await hold(join(home, 'data'), [...user, 'unshare', '-Ur']);
    expect(uidOf(pid)).toBe('65534');
    expect(await query(url, 'SELECT 1 AS n')).toEqual([{ n: 1 }]);
  });

  it('another user than before: it takes the files over when it can, and says so when it cannot', async () => {
    const home = homeOfNobody();
    const data = join(home, 'data');
    const first = await hold(data, user);
    await query(first.url, 'CREATE TABLE t AS SELECT 3 AS n');
    first.process.kill('SIGTERM');
    await once(first.process, 'exit');
    const second = await start(data);
    expect(await query(second.url('corridor'), 'SELECT n FROM t')).toEqual([{ n: 3 }]);
    await second.stop();
    expect((await hold(data, user)).error).toMatch(/belongs to|permission denied|EACCES/);
  });
});
