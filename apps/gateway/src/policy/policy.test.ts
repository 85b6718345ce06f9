import type { PolicyRevision } from '@corridor/contracts';
import { beforeAll, describe, expect, test } from 'vitest';
import { createDevice, createVehicle, eventually, revokeDevice, TestVehicle } from '../../test/devices.js';
import { startGateway, type TestGateway } from '../../test/gateway.js';
import { BrokerAccess } from '../broker/broker-access.js';
import { MessageBus } from '../bus/message-bus.js';
import { Metrics } from '../http/metrics.js';
import { Clock } from '../kernel/clock.js';
import { DomainEvents } from '../kernel/domain-events.js';
import { newId } from '../kernel/ids.js';
import { PolicyRepository } from '../store/policy-repository.js';
import { PolicyService } from './policy.service.js';
import { RENEW_BEFORE_MS } from './policy-issuer.js';

/** A gateway with its database, on a machine that is busy. */
const HOOK_MS = 120_000;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
  await eventually(() => gateway.get(MessageBus).connected);
}, HOOK_MS);

const layer = (strategy: string) => ({ kind: 'policy-layer', v: 1, default: { strategy } });
const withClass = (name: string) => ({
  kind: 'policy-layer',
  v: 1,
  classes: [{ name, strategy: 'redundant', match: [{ ports: ['5000-5010'] }] }],
});
const put = (scope: string, id: string, body: unknown) => gateway.admin.put(`/api/v1/policies/${scope}/${id}`, body);
const service = () => gateway.get(PolicyService);
const statusOf = (vehicleId: string) => service().statusOf(vehicleId);
const organisationId = () => gateway.admin.session!.organisation.id;

async function save(scope: string, id: string, what: unknown): Promise<PolicyRevision> {
  const { body } = await gateway.admin.get(`/api/v1/policies/${scope}/${id}`);
  const saved = await put(scope, id, { layer: what, baseVersion: body.version });
  expect(saved.status, saved.text).toBe(200);
  return saved.body;
}

async function newGroup(): Promise<string> {
  const answer = await gateway.admin.post('/api/v1/groups', { name: `Group ${newId()}` });
  expect(answer.status, answer.text).toBe(201);
  return answer.body.id;
}

/** Enrolled, connected, and following its first policy. */
async function newVehicle(groupId: string | null = null): Promise<TestVehicle> {
  const vehicleId = await createVehicle(gateway, groupId);
  const vehicle = new TestVehicle(gateway, await createDevice(gateway, vehicleId));
  await vehicle.connect();
  await eventually(() => statusOf(vehicleId).state === 'applied');
  return vehicle;
}

/** In the order of their arrival. A version that is kept for it and asked for by it arrives twice. */
const versionsOf = (vehicle: TestVehicle) => [...new Set(vehicle.received.map(({ version }) => version))];

/** Until the vehicle follows the newest version and the gateway knows it. */
async function settled(vehicle: TestVehicle): Promise<void> {
  const { vehicleId } = vehicle.device;
  await eventually(() => {
    const { target, applied, state } = statusOf(vehicleId);
    return state === 'applied' && applied === target && vehicle.inForce === target;
  });
}

