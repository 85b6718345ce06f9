import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN_PASSWORD, startGateway, type TestGateway } from '../../test/gateway.js';
import { OperatorService } from '../auth/operator.service.js';
import { serveConsole } from './console.js';
import { BODY_LIMIT_BYTES } from './fastify.js';
import { Health } from './health.js';
import { MetricsServer } from './metrics-server.js';
import { helmetOptions } from './security-headers.js';

let gateway: TestGateway;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-http-'));
  const map = join(folder, 'map.geojson');
  writeFileSync(map, JSON.stringify({ type: 'FeatureCollection', features: [] }));
  gateway = await startGateway({
    environment: {
      CORRIDOR_HTTP_SOCKET: join(folder, 'http.sock'),
      CORRIDOR_METRICS_LISTEN: '127.0.0.1:0',
      CORRIDOR_BASE_MAP: map,
    },
    listen: true,
  });
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a problem', () => {
  const raw = (payload: string) =>
    gateway.admin.with({ 'content-type': 'application/json' }).raw('POST', '/api/v1/operators', payload);

  it('is a document of RFC 9457 under its media type', async () => {
    const { status, headers, body } = await gateway.admin.get('/api/v1/nowhere');
    expect(status).toBe(404);
    expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(body).toMatchObject({ type: 'about:blank', title: 'Not Found', status: 404, code: 'route-unknown' });
  });

  it('names each key that is wrong in parameters and in queries', async () => {
    const id = await gateway.admin.patch('/api/v1/operators/not-an-id', { name: 'x' });
    expect(id.body).toMatchObject({ status: 422, code: 'invalid', errors: [{ expected: 'Invalid UUID' }] });
    const query = await gateway.admin.get('/api/v1/operators?limit=0');
    expect(query.body).toMatchObject({ status: 422, code: 'invalid', errors: [{ key: 'limit' }] });
  });

  it.each([
    ['broken JSON', '{"username":', 400, 'bad-request'],
    ['no JSON object', '"text"', 422, 'invalid'],
    ['a key that reaches for the prototype', '{"__proto__":{"role":"admin"}}', 400, 'bad-request'],
    ['a body that is too large', `"${'x'.repeat(BODY_LIMIT_BYTES)}"`, 413, 'too-large'],
  ])('answers %s', async (_, payload, status, code) => {
    const answer = await raw(payload);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it('answers a malformed URL, and one that is too long', async () => {
    expect((await gateway.admin.get('/api/v1/vehicles/%zz')).status).toBe(400);
    const long = await gateway.admin.get(`/api/v1/vehicles/${'x'.repeat(500)}`);
    expect(long.status).toBeGreaterThanOrEqual(400);
    expect(long.status).toBeLessThan(500);
  });

  it('of ours tells the caller an incident and nothing else, and the log the rest', async () => {
    const logged = vi.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    const broken = vi
      .spyOn(gateway.get(OperatorService), 'list')
      .mockRejectedValue(new Error('secret detail at x.ts:1'));
    const { status, body, text } = await gateway.admin.get('/api/v1/operators');
    broken.mockRestore();
    expect([status, body.code]).toEqual([500, 'internal']);
    expect(text).not.toContain('secret detail');
    const incident = body.instance.replace('urn:uuid:', '');
    expect(logged.mock.calls[0]![0]).toBe(`GET /api/v1/operators failed, incident ${incident}`);
    expect(logged.mock.calls[0]![1]).toContain('secret detail');
    logged.mockRestore();
  });
});

describe('answers', () => {
  it('carry the headers that keep browsers from mischief', async () => {
    const { headers } = await gateway.anonymous.get('/health/live');
    expect(headers['content-security-policy']).toMatch(/^default-src 'none';script-src 'self';worker-src 'self' blob:/);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' });
    // With an authority of its own, a browser that has insisted once would lock its user out.
    expect(headers['strict-transport-security']).toBeUndefined();
    expect(helmetOptions(true).strictTransportSecurity).toMatchObject({ maxAge: 31_536_000 });
  });

  it('of the API are stored by nobody', async () => {
    expect((await gateway.admin.get('/api/v1/session')).headers['cache-control']).toBe('no-store');
    expect((await gateway.anonymous.get('/api/v1/session')).headers['cache-control']).toBe('no-store');
  });

  it('are compressed when they are long', async () => {
    const client = gateway.admin.with({ 'accept-encoding': 'gzip' });
    expect((await client.get('/api/v1/openapi.json')).headers['content-encoding']).toBe('gzip');
    expect((await client.get('/health/live')).headers['content-encoding']).toBeUndefined();
  });

  it('hold the base map', async () => {
    const { status, headers, body } = await gateway.admin.get('/api/v1/map/base');
    expect([status, headers['content-type'], body.type]).toEqual([200, 'application/geo+json', 'FeatureCollection']);
    expect((await gateway.admin.get('/api/v1/session')).body.features.baseMap).toBe('/api/v1/map/base');
  });
});

