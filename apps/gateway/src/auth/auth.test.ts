import { createHash } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ADMIN_PASSWORD, startGateway, type TestClient, type TestGateway } from '../../test/gateway.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { FAILURES } from './login.service.js';
import { ABSOLUTE_MS, IDLE_MS } from './operator-sessions.js';
import { SessionSweeper } from './session-sweeper.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
}, 60_000);
afterEach(() => vi.restoreAllMocks());

const SESSION = '/api/v1/session';
const OPERATORS = '/api/v1/operators';
const TOKENS = '/api/v1/tokens';

/** From now on the gateway's clocks are `ms` ahead. */
function later(ms: number): void {
  const clock = gateway.get(Clock);
  const [now, mono] = [clock.nowMs(), clock.monotonicMs()];
  vi.spyOn(clock, 'nowMs').mockReturnValue(now + ms);
  vi.spyOn(clock, 'monotonicMs').mockReturnValue(mono + ms);
}

const idOf = (client: TestClient) => client.session!.operator.id;
const wrong = (username: string, password = 'not the password') => ({ username, password });

describe('logging in', () => {
  it('sets a cookie that scripts and other sites do not get', async () => {
    const answer = await gateway.anonymous.post(SESSION, wrong('admin', ADMIN_PASSWORD));
    expect(answer.status).toBe(200);
    expect(answer.headers['set-cookie']).toMatch(
      /^corridor_session=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Strict$/,
    );
    expect(answer.body).toMatchObject({
      operator: { username: 'admin', role: 'admin', disabled: false },
      organisation: { name: 'Corridor' },
      features: { linkDrills: false, baseMap: null },
    });
    expect(answer.body.permissions).toContain('operator:manage');
    expect(answer.text).not.toContain('password');
  });

  it('answers the same for a wrong password, an unknown and a disabled operator', async () => {
    const gone = await gateway.operator('auditor');
    await gateway.admin.patch(`${OPERATORS}/${idOf(gone)}`, { disabled: true });
    const attempts = [wrong('admin'), wrong('nobody'), wrong(gone.session!.operator.username, ADMIN_PASSWORD)];
    const answers = await Promise.all(attempts.map((body) => gateway.anonymous.post(SESSION, body)));
    for (const { status, body } of answers) {
      expect(status).toBe(401);
      expect(body).toEqual({
        type: 'about:blank',
        title: 'Unauthorized',
        status: 401,
        detail: 'Username or password is wrong.',
        code: 'login-failed',
      });
    }
  });

  it('is limited by user and address, and says how long', async () => {
    const attempt = () => gateway.anonymous.post(SESSION, wrong('guessed'));
    for (let i = 0; i < FAILURES.perUserAndAddress; i++) expect((await attempt()).status).toBe(401);
    const limited = await attempt();
    expect(limited.status).toBe(429);
    expect(limited.body.code).toBe('login-limited');
    expect(Number(limited.headers['retry-after'])).toBeGreaterThan(200);
    later(301_000);
    expect((await attempt()).status).toBe(401);
  });

  it('counts attempts that are made at the same time', async () => {
    const attempts = Array.from({ length: 20 }, () => gateway.anonymous.post(SESSION, wrong('parallel')));
    const statuses = (await Promise.all(attempts)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 401)).toHaveLength(FAILURES.perUserAndAddress);
    later(301_000);
    expect((await gateway.anonymous.post(SESSION, wrong('parallel'))).status).toBe(401);
  });

  it('takes no session from a page of another site', async () => {
    const body = wrong('admin', ADMIN_PASSWORD);
    const evil = gateway.anonymous.with({ origin: 'https://evil.example', host: 'gateway.test:8443' });
    expect((await evil.post(SESSION, body)).body.code).toBe('foreign-origin');
    const subdomain = gateway.anonymous.with({ 'sec-fetch-site': 'same-site' });
    expect((await subdomain.post(SESSION, body)).body.code).toBe('foreign-origin');
    const own = gateway.anonymous.with({ origin: 'https://gateway.test:8443', host: 'gateway.test:8443' });
    expect((await own.post(SESSION, body)).status).toBe(200);
  });

  it('refuses a form: only JSON is read', async () => {
    const form = gateway.anonymous.with({ 'content-type': 'application/x-www-form-urlencoded' });
    const { status, body } = await form.raw('POST', SESSION, `username=admin&password=${ADMIN_PASSWORD}`);
    expect([status, body.code]).toEqual([415, 'media-type']);
  });
});

