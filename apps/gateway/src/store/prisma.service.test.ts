import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, type TestDatabase, testServer } from '../../test/postgres.js';
import { EmbeddedPostgres } from './embedded/embedded-postgres.js';
import { PrismaService } from './prisma.service.js';
import { isUnavailable } from './unavailable.js';

let database: TestDatabase;
let store: PrismaService;

beforeAll(async () => {
  database = await freshDatabase();
  store = database.store;
});

/** Until `ready` is as wanted; the test's own time limit ends a wait for ever. */
async function readyIs(wanted: boolean): Promise<void> {
  if (store.ready === wanted) return;
  await new Promise<void>((resolve) => {
    const end = store.onReady((ready) => {
      if (ready !== wanted) return;
      end();
      resolve();
    });
  });
}

/** A server with its sessions and helpers. */
function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [pid, ...(children === '' ? [] : children.split(' ').map(Number))];
}

async function nameOf(id: string): Promise<string | undefined> {
  return (await store.client.organisation.findUnique({ where: { id } }))?.name;
}

describe('the store', () => {
  it('writes and reads a row of a migrated database', async () => {
    const { id } = await store.client.organisation.create({ data: { name: 'Rettungsdienst' } });
    expect(await nameOf(id)).toBe('Rettungsdienst');
    expect(store.ready).toBe(true);
  });

  it('gives each caller of freshDatabase a database of its own', async () => {
    const other = await freshDatabase();
    await other.store.client.organisation.create({ data: { name: 'Other' } });
    expect(await store.client.organisation.count({ where: { name: 'Other' } })).toBe(0);
    await other.drop();
  });

  it('takes back a transaction whose work throws', async () => {
    const work = store.client.$transaction(async (transaction) => {
      await transaction.organisation.create({ data: { name: 'Half' } });
      throw new Error('no');
    });
    await expect(work).rejects.toThrow('no');
    expect(await store.client.organisation.count({ where: { name: 'Half' } })).toBe(0);
  });

  it('answers quickly that it is unavailable while the server is dead, and heals by itself', async () => {
    const { id } = await store.client.organisation.create({ data: { name: 'Before' } });
    const { postgres } = await testServer();
    process.kill(postgres.pid!, 'SIGKILL');
    // From its last breath, when its sessions still say why they end, until a new one answers.
    const answers: unknown[] = [];
    const ask = async () => answers.push(await nameOf(id).catch((error: unknown) => error));
    while (store.ready) await ask();
    await ask();
    await readyIs(true);
    expect(answers.filter((answer) => answer !== 'Before' && !isUnavailable(answer))).toEqual([]);
    expect(await nameOf(id)).toBe('Before');
  });

  it('gives up on a frozen server after a bounded time, and heals when it goes on', async () => {
    const { id } = await store.client.organisation.create({ data: { name: 'Frozen' } });
    const { postgres } = await testServer();
    const all = family(postgres.pid!);
    for (const pid of all) process.kill(pid, 'SIGSTOP');
    try {
      await readyIs(false);
      const started = performance.now();
      const refusal = await nameOf(id).catch((error: unknown) => error);
      expect(isUnavailable(refusal)).toBe(true);
      expect(performance.now() - started).toBeLessThan(20_000);
    } finally {
      for (const pid of all) process.kill(pid, 'SIGCONT');
    }
    await readyIs(true);
    expect(await nameOf(id)).toBe('Frozen');
  });

  it('waits for a server that starts after it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'corridor-late-'));
    const before = await EmbeddedPostgres.start(folder, { unsafe: true });
    const url = before.url('corridor');
    await before.stop();
    const opening = PrismaService.open({ databaseUrl: url, dataDirectory: folder });
    expect(await Promise.race([opening.then(() => 'open'), sleep(600, 'waiting')])).toBe('waiting');
    const after = await EmbeddedPostgres.start(folder, { unsafe: true });
    const late = await opening;
    expect(await late.client.organisation.count()).toBe(0);
    await late.onApplicationShutdown();
    await after.stop();
    rmSync(folder, { recursive: true });
  });
});

/** An error of the server that Prisma has no code of its own for. */
function asPrismaTellsIt(sqlState: string, message: string): Error {
  const cause = { kind: 'postgres', originalCode: sqlState, originalMessage: message };
  const driverAdapterError = Object.assign(new Error(message), { cause });
  return Object.assign(new Error(`Database error. Code: \`${sqlState}\`.`), {
    code: 'P2039',
    meta: { driverAdapterError },
  });
}

describe('isUnavailable', () => {
  it.each([
    [Object.assign(new Error('connect ENOENT'), { code: 'ENOENT' }), true],
    [Object.assign(new Error('x'), { code: '57P01' }), true],
    [Object.assign(new Error('x'), { code: '08006' }), true],
    [new Error('outer', { cause: Object.assign(new Error('x'), { code: 'ECONNREFUSED' }) }), true],
    [new Error('Connection terminated unexpectedly'), true],
    [asPrismaTellsIt('57P01', 'terminating connection due to unexpected postmaster exit'), true],
    [asPrismaTellsIt('42501', 'permission denied for table organisation'), false],
    [Object.assign(new Error('unique'), { code: 'P2002' }), false],
    [Object.assign(new Error('wrong password'), { code: '28P01' }), false],
    [new TypeError('a bug'), false],
    ['a text', false],
  ])('%s: %s', (error, expected) => {
    expect(isUnavailable(error)).toBe(expected);
  });
});