describe('from REST to the vehicle', () => {
  test('a new device gets the first policy and what is saved later, and the gateway knows what became of it', async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    expect(statusOf(vehicleId)).toMatchObject({ target: 1, applied: 1, state: 'applied', reason: '' });
    await save('vehicle', vehicleId, layer('redundant'));
    await settled(vehicle);
    expect(vehicle.received.at(-1)).toMatchObject({
      vehicleId,
      version: 2,
      policy: { default: { strategy: 'redundant' } },
    });
    const { body } = await gateway.admin.get(`/api/v1/vehicles/${vehicleId}/policy`);
    expect(body.target).toMatchObject({ version: 2, state: 'applied' });
    expect(body.applied).toEqual(body.target);
    expect(body.setBy.default).toEqual({ scope: 'vehicle', id: vehicleId, version: 1 });
    expect(body.setBy.vitals).toEqual({ scope: 'built-in', version: 2 });
    expect(body.target.digest).toBe(statusOf(vehicleId).appliedDigest);
    await vehicle.disconnect();
  });

  test('what happened is told as events, in order', async () => {
    const reasons: string[] = [];
    const end = gateway.get(DomainEvents).on('event-occurred', ({ event }) => {
      if (event.type === 'policy') reasons.push(`${event.version} ${event.reason}`);
    });
    const vehicle = await newVehicle();
    await save('vehicle', vehicle.device.vehicleId, layer('redundant'));
    await settled(vehicle);
    expect(reasons).toEqual([
      '1 issued: first policy of the vehicle',
      '1 applied',
      '2 issued: vehicle policy, version 1, saved by admin',
      '2 applied',
    ]);
    end();
    await vehicle.disconnect();
  });

  test('a layer reaches the vehicles that it changes something for, and no other', async () => {
    const groupId = await newGroup();
    const inside = await newVehicle(groupId);
    const overridden = await newVehicle(groupId);
    const outside = await newVehicle();
    await save('vehicle', overridden.device.vehicleId, layer('smallest-delay'));
    await settled(overridden);
    await save('group', groupId, layer('redundant'));
    await settled(inside);
    expect(versionsOf(inside)).toEqual([1, 2]);
    // Its own layer says otherwise, so nothing changed for it.
    expect(versionsOf(overridden)).toEqual([1, 2]);
    expect(versionsOf(outside)).toEqual([1]);
    await save('group', groupId, layer('redundant'));
    expect(statusOf(inside.device.vehicleId)).toMatchObject({ target: 2 });
    await Promise.all([inside, overridden, outside].map((each) => each.disconnect()));
  });

  test('a vehicle that moves to another group follows its policy', async () => {
    const groupId = await newGroup();
    await save('group', groupId, withClass('sonar'));
    const vehicle = await newVehicle();
    const moved = await gateway.admin.patch(`/api/v1/vehicles/${vehicle.device.vehicleId}`, { groupId });
    expect(moved.status, moved.text).toBe(200);
    await eventually(() => vehicle.inForce === 2);
    expect(vehicle.received.at(-1)!.policy.classes.map(({ name }) => name)).toContain('sonar');
    expect(vehicle.received.at(-1)!.sources).toContainEqual({ scope: 'group', id: groupId, version: 1 });
    await vehicle.disconnect();
  });

  test('200 pushes: each applied and acknowledged, no version twice', { timeout: 60_000 }, async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    const times: number[] = [];
    for (let push = 0; push < 200; push++) {
      const began = performance.now();
      const body = { layer: layer(push % 2 ? 'redundant' : 'smallest-delay'), baseVersion: push };
      expect((await put('vehicle', vehicleId, body)).status).toBe(200);
      await eventually(() => statusOf(vehicleId).applied === push + 2);
      times.push(performance.now() - began);
    }
    expect(versionsOf(vehicle)).toEqual(Array.from({ length: 201 }, (_, index) => index + 1));
    times.sort((a, b) => a - b);
    console.log(`REST to acknowledged: p50 ${times[100]!.toFixed(0)} ms, p99 ${times[197]!.toFixed(0)} ms`);
    await vehicle.disconnect();
  });

  test('an offline vehicle gets the newest when it returns, and only that', async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    await vehicle.disconnect();
    for (const strategy of ['redundant', 'smallest-delay', 'redundant'])
      await save('vehicle', vehicleId, layer(strategy));
    expect(statusOf(vehicleId)).toMatchObject({ target: 4, applied: 1, state: 'pending' });
    await vehicle.connect();
    await settled(vehicle);
    expect(versionsOf(vehicle)).toEqual([1, 4]);
    await vehicle.disconnect();
  });
});