describe('a session', () => {
  it('is refused with a cookie that is made up, cut or of another name', async () => {
    for (const cookie of ['corridor_session=', `corridor_session=${'A'.repeat(43)}`, `session=${'A'.repeat(43)}`]) {
      expect((await gateway.anonymous.with({ cookie }).get(SESSION)).status).toBe(401);
    }
  });

  it('wants its CSRF token for changes, and only for those', async () => {
    const { cookie } = gateway.admin.headers;
    const bare = gateway.anonymous.with({ cookie: cookie! });
    expect((await bare.get(OPERATORS)).status).toBe(200);
    expect((await bare.post(OPERATORS, {})).body.code).toBe('csrf');
    expect((await bare.with({ 'x-corridor-csrf': 'A'.repeat(43) }).post(OPERATORS, {})).body.code).toBe('csrf');
    const other = await gateway.operator('admin');
    const foreign = bare.with({ 'x-corridor-csrf': other.session!.csrfToken });
    expect((await foreign.post(OPERATORS, {})).body.code).toBe('csrf');
    expect((await gateway.admin.post(OPERATORS, {})).body.code).toBe('invalid');
    expect((await gateway.admin.with({ origin: 'https://evil.example' }).post(OPERATORS, {})).body.code).toBe(
      'foreign-origin',
    );
  });

  it('is kept as a hash only', async () => {
    const value = gateway.admin.headers.cookie!.split('=')[1]!;
    const rows = await gateway.database.store.client.operatorSession.findMany();
    const hash = createHash('sha256').update(value).digest('hex');
    expect(rows.map(({ idHash }) => Buffer.from(idHash).toString('hex'))).toContain(hash);
    expect(JSON.stringify(rows)).not.toContain(value);
  });

  it('ends after a shift without requests', async () => {
    const client = await gateway.operator('dispatcher');
    later(IDLE_MS + 1_000);
    const { status, body } = await client.get(SESSION);
    expect([status, body.code]).toEqual([401, 'session-ended']);
  });

  it('lives on while it is used, but not for ever', async () => {
    const client = await gateway.operator('dispatcher');
    const step = IDLE_MS - 60_000;
    for (let age = step; age < ABSOLUTE_MS; age += step) {
      vi.restoreAllMocks();
      later(age);
      expect((await client.get(SESSION)).status).toBe(200);
    }
    vi.restoreAllMocks();
    later(ABSOLUTE_MS + 1_000);
    expect((await client.get(SESSION)).status).toBe(401);
  });

  it('is forgotten some time after its end', async () => {
    const client = await gateway.operator('dispatcher');
    later(IDLE_MS + 1_000);
    await gateway.get(SessionSweeper).sweep();
    vi.restoreAllMocks();
    expect((await client.get(SESSION)).status).toBe(401);
    // The sweep took the administrator's session as well.
    Object.assign(gateway, { admin: await gateway.anonymous.login('admin', ADMIN_PASSWORD) });
  });

  it('ends with logging out', async () => {
    const client = await gateway.operator('dispatcher');
    const answer = await client.delete(SESSION);
    expect(answer.status).toBe(204);
    expect(answer.headers['set-cookie']).toMatch(/^corridor_session=; Path=\/; Max-Age=0;/);
    expect((await client.get(SESSION)).status).toBe(401);
  });
});

describe('taking rights away', () => {
  it.each([
    ['disabling', { disabled: true }],
    ['another role', { role: 'auditor' }],
    ['another password', { password: 'a quite different one' }],
  ])('%s ends the sessions at once and says so', async (_, change) => {
    const client = await gateway.operator('dispatcher');
    const ended: string[] = [];
    const forget = gateway.get(DomainEvents).on('operator-changed', ({ operatorId }) => ended.push(operatorId));
    expect((await gateway.admin.patch(`${OPERATORS}/${idOf(client)}`, change)).status).toBe(200);
    expect((await client.get(SESSION)).status).toBe(401);
    expect(ended).toEqual([idOf(client)]);
    forget();
  });

  it('another name ends nothing', async () => {
    const client = await gateway.operator('dispatcher');
    await gateway.admin.patch(`${OPERATORS}/${idOf(client)}`, { name: 'Somebody else' });
    expect((await client.get(SESSION)).body.operator.name).toBe('Somebody else');
  });

  it('never takes the last administrator', async () => {
    const own = `${OPERATORS}/${idOf(gateway.admin)}`;
    const others = (await gateway.admin.get(OPERATORS)).body.items.filter(
      (operator: { role: string; username: string }) => operator.role === 'admin' && operator.username !== 'admin',
    );
    for (const { id } of others) await gateway.admin.patch(`${OPERATORS}/${id}`, { disabled: true });
    expect((await gateway.admin.patch(own, { role: 'auditor' })).body.code).toBe('last-admin');
    expect((await gateway.admin.patch(own, { disabled: true })).body.code).toBe('last-admin');
    expect((await gateway.admin.get(SESSION)).status).toBe(200);
  });

  it('leaves one administrator when two demote each other at the same time', async () => {
    const other = await gateway.operator('admin');
    const [a, b] = await Promise.all([
      gateway.admin.patch(`${OPERATORS}/${idOf(other)}`, { role: 'auditor' }),
      other.patch(`${OPERATORS}/${idOf(gateway.admin)}`, { role: 'auditor' }),
    ]);
    expect([a.status, b.status].sort()).not.toEqual([200, 200]);
    const left = { role: 'admin', disabledAt: null } as const;
    expect(await gateway.database.store.client.operator.count({ where: left })).toBe(1);
    await gateway.database.store.client.operator.update({ where: { username: 'admin' }, data: { role: 'admin' } });
    Object.assign(gateway, { admin: await gateway.anonymous.login('admin', ADMIN_PASSWORD) });
  });
});

