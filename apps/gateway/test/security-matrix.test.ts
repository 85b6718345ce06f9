import { createHash, randomUUID } from 'node:crypto';
import { Permission, ROLE_PERMISSIONS, Role } from '@corridor/contracts';
import { Reflector } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { beforeAll, describe, expect, it } from 'vitest';
import { AccessGuard } from '../src/auth/access.guard.js';
import type { Access } from '../src/auth/access.js';
import { OperatorSessions } from '../src/auth/operator-sessions.js';
import { DeviceTokens } from '../src/provisioning/device-tokens.js';
import { enrolVehicle } from './enrol-vehicle.js';
import { startGateway, type TestAnswer, type TestClient, type TestGateway } from './gateway.js';
import { type Route, routeTable } from './route-table.js';

/**
 * Every route of the running gateway × everybody who may come: each cell says whether the guard has to let the request
 * through, and with which status and code it has to refuse it. The routes come from the application, what each role
 * may do from the contracts; the table of both is kept in `routes.txt`, so that a change of access is seen in review.
 */
let gateway: TestGateway;
let routes: Route[];
let device: { deviceId: string; vehicleId: string };

beforeAll(async () => {
  gateway = await startGateway();
  routes = routeTable(gateway);
  device = await enrolVehicle(gateway);
}, 60_000);

/** Codes with which the guard refuses; a service may refuse with the same status for reasons of its own. */
const GUARD_CODES = new Set([
  'login-required',
  'session-ended',
  'token-invalid',
  'device-token-required',
  'device-revoked',
  'permission-missing',
  'csrf',
  'foreign-origin',
  'route-closed',
  'rate-limited',
]);

const OPEN = 'let through';
type Verdict = typeof OPEN | readonly [status: number, code: string];

interface Visitor {
  readonly name: string;
  /** A fresh credential a request: some routes end the one that they are called with. */
  readonly client: (route: Route) => Promise<TestClient>;
  readonly expected: (access: Access, route: Route) => Verdict;
}

const refusedAsOperator = (access: Access): Verdict =>
  access.kind === 'device' ? [401, 'device-token-required'] : OPEN;

function withPermissions(access: Access, has: (permission: Permission) => boolean): Verdict {
  if (access.kind !== 'permissions') return refusedAsOperator(access);
  return access.permissions.every(has) ? OPEN : [403, 'permission-missing'];
}

const VISITORS: Visitor[] = [
  {
    name: 'nobody',
    client: async () => gateway.anonymous,
    expected: ({ kind }) => {
      if (kind === 'public') return OPEN;
      return kind === 'device' ? [401, 'device-token-required'] : [401, 'login-required'];
    },
  },
  ...Role.options.map(
    (role): Visitor => ({
      name: role,
      client: () => sessionOf(role),
      expected: (access) => withPermissions(access, (permission) => ROLE_PERMISSIONS[role].includes(permission)),
    }),
  ),
  {
    name: 'administrator without the CSRF token',
    client: async () => {
      const { cookie } = (await sessionOf('admin')).headers;
      return gateway.anonymous.with({ cookie: cookie! });
    },
    expected: (access, { method }) => {
      if (access.kind === 'device' || access.kind === 'public' || method === 'GET') return refusedAsOperator(access);
      return [403, 'csrf'];
    },
  },
  {
    name: 'API token with every scope but those needed',
    client: ({ access }) =>
      tokenWith(Permission.options.filter((permission) => !neededBy(access).includes(permission))),
    expected: (access) => withPermissions(access, () => false),
  },
  {
    name: 'API token with the scopes needed and no other',
    client: ({ access }) => tokenWith(neededBy(access)),
    expected: refusedAsOperator,
  },
  {
    name: 'device',
    client: async ({ method }) => {
      // What ends the device ends one that nobody else needs.
      const own = method === 'DELETE' ? await enrolVehicle(gateway) : device;
      return bearer(await gateway.get(DeviceTokens).sign(own, 60));
    },
    expected: ({ kind }) => (kind === 'device' || kind === 'public' ? OPEN : [401, 'token-invalid']),
  },
];

