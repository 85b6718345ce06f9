import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoginRequest, type Role, type Session } from '@corridor/contracts';
import type { Abstract, Type } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { afterAll } from 'vitest';
import { SESSION_COOKIE } from '../src/auth/operator-sessions.js';
import { GatewayConfig } from '../src/config/gateway-config.js';
import { Gateway } from '../src/gateway.js';
import { NestLog, pinoLogger } from '../src/http/log.js';
import { freshDatabase, type TestDatabase } from './postgres.js';

/**
 * A real gateway in this process, on a database of its own, with the tunnel off:
 *
 *     const gateway = await startGateway();
 *     const answer = await gateway.admin.post('/api/v1/vehicles', { name: 'RTW 1' });
 *     expect(answer.status).toBe(201);
 *
 * It ends by itself after the file's last test. `listen: true` opens HTTPS on a port of the system's choice.
 */
export interface TestGateway {
  readonly gateway: Gateway;
  readonly config: GatewayConfig;
  readonly database: TestDatabase;
  /** Logged in as the first administrator. */
  readonly admin: TestClient;
  /** Not logged in. */
  readonly anonymous: TestClient;
  /** `https://127.0.0.1:port`; only with `listen`. */
  readonly url: string;
  /** Lines that the gateway logged. */
  readonly log: readonly string[];
  get<T>(token: Type<T> | Abstract<T>): T;
  /** A new operator with this role, logged in. */
  operator(role: Role): Promise<TestClient>;
  close(): Promise<void>;
}

export interface TestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Parsed JSON; undefined when the body is empty or no JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes
  readonly body: any;
}

export const ADMIN_PASSWORD = 'correct horse battery staple';

const running = new Set<TestGateway>();
let operators = 0;

export async function startGateway(
  options: {
    readonly environment?: Record<string, string>;
    readonly listen?: boolean;
    readonly database?: TestDatabase;
  } = {},
): Promise<TestGateway> {
  const database = options.database ?? (await freshDatabase());
  const folder = mkdtempSync(join(tmpdir(), 'corridor-gateway-'));
  const passwordFile = join(folder, 'password');
  writeFileSync(passwordFile, ADMIN_PASSWORD);
  const config = new GatewayConfig({
    CORRIDOR_DATA: join(folder, 'data'),
    CORRIDOR_LISTEN: '127.0.0.1:0',
    CORRIDOR_PUBLIC_URL: 'https://gateway.test:8443',
    CORRIDOR_TUNNEL: 'off',
    CORRIDOR_METRICS_LISTEN: 'off',
    CORRIDOR_ADMIN_PASSWORD_FILE: passwordFile,
    DATABASE_URL: database.url,
    ...options.environment,
  });
  const log: string[] = [];
  const pino = pinoLogger('warn', { write: (line) => void log.push(line) });
  const gateway = await Gateway.create(config, new NestLog(pino));
  if (options.listen) await gateway.listen();
  const fastify = gateway.nest.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  const anonymous = new TestClient(fastify);
  const test: TestGateway = {
    gateway,
    config,
    database,
    anonymous,
    admin: await anonymous.login('admin', ADMIN_PASSWORD),
    url: `https://127.0.0.1:${gateway.port ?? 0}`,
    log,
    get: (token) => gateway.nest.get(token, { strict: false }),
    operator: async (role) => {
      operators += 1;
      const operator = { username: `${role}-${operators}`, name: `Test ${role}`, role, password: ADMIN_PASSWORD };
      const created = await test.admin.post('/api/v1/operators', operator);
      if (created.status !== 201) throw new Error(`no operator: ${created.text}`);
      return anonymous.login(operator.username, ADMIN_PASSWORD);
    },
    close: async () => {
      running.delete(test);
      await gateway.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  running.add(test);
  return test;
}

// Gateways end before their databases do: vitest runs these in reverse order of their registration.
afterAll(async () => {
  await Promise.all([...running].map((gateway) => gateway.close()));
});

/** A client of the REST API through Fastify's inject: no sockets. */
export class TestClient {
  constructor(
    private readonly fastify: FastifyInstance,
    readonly headers: Readonly<Record<string, string>> = {},
    readonly session?: Session,
  ) {}

  /** The same client with further headers. */
  with(headers: Record<string, string>): TestClient {
    return new TestClient(this.fastify, { ...this.headers, ...headers }, this.session);
  }

  async login(username: string, password: string): Promise<TestClient> {
    const answer = await this.post('/api/v1/session', LoginRequest.parse({ username, password }));
    if (answer.status !== 200) throw new Error(`login of ${username} refused: ${answer.text}`);
    const cookie = new RegExp(`${SESSION_COOKIE}=[^;]+`).exec(String(answer.headers['set-cookie']))![0];
    const session = answer.body as Session;
    return new TestClient(this.fastify, { cookie, 'x-corridor-csrf': session.csrfToken }, session);
  }

  get(url: string): Promise<TestAnswer> {
    return this.request('GET', url);
  }

  post(url: string, body?: unknown): Promise<TestAnswer> {
    return this.request('POST', url, body);
  }

  put(url: string, body?: unknown): Promise<TestAnswer> {
    return this.request('PUT', url, body);
  }

  patch(url: string, body?: unknown): Promise<TestAnswer> {
    return this.request('PATCH', url, body);
  }

  delete(url: string): Promise<TestAnswer> {
    return this.request('DELETE', url);
  }

  request(method: string, url: string, body?: unknown): Promise<TestAnswer> {
    if (body === undefined) return this.raw(method, url);
    return this.with({ 'content-type': 'application/json' }).raw(method, url, JSON.stringify(body));
  }

  /** The body as it is, under whatever content type the headers say. */
  async raw(method: string, url: string, payload?: string): Promise<TestAnswer> {
    const answer = await this.fastify.inject({
      method: method as 'GET',
      url,
      headers: this.headers,
      ...(payload === undefined ? {} : { payload }),
    });
    return answerOf(answer.statusCode, answer.headers as TestAnswer['headers'], answer.payload);
  }
}

/** A request over a real TLS connection; `options` as Node's. */
export function overTls(
  url: string,
  options: { method?: string; headers?: Record<string, string>; ca?: string; body?: string; servername?: string } = {},
): Promise<TestAnswer> {
  return new Promise((resolve, reject) => {
    const { body, ...rest } = options;
    const secure = options.ca === undefined ? { rejectUnauthorized: false } : {};
    const request = httpsRequest(url, { agent: false, ...secure, ...rest }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(answerOf(response.statusCode ?? 0, response.headers, text)));
    });
    request.on('error', reject);
    request.end(body);
  });
}

function answerOf(status: number, headers: TestAnswer['headers'], text: string): TestAnswer {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {}
  return { status, headers, text, body };
}