describe('the own password', () => {
  it('is changed by who knows the old one; other sessions end, this one stays', async () => {
    const client = await gateway.operator('technician');
    const { username } = client.session!.operator;
    const elsewhere = await gateway.anonymous.login(username, ADMIN_PASSWORD);
    const next = 'another long password';
    expect((await client.put(`${SESSION}/password`, { current: 'wrong', next })).body.code).toBe('password-wrong');
    expect((await client.put(`${SESSION}/password`, { current: ADMIN_PASSWORD, next: 'short' })).status).toBe(422);
    expect((await client.put(`${SESSION}/password`, { current: ADMIN_PASSWORD, next })).status).toBe(204);
    expect((await client.get(SESSION)).status).toBe(200);
    expect((await elsewhere.get(SESSION)).status).toBe(401);
    await expect(gateway.anonymous.login(username, ADMIN_PASSWORD)).rejects.toThrow(/login-failed/);
    await gateway.anonymous.login(username, next);
  });
});

describe('operators', () => {
  it('are listed in pages, without their passwords', async () => {
    const first = (await gateway.admin.get(`${OPERATORS}?limit=2`)).body;
    expect(first.items).toHaveLength(2);
    const second = (await gateway.admin.get(`${OPERATORS}?limit=2&cursor=${first.nextCursor}`)).body;
    expect(second.items[0].username > first.items[1].username).toBe(true);
    expect(JSON.stringify(first)).not.toMatch(/password|argon2/);
  });

  it('have usernames of their own', async () => {
    const operator = { username: 'Twice', name: 'Twice', role: 'auditor', password: ADMIN_PASSWORD };
    const created = await gateway.admin.post(OPERATORS, operator);
    expect(created.body.username).toBe('twice');
    const again = await gateway.admin.post(OPERATORS, operator);
    expect([again.status, again.body.code]).toEqual([409, 'username-taken']);
  });

  it('are refused with every mistake named', async () => {
    const { status, body } = await gateway.admin.post(OPERATORS, { username: '!', role: 'king', password: 'short' });
    expect(status).toBe(422);
    expect(body.errors.map(({ key }: { key: string }) => key).sort()).toEqual(['name', 'password', 'role', 'username']);
    expect(body.errors).toContainEqual({ key: 'password', expected: 'expected at least 12 characters' });
  });

  it('of another organisation do not exist', async () => {
    const { client } = gateway.database.store;
    const organisation = await client.organisation.create({ data: { name: 'Other' } });
    const data = { organisationId: organisation.id, username: 'foreign', name: 'F', role: 'auditor', passwordHash: '' };
    const foreign = await client.operator.create({ data: { ...data, role: 'auditor' } });
    expect((await gateway.admin.patch(`${OPERATORS}/${foreign.id}`, { name: 'Mine' })).body.code).toBe(
      'operator-unknown',
    );
    const names = (await gateway.admin.get(OPERATORS)).body.items.map(({ username }: { username: string }) => username);
    expect(names).not.toContain('foreign');
  });
});

