import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from '../../test/gateway.js';

const folder = mkdtempSync(join(tmpdir(), 'corridor-drill-'));
const socket = join(folder, 'drill.sock');
const asked: string[] = [];
const emulator = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    asked.push(`${request.method} ${decodeURIComponent(request.url ?? '')} ${body}`);
    response.writeHead(request.url?.endsWith('/wwan0') ? 204 : request.url?.endsWith('/odd') ? 500 : 404).end();
  });
});

let gateway: TestGateway;
let path: string;

beforeAll(async () => {
  await once(emulator.listen(socket), 'listening');
  gateway = await startGateway({ environment: { CORRIDOR_DRILL_SOCKET: socket } });
  const { body } = await gateway.admin.post('/api/v1/vehicles', { name: 'RTW 1/Süd' });
  path = `/api/v1/vehicles/${body.id as string}/links`;
});

afterAll(() => {
  emulator.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('a drill', () => {
  it('is passed on to the emulator by the names of vehicle and link, and noted', async () => {
    const dispatcher = await gateway.operator('dispatcher');
    expect((await dispatcher.post(`${path}/wwan0/drill`, { action: 'cut' })).status).toBe(204);
    expect((await dispatcher.post(`${path}/wwan0/drill`, { action: 'restore' })).status).toBe(204);
    expect(asked).toEqual([
      'POST /links/RTW 1/Süd/wwan0 {"action":"cut"}',
      'POST /links/RTW 1/Süd/wwan0 {"action":"restore"}',
    ]);
    const { body } = await gateway.admin.get('/api/v1/audit?limit=10');
    const noted = (body.items as { action: string; actor: string }[]).filter(({ action }) =>
      action.startsWith('link.'),
    );
    expect(noted.map(({ action }) => action)).toEqual(['link.restored', 'link.cut']);
    expect(noted[0]?.actor).toBe(dispatcher.session?.operator.username);
  });

  it.each([
    ['wwan7', { action: 'cut' }, 404, 'link-unknown'],
    ['odd', { action: 'cut' }, 503, 'drills-unavailable'],
    ['wwan0', { action: 'explode' }, 422, 'invalid'],
  ])('of link %s with %o is refused', async (link, body, status, code) => {
    const answer = await gateway.admin.post(`${path}/${link}/drill`, body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it('is not for those who only look, nor where no link is emulated', async () => {
    const auditor = await gateway.operator('auditor');
    expect((await auditor.post(`${path}/wwan0/drill`, { action: 'cut' })).status).toBe(403);
    const real = await startGateway();
    const { body } = await real.admin.post('/api/v1/vehicles', { name: 'RTW 1' });
    const answer = await real.admin.post(`/api/v1/vehicles/${body.id as string}/links/wwan0/drill`, { action: 'cut' });
    expect([answer.status, answer.body.code]).toEqual([409, 'drills-unavailable']);
  });

  it('at the gateway’s end needs a tunnel', async () => {
    const answer = await gateway.admin.put(`${path}/wwan0/blocked`, { blocked: true });
    expect([answer.status, answer.body.code]).toEqual([503, 'tunnel-unavailable']);
  });
});