describe('the matrix of routes and visitors', () => {
  it('has every route that the gateway answers', () => {
    const served = servedRoutes();
    const known = new Set(routes.map(({ method, path }) => `${method} ${path}`));
    expect([...known].filter((route) => !served.includes(route))).toEqual([]);
    expect(served.filter((route) => !known.has(route) && !PAGE.test(route))).toEqual([]);
    expect(routes.length).toBeGreaterThan(30);
  });

  it('finds no route that declares nothing', () => {
    expect(routes.filter(({ access }) => access === undefined)).toEqual([]);
  });

  it('is open to the public only where it has to be', () => {
    const open = routes
      .filter(({ access }) => access?.kind === 'public')
      .map(({ method, path }) => `${method} ${path}`);
    expect(open.sort()).toEqual([
      'GET /health/live',
      'GET /health/ready',
      'POST /api/v1/device/challenge',
      'POST /api/v1/device/token',
      'POST /api/v1/enrolment',
      'POST /api/v1/session',
    ]);
  });

  it('is as reviewed', async () => {
    const lines = routes.map(({ method, path, access }) => `${method.padEnd(6)} ${path}  ${describeAccess(access!)}`);
    await expect(`${lines.sort().join('\n')}\n`).toMatchFileSnapshot('routes.txt');
  });

  it.each(VISITORS)(
    'is right in each cell for: $name',
    async ({ client, expected }) => {
      const wrong: string[] = [];
      for (const route of routes) {
        const answer = await (await client(route)).request(route.method, concrete(route.path), bodyFor(route));
        const verdict = expected(route.access!, route);
        if (!agrees(answer, verdict)) wrong.push(`${route.method} ${route.path}: ${verdict}, was ${answer.text}`);
        expect(answer.status, `${route.method} ${route.path}: ${answer.text}`).not.toBe(500);
      }
      expect(wrong).toEqual([]);
    },
    60_000,
  );
});

describe('a route that declares nothing', () => {
  it('refuses everybody, administrators included', async () => {
    const guard = new AccessGuard(new Reflector(), {} as never, {} as never, { ready: true } as never, {} as never);
    const context = { getType: () => 'http', getHandler: () => () => {}, getClass: () => class {} };
    await expect(guard.canActivate(context as never)).rejects.toMatchObject({
      code: 'route-closed',
      kind: 'forbidden',
    });
  });
});

/** What the console's page and files are served by, compressed or not: no data of the fleet. */
const PAGE = /^GET \/(?:\*|(?!api\/|health\/)[\w./-]+\.(?:css|html|ico|m?js|json|map|png|svg|woff2)(?:\.br|\.gz)?)?$/;

/** What Fastify's own router would answer, by its printed tree. */
function servedRoutes(): string[] {
  const fastify = gateway.gateway.nest.getHttpAdapter().getInstance() as unknown as FastifyInstance;
  const served: string[] = [];
  const path: string[] = [];
  for (const line of fastify.printRoutes({ commonPrefix: false }).split('\n')) {
    const match = /^([│ ]*)[├└]── (\S*) \(([A-Z, ]+)\)$/.exec(line);
    if (!match) continue;
    path.length = match[1]!.length / 4;
    path.push(match[2]!);
    for (const method of match[3]!.split(', ')) served.push(`${method} ${path.join('')}`);
  }
  return served.filter((route) => !/^(HEAD|OPTIONS) /.test(route));
}

function agrees(answer: TestAnswer, verdict: Verdict): boolean {
  if (verdict === OPEN) return !GUARD_CODES.has(answer.body?.code);
  return answer.status === verdict[0] && answer.body?.code === verdict[1];
}

function describeAccess(access: Access): string {
  return access.kind === 'permissions' ? access.permissions.join(' + ') : access.kind;
}

function neededBy(access: Access | undefined): readonly Permission[] {
  return access?.kind === 'permissions' ? access.permissions : [];
}

/** Ids that nobody has: what the guard lets through does no harm. */
function concrete(path: string): string {
  return path
    .replace(/:scope\b/, 'vehicle')
    .replace(/:name\b/, 'wwan0')
    .replace(/:\w+/g, randomUUID());
}

/** Nothing that any route would accept. */
function bodyFor({ method }: Route): unknown {
  return method === 'GET' || method === 'DELETE' ? undefined : {};
}

const operatorIds = new Map<Role, string>();

async function sessionOf(role: Role): Promise<TestClient> {
  const operatorId = operatorIds.get(role) ?? (await gateway.operator(role)).session!.operator.id;
  operatorIds.set(role, operatorId);
  const sessions = gateway.get(OperatorSessions);
  const value = await sessions.begin(operatorId);
  const { csrfToken } = await sessions.describeCookie(value);
  return gateway.anonymous.with({ cookie: `corridor_session=${value}`, 'x-corridor-csrf': csrfToken });
}

/** An API token of an administrator; written to the database, as no route makes one without scopes. */
async function tokenWith(scopes: readonly Permission[]): Promise<TestClient> {
  const token = `corridor_${createHash('sha256').update(randomUUID()).digest('base64url')}`;
  await gateway.database.store.client.apiToken.create({
    data: {
      hash: createHash('sha256').update(token).digest(),
      operatorId: gateway.admin.session!.operator.id,
      name: 'matrix',
      scopes: [...scopes],
      expiresAt: new Date(Date.now() + 60_000),
    },
  });
  return bearer(token);
}

function bearer(token: string): TestClient {
  return gateway.anonymous.with({ authorization: `Bearer ${token}` });
}