describe('an API token', () => {
  const bearer = (token: string) => gateway.anonymous.with({ authorization: `Bearer ${token}` });
  const make = async (client: TestClient, scopes: string[]) =>
    (await client.post(TOKENS, { name: 'script', scopes })).body;

  it('acts for its operator within its scopes, without CSRF', async () => {
    const { token } = await make(gateway.admin, ['audit:read']);
    expect(token).toMatch(/^corridor_[\w-]{43}$/);
    expect((await bearer(token).get('/api/v1/audit')).status).toBe(200);
    expect((await bearer(token).get(OPERATORS)).body.code).toBe('permission-missing');
    const { body } = await bearer(token).get(SESSION);
    expect(body.permissions).toEqual(['audit:read']);
  });

  it('has no more than its operator has now', async () => {
    const operator = await gateway.operator('admin');
    const { token } = await make(operator, ['audit:read', 'fleet:read']);
    await gateway.admin.patch(`${OPERATORS}/${idOf(operator)}`, { role: 'dispatcher' });
    expect((await bearer(token).get('/api/v1/audit')).body.code).toBe('permission-missing');
    expect((await bearer(token).get('/api/v1/organisation')).status).toBe(200);
  });

  it('gives nobody more than he has, and no token makes a wider one', async () => {
    const technician = await gateway.operator('technician');
    const refused = await technician.post(TOKENS, { name: 'more', scopes: ['fleet:read', 'policy:write'] });
    expect([refused.status, refused.body.code]).toEqual([403, 'scope-not-held']);
    const { token } = await make(gateway.admin, ['token:manage']);
    expect((await bearer(token).post(TOKENS, { name: 'x', scopes: ['fleet:read'] })).body.code).toBe('scope-not-held');
  });

  it('cannot change the password or end a session', async () => {
    const { token } = await make(gateway.admin, ['fleet:read']);
    const password = { current: ADMIN_PASSWORD, next: 'another long password' };
    expect((await bearer(token).put(`${SESSION}/password`, password)).body.code).toBe('session-required');
    expect((await bearer(token).delete(SESSION)).body.code).toBe('session-required');
  });

  it('ends with its time, its removal and its operator', async () => {
    const operator = await gateway.operator('dispatcher');
    const [expiring, removed, orphaned] = await Promise.all([1, 2, 3].map(() => make(operator, ['fleet:read'])));
    const get = (token: string) => bearer(token).get('/api/v1/organisation');
    expect((await get(expiring.token)).status).toBe(200);
    later(91 * 86_400_000);
    expect((await get(expiring.token)).status).toBe(401);
    vi.restoreAllMocks();
    expect((await operator.delete(`${TOKENS}/${removed.id}`)).status).toBe(204);
    expect((await get(removed.token)).status).toBe(401);
    await gateway.admin.patch(`${OPERATORS}/${idOf(operator)}`, { disabled: true });
    expect((await get(orphaned.token)).status).toBe(401);
    await gateway.admin.patch(`${OPERATORS}/${idOf(operator)}`, { disabled: false });
    expect((await get(orphaned.token)).status).toBe(401);
  });

  it('is shown to its operator alone, and never again in full', async () => {
    const other = await gateway.operator('dispatcher');
    const { id, token } = await make(other, ['fleet:read']);
    expect((await gateway.admin.delete(`${TOKENS}/${id}`)).body.code).toBe('token-unknown');
    const list = await other.get(TOKENS);
    expect(list.body.items).toMatchObject([{ id, name: 'script', scopes: ['fleet:read'] }]);
    expect(list.text).not.toContain(token);
    const rows = await gateway.database.store.client.apiToken.findMany();
    expect(JSON.stringify(rows)).not.toContain(token);
  });
});

describe('the audit log', () => {
  it('has every change with who did it, and no secrets', async () => {
    const password = 'never seen in any log';
    const created = await gateway.admin.post(OPERATORS, { username: 'logged', name: 'L', role: 'auditor', password });
    const target = `operator:${created.body.id}`;
    await gateway.admin.patch(`${OPERATORS}/${created.body.id}`, { role: 'dispatcher', password: `${password} 2` });
    const { body, text } = await gateway.admin.get('/api/v1/audit?limit=2');
    expect(body.items).toMatchObject([
      { actor: 'admin', action: 'operator.changed', target, detail: { role: 'dispatcher', password: 'set' } },
      { actor: 'admin', action: 'operator.created', target, detail: { username: 'logged', role: 'auditor' } },
    ]);
    expect(text).not.toContain(password);
    const older = (await gateway.admin.get(`/api/v1/audit?limit=2&cursor=${body.nextCursor}`)).body;
    expect(older.items[0].id < body.items[1].id).toBe(true);
  });

  it('begins with the system', async () => {
    let page = (await gateway.admin.get('/api/v1/audit?limit=500')).body;
    while (page.nextCursor) page = (await gateway.admin.get(`/api/v1/audit?limit=500&cursor=${page.nextCursor}`)).body;
    expect(page.items.at(-1)).toMatchObject({ actor: 'system', action: 'organisation.created' });
  });
});
