import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { overTls, startGateway, type TestGateway } from '../../test/gateway.js';
import { testServer } from '../../test/postgres.js';
import { PrismaService } from '../store/prisma.service.js';

/** "Seconds at most": a probe takes up to three until it knows that a frozen server is gone. */
const QUICK_MS = 5_000;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway({ listen: true });
}, 60_000);

const changed = (ready: boolean) =>
  new Promise<void>((resolve) => {
    const store = gateway.get(PrismaService);
    if (store.ready === ready) return resolve();
    const forget = store.onReady((now) => {
      if (now !== ready) return;
      forget();
      resolve();
    });
  });

async function timed<T>(work: Promise<T>): Promise<[T, number]> {
  const begin = performance.now();
  return [await work, performance.now() - begin];
}

describe('while PostgreSQL is away', () => {
  it('every answer is quick and honest, and all heals by itself', async () => {
    const { postgres } = await testServer();
    const frozen = changed(false);
    const all = family(postgres.pid!);
    signal(all, 'SIGSTOP');
    onTestFinished(() => signal(all, 'SIGCONT'));
    // Sent while nobody knows yet: it must not hang for as long as a statement may take.
    const [early, earlyMs] = await timed(gateway.admin.get('/api/v1/vehicles'));
    expect([early.status, early.body.code]).toEqual([503, 'database-unavailable']);
    expect(early.headers['retry-after']).toBe('2');
    expect(earlyMs).toBeLessThan(QUICK_MS);
    await frozen;
    for (const [method, path] of [
      ['GET', '/api/v1/vehicles'],
      ['POST', '/api/v1/session'],
      ['POST', '/api/v1/enrolment'],
    ] as const) {
      const [{ status, body }, ms] = await timed(
        gateway.admin.request(method, path, method === 'POST' ? {} : undefined),
      );
      expect([path, status, body.code]).toEqual([path, 503, 'database-unavailable']);
      expect(ms).toBeLessThan(QUICK_MS);
    }
    const ready = await overTls(`${gateway.url}/health/ready`);
    expect(ready.status).toBe(503);
    expect(ready.body).toMatchObject({ status: 'degraded', parts: { database: 'down' } });
    expect((await overTls(`${gateway.url}/health/live`)).status).toBe(200);
    const back = changed(true);
    signal(all, 'SIGCONT');
    await back;
    expect((await gateway.admin.get('/api/v1/vehicles')).status).toBe(200);
    expect((await gateway.anonymous.get('/health/ready')).body.parts.database).toBe('up');
  }, 60_000);
});

function signal(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // A session that has ended meanwhile.
    }
  }
}

/** The server and the processes of its sessions. */
function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [pid, ...(children === '' ? [] : children.split(' ').map(Number))];
}
