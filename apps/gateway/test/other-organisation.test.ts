import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { startGateway, type TestGateway } from './gateway.js';
import { routeTable } from './route-table.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
}, 60_000);

describe('another organisation', () => {
  it('does not exist for an administrator of this one, whichever route asks', async () => {
    const theirs = await otherOrganisation();
    const wrong: string[] = [];
    for (const { method, path } of routeTable(gateway).filter((route) => /:id\b/.test(route.path))) {
      for (const url of foreignUrls(path, theirs)) {
        const answer = await gateway.admin.request(method, url, FOREIGN_BODIES[`${method} ${path}`]);
        if (answer.status !== 404) wrong.push(`${method} ${url}: ${answer.status} ${answer.text}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('is in no list', async () => {
    const theirs = await otherOrganisation();
    const ids = Object.values(theirs);
    for (const { path } of routeTable(gateway).filter(({ method, path }) => method === 'GET' && !path.includes(':'))) {
      const { text } = await gateway.admin.get(path);
      for (const id of ids) expect(text, path).not.toContain(id);
    }
  });
});

type Foreign = Record<'organisation' | 'groups' | 'vehicles' | 'devices' | 'claims' | 'operators' | 'tokens', string>;

/** What each route would accept, so that it is the id that it refuses. */
const FOREIGN_BODIES: Readonly<Record<string, unknown>> = {
  'PATCH /api/v1/groups/:id': { name: 'Mine' },
  'PATCH /api/v1/operators/:id': { name: 'Mine' },
  'PATCH /api/v1/vehicles/:id': { name: 'Mine' },
  'PUT /api/v1/vehicles/:id/uplinks/:name': { label: 'Mine' },
  'PUT /api/v1/vehicles/:id/links/:name/blocked': { blocked: true },
  'POST /api/v1/vehicles/:id/links/:name/drill': { action: 'cut' },
  'POST /api/v1/vehicles/:id/claims': {},
  'POST /api/v1/devices/:id/approve': {},
  'POST /api/v1/devices/:id/revoke': { reason: 'mine' },
  'POST /api/v1/vehicles/:id/policy/reissue': {},
  'PUT /api/v1/policies/:scope/:id': { layer: { kind: 'policy-layer', v: 1 }, baseVersion: 0 },
};

function foreignUrls(path: string, theirs: Foreign): string[] {
  const named = path.replace(':name', 'wwan0');
  if (path.includes(':scope')) {
    return (['organisation', 'group', 'vehicle'] as const).map((scope) =>
      named.replace(':scope', scope).replace(':id', theirs[scope === 'organisation' ? scope : (`${scope}s` as const)]),
    );
  }
  const kind = path.split('/')[3] as keyof Foreign;
  const query = path.endsWith('/metrics') ? '?from=2026-11-23T08:00:00.000Z&to=2026-11-23T09:00:00.000Z' : '';
  return [named.replace(':id', theirs[kind]) + query];
}

let organisations = 0;

/** Complete, as another gateway on the same database might have made it. */
async function otherOrganisation(): Promise<Foreign> {
  const { client } = gateway.database.store;
  const organisation = await client.organisation.create({ data: { name: 'Other' } });
  const own = { organisationId: organisation.id };
  const group = await client.group.create({ data: { ...own, name: 'Theirs' } });
  organisations += 1;
  const vehicle = await client.vehicle.create({ data: { ...own, name: 'Theirs', overlayHost: 9_000 + organisations } });
  const device = await client.device.create({
    data: {
      vehicleId: vehicle.id,
      state: 'active',
      hostname: 'theirs',
      model: '',
      agentVersion: '',
      identityKey: randomUUID(),
      tunnelPublicKey: randomUUID(),
    },
  });
  const soon = new Date(Date.now() + 60_000);
  const claim = await client.claim.create({
    data: {
      id: randomUUID(),
      vehicleId: vehicle.id,
      secretHash: new Uint8Array(32),
      createdBy: 'theirs',
      expiresAt: soon,
    },
  });
  const operator = await client.operator.create({
    data: { ...own, username: `theirs-${organisations}`, name: 'Theirs', role: 'admin', passwordHash: '' },
  });
  const token = await client.apiToken.create({
    data: { hash: Buffer.from(randomUUID()), operatorId: operator.id, name: 'theirs', scopes: [], expiresAt: soon },
  });
  await client.event.create({
    data: { id: randomUUID(), at: new Date(), vehicleId: vehicle.id, source: 'gateway', type: 'agent', detail: {} },
  });
  return {
    organisation: organisation.id,
    groups: group.id,
    vehicles: vehicle.id,
    devices: device.id,
    claims: claim.id,
    operators: operator.id,
    tokens: token.id,
  };
}