describe('saving', () => {
  test('of several who change the same version one wins, the others are told', async () => {
    const vehicleId = await createVehicle(gateway);
    const saves = Array.from({ length: 8 }, () =>
      put('vehicle', vehicleId, { layer: layer('redundant'), baseVersion: 0 }),
    );
    const answers = await Promise.all(saves);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409, 409, 409]);
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ code: 'policy-changed' });
    const future = await put('vehicle', vehicleId, { layer: layer('redundant'), baseVersion: 7 });
    expect(future.status).toBe(409);
  });

  test('refuses what no vehicle could follow, with the key and what was expected', async () => {
    const vehicleId = await createVehicle(gateway);
    const answer = await put('vehicle', vehicleId, { layer: layer('magic'), baseVersion: 0 });
    expect(answer.status).toBe(422);
    expect(answer.body).toMatchObject({
      code: 'policy-invalid',
      detail: expect.stringContaining('layer.default.strategy: expected one of adaptive, active-standby'),
    });
  });

  test('refuses a layer that is too much together with the others, and keeps nothing of it', async () => {
    const groupId = await newGroup();
    const vehicleId = await createVehicle(gateway, groupId);
    const classes = (from: number, count: number) => ({
      kind: 'policy-layer',
      v: 1,
      classes: Array.from({ length: count }, (_, index) => ({
        name: `class-${from + index}`,
        strategy: 'redundant',
        match: [{ ports: [from + index + 1] }],
      })),
    });
    await save('vehicle', vehicleId, classes(0, 8));
    const answer = await put('group', groupId, { layer: classes(100, 8), baseVersion: 0 });
    expect(answer.status).toBe(422);
    expect(answer.body.detail).toContain('at most 15 classes');
    expect((await gateway.admin.get(`/api/v1/policies/group/${groupId}`)).body.version).toBe(0);
  });

  test('has a history, the newest first, in pages', async () => {
    const vehicleId = await createVehicle(gateway);
    for (const strategy of ['redundant', 'smallest-delay', 'active-standby'])
      await save('vehicle', vehicleId, layer(strategy));
    const url = `/api/v1/policies/vehicle/${vehicleId}/history`;
    const first = (await gateway.admin.get(`${url}?limit=2`)).body;
    expect(first.items.map(({ version }: PolicyRevision) => version)).toEqual([3, 2]);
    expect(first.items[0]).toMatchObject({ author: 'admin', layer: { default: { strategy: 'active-standby' } } });
    const second = (await gateway.admin.get(`${url}?limit=2&cursor=${first.nextCursor}`)).body;
    expect(second.items.map(({ version }: PolicyRevision) => version)).toEqual([1]);
    expect(second.nextCursor).toBeNull();
    expect((await gateway.admin.get(`${url}?cursor=x`)).status).toBe(422);
  });

  test('is in the audit log', async () => {
    const vehicleId = await createVehicle(gateway);
    await put('vehicle', vehicleId, { layer: layer('redundant'), baseVersion: 0, comment: 'because' });
    const { body } = await gateway.admin.get('/api/v1/audit?limit=5');
    const entry = { actor: 'admin', action: 'policy.saved', target: `vehicle:${vehicleId}` };
    expect(body.items[0]).toMatchObject({ ...entry, detail: { version: 1, comment: 'because' } });
  });

  test('the whole organisation is for administrators, groups and vehicles for dispatchers too', async () => {
    const dispatcher = await gateway.operator('dispatcher');
    const technician = await gateway.operator('technician');
    const url = `/api/v1/policies/organisation/${organisationId()}`;
    const body = { layer: { kind: 'policy-layer', v: 1 }, baseVersion: 0 };
    expect((await dispatcher.put(url, body)).body).toMatchObject({ status: 403, code: 'admin-required' });
    const vehicleId = await createVehicle(gateway);
    expect((await dispatcher.put(`/api/v1/policies/vehicle/${vehicleId}`, body)).status).toBe(200);
    expect((await technician.put(`/api/v1/policies/vehicle/${vehicleId}`, { ...body, baseVersion: 1 })).status).toBe(
      403,
    );
    expect((await technician.get(`/api/v1/policies/vehicle/${vehicleId}`)).status).toBe(200);
  });

  test('scopes that are not there, or not in the organisation, are not found', async () => {
    const stranger = await gateway.database.store.client.organisation.create({ data: { name: 'Elsewhere' } });
    for (const [scope, id] of [
      ['organisation', stranger.id],
      ['organisation', newId()],
      ['group', newId()],
      ['vehicle', newId()],
    ] as const) {
      expect((await put(scope, id, { layer: layer('redundant'), baseVersion: 0 })).status).toBe(404);
      expect((await gateway.admin.get(`/api/v1/policies/${scope}/${id}/history`)).status).toBe(404);
    }
    expect((await gateway.admin.get(`/api/v1/policies/built-in/${newId()}`)).status).toBe(422);
  });

  test('the whole organisation at once', async () => {
    const [one, two] = [await newVehicle(), await newVehicle()];
    await save('organisation', organisationId(), withClass('dispatch'));
    await Promise.all([settled(one), settled(two)]);
    for (const each of [one, two]) {
      expect(each.received.at(-1)!.policy.classes.map(({ name }) => name)).toContain('dispatch');
      await each.disconnect();
    }
    await save('organisation', organisationId(), { kind: 'policy-layer', v: 1 });
  });
});