describe('the unix socket', () => {
  const path = () => join(folder, 'http.sock');
  const get = (url: string, headers: Record<string, string> = {}) =>
    new Promise<{ status: number; headers: NodeJS.Dict<string | string[]> }>((resolve, reject) => {
      const asked = request({ socketPath: path(), path: url, headers, agent: false }, (response) => {
        response.resume();
        resolve({ status: response.statusCode!, headers: response.headers });
      });
      asked.on('error', reject).end();
    });

  it('serves the same application to the user of the gateway alone', async () => {
    expect((await get('/health/ready')).status).toBe(200);
    expect((await get('/api/v1/session')).status).toBe(401);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('believes the forwarded headers of the proxy that alone can connect to it', async () => {
    const login = (headers: Record<string, string>) =>
      new Promise<string>((resolve, reject) => {
        const all = { ...headers, 'content-type': 'application/json' };
        const asked = request(
          { socketPath: path(), path: '/api/v1/session', method: 'POST', headers: all },
          (response) => resolve(String(response.resume().headers['set-cookie'])),
        );
        asked.on('error', reject).end(JSON.stringify({ username: 'admin', password: ADMIN_PASSWORD }));
      });
    expect(await login({ 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.1' })).toMatch(/; Secure$/);
    expect(await login({})).toMatch(/SameSite=Strict$/);
  });

  it('hands upgrades to whoever serves them on the HTTPS listener', async () => {
    const seen = new Promise<string | undefined>((resolve) => {
      gateway.gateway.nest
        .getHttpServer()
        .once('upgrade', (incoming: { url?: string }, socket: { destroy(): void }) => {
          socket.destroy();
          resolve(incoming.url);
        });
    });
    await get('/api/v1/elsewhere', { connection: 'Upgrade', upgrade: 'websocket' }).catch(() => {});
    expect(await seen).toBe('/api/v1/elsewhere');
  });
});

describe('metrics', () => {
  it('count requests by route template and tell which parts work', async () => {
    await gateway.admin.get('/api/v1/operators');
    await gateway.admin.patch('/api/v1/operators/0192aaaa-0000-7000-8000-000000000000', {});
    const { port } = gateway.get(MetricsServer);
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(text).toMatch(
      /corridor_http_request_duration_seconds_count\{method="GET",route="\/api\/v1\/operators",status="200"\} \d/,
    );
    expect(text).toContain('route="/api/v1/operators/:id"');
    expect(text).not.toContain('0192aaaa');
    expect(text).toContain('corridor_part_up{part="database"} 1');
    expect(text).toContain('process_resident_memory_bytes');
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  });
});

describe('readiness', () => {
  it('names the parts that do not work, and nothing else', async () => {
    let state: 'up' | 'down' = 'up';
    gateway.get(Health).addPart('test', () => state);
    expect((await gateway.anonymous.get('/health/ready')).body).toMatchObject({
      status: 'ready',
      parts: { test: 'up' },
    });
    state = 'down';
    const { status, body } = await gateway.anonymous.get('/health/ready');
    expect(status).toBe(503);
    expect(body).toMatchObject({ status: 'degraded', parts: { database: 'up', test: 'down' } });
    expect((await gateway.anonymous.get('/health/live')).status).toBe(200);
    state = 'up';
  });
});

describe('the console', () => {
  const app = fastify();
  const directory = mkdtempSync(join(tmpdir(), 'corridor-console-'));
  beforeAll(async () => {
    mkdirSync(join(directory, 'assets'));
    writeFileSync(join(directory, 'index.html'), '<title>Corridor</title>');
    writeFileSync(join(directory, 'favicon.svg'), '<svg/>');
    writeFileSync(join(directory, 'assets/index-1a2b3c.js'), 'export {}');
    await serveConsole(app, directory);
  });
  afterAll(async () => {
    await app.close();
    rmSync(directory, { recursive: true });
  });
  const page = { accept: 'text/html,*/*;q=0.8' };

  it('keeps hashed files for ever and asks again for all others', async () => {
    const script = await app.inject('/assets/index-1a2b3c.js');
    expect(script.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(script.headers['content-type']).toMatch(/javascript/);
    expect((await app.inject('/favicon.svg')).headers['cache-control']).toBe('no-cache');
    expect((await app.inject('/')).headers['cache-control']).toBe('no-cache');
  });

  it('answers every address of its own with its page', async () => {
    for (const url of ['/', '/vehicles/0192', '/vehicles/0192?tab=policy', '/login']) {
      const { statusCode, payload } = await app.inject({ url, headers: page });
      expect([statusCode, payload]).toEqual([200, '<title>Corridor</title>']);
    }
  });

  it.each(['/api/v1/nowhere', '/api', '/health/none', '/assets/gone.js'])('is not at %s', async (url) => {
    expect((await app.inject({ url, headers: page })).statusCode).toBe(404);
  });

  it('is no answer to a program, nor a way out of its folder', async () => {
    expect((await app.inject({ url: '/vehicles', headers: { accept: 'application/json' } })).statusCode).toBe(404);
    expect((await app.inject('/..%2f..%2fetc%2fpasswd')).payload).not.toContain('root:');
  });
});

describe('the program', () => {
  const bin = join(import.meta.dirname, '../../bin/corridor-gateway.js');

  it('names the flags that the packets need', () => {
    const tunnel = join(import.meta.dirname, '../../../tunnel/bin/corridor-tunnel.js');
    const [first] = readFileSync(bin, 'utf8').split('\n');
    expect(first).toBe(readFileSync(tunnel, 'utf8').split('\n')[0]);
  });

  it('tells all mistakes of its configuration and does not start', async () => {
    const { code, stderr } = await run(['check'], { CORRIDOR_LISTEN: 'x', CORRIDOR_TUN: 'a/b' });
    expect(code).toBe(2);
    expect(stderr).toMatch(/CORRIDOR_LISTEN: expected .*\n.*CORRIDOR_TUN: expected/);
    expect((await run(['check'], {})).stdout).toBe('the configuration is in order\n');
    expect((await run(['nonsense'], {})).code).toBe(2);
    expect((await run(['--help'], {})).stdout).toContain('CORRIDOR_PUBLIC_URL');
  }, 60_000);

  it('starts, ends on SIGTERM with the requests under way answered, and resets a password', async () => {
    const environment = {
      CORRIDOR_DATA: join(folder, 'program'),
      CORRIDOR_LISTEN: 'off',
      CORRIDOR_HTTP_SOCKET: join(folder, 'program.sock'),
      CORRIDOR_TUNNEL: 'off',
      CORRIDOR_METRICS_LISTEN: 'off',
      DATABASE_URL: gateway.database.url,
    };
    const child = start([], environment);
    const said = linesOf(child);
    await said('"message":"ready"');
    const answer = await askSlowly(environment.CORRIDOR_HTTP_SOCKET, async () => {
      child.kill('SIGTERM');
      await said('SIGTERM: ending');
    });
    expect(answer).toBe(401);
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
    const reset = await run(['reset-password', 'admin'], environment);
    expect(reset.code).toBe(0);
    const password = reset.stdout.trim();
    expect(password).toMatch(/^\w{20}$/);
    const login = await gateway.anonymous.post('/api/v1/session', { username: 'admin', password });
    expect(login.status).toBe(200);
    expect((await gateway.admin.get('/api/v1/session')).status).toBe(401);
    const unknown = await run(['reset-password', 'nobody'], environment);
    expect([unknown.code, unknown.stderr]).toEqual([2, 'corridor-gateway: There is no operator "nobody".\n']);
  }, 60_000);

  it('that cannot listen says so in a sentence and leaves nothing running', async () => {
    const { code, stderr } = await run([], {
      CORRIDOR_DATA: join(folder, 'occupied'),
      CORRIDOR_LISTEN: new URL(gateway.url).host,
      CORRIDOR_TUNNEL: 'off',
      CORRIDOR_METRICS_LISTEN: 'off',
      DATABASE_URL: gateway.database.url,
    });
    expect([code, stderr]).toEqual([2, 'corridor-gateway: CORRIDOR_LISTEN: cannot listen: already in use\n']);
  }, 60_000);

  function start(args: string[], environment: Record<string, string>): ChildProcess {
    const env = { PATH: process.env.PATH!, ...environment };
    return spawn(bin, args, { env, stdio: ['ignore', 'pipe', 'pipe'], cwd: folder });
  }

  async function run(args: string[], environment: Record<string, string>) {
    const child = start(args, environment);
    const [stdout, stderr, code] = await Promise.all([
      textOf(child.stdout!),
      textOf(child.stderr!),
      new Promise<number | null>((resolve) => child.once('close', resolve)),
    ]);
    return { stdout, stderr, code };
  }

  async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
    let text = '';
    for await (const chunk of stream) text += chunk;
    return text;
  }

  /** Answers a function that waits for a part of the output. */
  function linesOf(child: ChildProcess): (part: string) => Promise<void> {
    let text = '';
    child.stdout!.on('data', (chunk) => {
      text += chunk;
    });
    return async (part) => {
      while (!text.includes(part)) {
        if (child.exitCode !== null) throw new Error(`ended before ${part}: ${text}`);
        await new Promise((resolve) => child.stdout!.once('data', resolve));
      }
    };
  }

  /** Sends the head of a request, and its body only after `meanwhile`, which begins when the gateway has the head. */
  function askSlowly(socketPath: string, meanwhile: () => Promise<void>): Promise<number> {
    const body = JSON.stringify({ username: 'nobody', password: 'nothing' });
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': body.length, expect: '100-continue' };
      const asked = request({ socketPath, path: '/api/v1/session', method: 'POST', headers });
      asked.on('response', (response) => resolve(response.resume().statusCode!)).on('error', reject);
      asked.on('continue', () => void meanwhile().then(() => asked.end(body), reject));
      asked.flushHeaders();
    });
  }
});