describe('what a vehicle answers', () => {
  test('a rejection stands beside what is in force, with its reason', async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    vehicle.answer = () => ({ outcome: 'rejected', refusal: 'not-applicable', reason: 'no such link here' });
    await save('vehicle', vehicleId, layer('redundant'));
    await eventually(() => statusOf(vehicleId).state === 'rejected');
    expect(statusOf(vehicleId)).toMatchObject({ target: 2, applied: 1, reason: 'no such link here' });
    const { body } = await gateway.admin.get(`/api/v1/vehicles/${vehicleId}/policy`);
    expect([body.target.version, body.applied.version]).toEqual([2, 1]);
    // Its word stands: it is not pushed again by itself when the vehicle comes back.
    await vehicle.disconnect();
    await vehicle.connect();
    await eventually(() => vehicle.received.length >= 3);
    expect(statusOf(vehicleId).state).toBe('rejected');
    // An operator can order it again, under a new number.
    vehicle.answer = undefined;
    const again = await gateway.admin.post(`/api/v1/vehicles/${vehicleId}/policy/reissue`);
    expect(again.body).toMatchObject({ version: 3, digest: body.target.digest, state: 'pending' });
    await settled(vehicle);
    await vehicle.disconnect();
  });

  test('a policy that was taken back is told so', async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    await save('vehicle', vehicleId, layer('redundant'));
    await settled(vehicle);
    await vehicle.acknowledge({
      version: 2,
      outcome: 'reverted',
      refusal: 'tunnel-lost',
      reason: 'tunnel lost',
      inForce: 1,
    });
    await eventually(() => statusOf(vehicleId).state === 'reverted');
    expect(statusOf(vehicleId)).toMatchObject({ target: 2, applied: 1, reason: 'tunnel lost' });
    await vehicle.disconnect();
  });

  test('one device cannot speak for another vehicle, nor of versions that were never issued', async () => {
    const [one, two] = [await newVehicle(), await newVehicle()];
    await one.acknowledge({ version: 1, outcome: 'reverted', reason: 'mine', inForce: 0 });
    await two.acknowledge({ version: 77, outcome: 'rejected', refusal: 'bad-signature', reason: 'forged', inForce: 1 });
    await eventually(() => statusOf(one.device.vehicleId).state === 'reverted');
    expect(statusOf(two.device.vehicleId)).toMatchObject({ target: 1, applied: 1, state: 'applied' });
    await Promise.all([one, two].map((each) => each.disconnect()));
  });

  test('an answer that got lost is made good by the next request', async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    await vehicle.disconnect();
    await save('vehicle', vehicleId, layer('redundant'));
    const silent = new TestVehicle(gateway, vehicle.device);
    silent.inForce = 2;
    await silent.connect();
    await eventually(() => statusOf(vehicleId).state === 'applied');
    await silent.disconnect();
  });

  test('numbers leap over one that a vehicle has from a gateway that lost its database', async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    await vehicle.disconnect();
    vehicle.inForce = 40;
    await vehicle.connect();
    await eventually(() => vehicle.inForce === 41);
    await settled(vehicle);
    // No single device can use up the numbers.
    await vehicle.acknowledge({ version: 0, outcome: 'rejected', reason: 'x', inForce: 2_000_000_000 });
    await gateway.admin.post(`/api/v1/vehicles/${vehicleId}/policy/reissue`);
    expect(statusOf(vehicleId).target).toBe(42);
    await vehicle.disconnect();
  });
});

describe('versions', () => {
  test('one that was never committed was never seen, and is given out to the next', async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    const repository = gateway.get(PolicyRepository);
    const issue = (sign: () => Promise<string>) =>
      repository.issue([vehicleId], {
        atLeast: 0,
        author: undefined,
        decide: () => ({
          digest: 'f'.repeat(64),
          policy: { default: { strategy: 'redundant' }, classes: [] },
          sources: [],
          setBy: {},
          issuedAt: new Date(),
          expiresAt: new Date(Date.now() + 1_000),
        }),
        sign,
      });
    // As a gateway that ends between allocating and committing.
    await expect(issue(() => Promise.reject(new Error('killed')))).rejects.toThrow('killed');
    const signed: number[] = [];
    const competing = Array.from({ length: 5 }, (_, index) => issue(async () => `jws-${index}`));
    for (const [each] of await Promise.all(competing)) signed.push(each!.version);
    expect(signed.sort((a, b) => a - b)).toEqual([2, 3, 4, 5, 6]);
    const rows = await gateway.database.store.client.issuedPolicy.findMany({ where: { vehicleId } });
    expect(rows).toHaveLength(6);
    await vehicle.disconnect();
  });

  test('of several who find the same change one issues it, as each sees what the one before it committed', async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    const digest = 'e'.repeat(64);
    const issueOnce = () =>
      gateway.get(PolicyRepository).issue([vehicleId], {
        atLeast: 0,
        author: undefined,
        decide: (_, latest) =>
          latest === digest
            ? undefined
            : {
                digest,
                policy: { default: { strategy: 'redundant' }, classes: [] },
                sources: [],
                setBy: {},
                issuedAt: new Date(),
                expiresAt: new Date(Date.now() + 1_000),
              },
        sign: async () => 'jws',
      });
    const issued = (await Promise.all(Array.from({ length: 4 }, issueOnce))).flat();
    expect(issued.map(({ version }) => version)).toEqual([2]);
    await vehicle.disconnect();
  });

  test('are renewed well before they expire, with the same content', async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    const clock = gateway.get(Clock);
    const honest = clock.nowMs.bind(clock);
    await service().compare();
    expect(statusOf(vehicleId).target).toBe(1);
    clock.nowMs = () => honest() + RENEW_BEFORE_MS + 60_000;
    try {
      await service().compare();
      await settled(vehicle);
    } finally {
      clock.nowMs = honest;
    }
    const first = vehicle.received[0]!;
    const second = vehicle.received.at(-1)!;
    expect([first.version, second.version]).toEqual([1, 2]);
    expect(second.digest).toBe(first.digest);
    expect(Date.parse(second.expiresAt)).toBeGreaterThan(Date.parse(first.expiresAt));
    await vehicle.disconnect();
  });

  test('start anew for nobody: another device in the vehicle gets a higher one', async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    await vehicle.disconnect();
    await revokeDevice(gateway, vehicle.device);
    expect((await gateway.admin.post(`/api/v1/vehicles/${vehicleId}/policy/reissue`)).body).toMatchObject({
      status: 409,
      code: 'device-missing',
    });
    const next = new TestVehicle(gateway, await createDevice(gateway, vehicleId));
    await next.connect();
    await settled(next);
    expect(versionsOf(next)).toEqual([2]);
    await next.disconnect();
  });

  test('a vehicle without a device has no policy yet', async () => {
    const vehicleId = await createVehicle(gateway);
    await save('vehicle', vehicleId, layer('redundant'));
    expect(statusOf(vehicleId)).toMatchObject({ target: 0, applied: 0, state: 'none' });
    expect(await service().currentJws(vehicleId)).toBeNull();
    const { body } = await gateway.admin.get(`/api/v1/vehicles/${vehicleId}/policy`);
    expect(body).toEqual({ target: null, applied: null, setBy: {} });
  });
});

describe('when a part is away', () => {
  test('the broker: what is saved meanwhile arrives when it is back', { timeout: 40_000 }, async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    const broker = gateway.get(BrokerAccess);
    const closed = vehicle.closed();
    await broker.close();
    await closed;
    await eventually(() => !gateway.get(MessageBus).connected);
    await save('vehicle', vehicleId, layer('redundant'));
    expect(statusOf(vehicleId)).toMatchObject({ target: 2, state: 'pending' });
    await broker.open();
    await eventually(() => gateway.get(MessageBus).connected, 20_000);
    await vehicle.connect();
    await settled(vehicle);
    await vehicle.disconnect();
  });

  test('the process: another one knows everything, and sends what nobody has acknowledged', {
    timeout: 40_000,
  }, async () => {
    const vehicle = await newVehicle();
    const { vehicleId } = vehicle.device;
    await vehicle.disconnect();
    await save('vehicle', vehicleId, layer('redundant'));
    // A change that was committed, and whose gateway ended before it issued anything.
    const missed = await createVehicle(gateway);
    const device = await createDevice(gateway, missed);
    await eventually(() => statusOf(missed).target === 1);
    await gateway.database.store.client.policyRevision.create({
      data: { scope: 'vehicle', scopeId: missed, version: 1, layer: layer('smallest-delay'), author: 'admin' },
    });
    const before = statusOf(vehicleId);
    await gateway.close();
    gateway = await startGateway({ database: gateway.database });
    expect(statusOf(vehicleId)).toEqual(before);
    await eventually(() => statusOf(missed).target === 2);
    expect(device.vehicleId).toBe(missed);
  });
});

test('figures are there for Prometheus', async () => {
  await eventually(async () => (await gateway.get(Metrics).registry.metrics()).includes('corridor_policy_waiting 0'));
  const text = await gateway.get(Metrics).registry.metrics();
  expect(text).toContain('corridor_mqtt_bus_connected 1');
  expect(text).toMatch(/corridor_policy_vehicles\{state="(applied|pending)"\} \d+/);
});

test('strategies are listed with what they do', async () => {
  const { body } = await gateway.admin.get('/api/v1/strategies');
  expect(body.map(({ name }: { name: string }) => name)).toEqual([
    'adaptive',
    'active-standby',
    'smallest-delay',
    'load-balancing',
    'priority-based',
    'redundant',
  ]);
  for (const { description } of body) expect(description).toMatch(/^[A-Z].{20,}/);
});
