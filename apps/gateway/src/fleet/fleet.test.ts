import { PageQuery, type Vehicle, VehicleQuery, Vehicle as VehicleSchema } from '@corridor/contracts';
import { describe, expect, it } from 'vitest';
import { takeAway } from '../../test/postgres.js';
import { assemble, makeOrganisation, type TestRegistry, testRegistry, untilAvailable } from '../../test/registry.js';
import { TestPi } from '../../test/test-pi.js';
import { FleetRepository } from '../store/fleet-repository.js';
import { Overlay } from './overlay.js';
import { OverlayCheck } from './overlay-check.js';

function create(registry: TestRegistry, name: string, other: { groupId?: string; networks?: string[] } = {}) {
  return registry.vehicles.create(registry.actor, { name, groupId: null, notes: '', networks: [], ...other });
}

function list(registry: TestRegistry, query: Record<string, unknown> = {}) {
  return registry.fleet.vehicles(VehicleQuery.parse(query), registry.actor.organisationId);
}

async function names(registry: TestRegistry, query: Record<string, unknown> = {}) {
  return (await list(registry, query)).items.map(({ name }) => name);
}

async function enrol(registry: TestRegistry, vehicle: Vehicle) {
  const { claim } = await registry.claims.create(registry.actor, vehicle.id, { expiresInSeconds: 60 });
  return registry.enrolment.enrol(await (await TestPi.make()).enrolment(claim));
}

describe('vehicles', () => {
  it('start with an address, no device, and a status that says so', async () => {
    const registry = await testRegistry({ CORRIDOR_OVERLAY6: 'fd77::/64' });
    const vehicle = await create(registry, 'RTW 1', { networks: ['192.168.7.0/24'] });
    expect(VehicleSchema.parse(vehicle)).toMatchObject({
      name: 'RTW 1',
      overlayAddresses: ['10.77.0.2', 'fd77::2'],
      networks: ['192.168.7.0/24'],
      device: null,
      archivedAt: null,
      status: { tunnel: { state: 'never' } },
    });
    expect(await registry.fleet.vehicle(vehicle.id, registry.actor.organisationId)).toEqual(vehicle);
  });

  it('get addresses of their own when twenty are created at once', async () => {
    const registry = await testRegistry();
    const vehicles = await Promise.all(
      Array.from({ length: 20 }, (_, index) => untilAvailable(() => create(registry, `RTW ${index}`))),
    );
    const addresses = vehicles.map(({ overlayAddresses }) => overlayAddresses[0]);
    const expected = Array.from({ length: 20 }, (_, index) => `10.77.0.${index + 2}`);
    expect(addresses.sort()).toEqual(expected.sort());
  });

  it('keep their addresses when they are archived, and nobody else gets them', async () => {
    const registry = await testRegistry();
    const first = await create(registry, 'RTW 1');
    await registry.vehicles.archive(registry.actor, first.id);
    const second = await create(registry, 'RTW 2');
    expect(second.overlayAddresses).toEqual(['10.77.0.3']);
    expect((await registry.fleet.vehicle(first.id)).overlayAddresses).toEqual(['10.77.0.2']);
  });

  it('fill a small overlay to the last address, gaps included, and then say that it is full', async () => {
    const registry = await testRegistry({ CORRIDOR_OVERLAY: '10.77.0.0/29' });
    const made = [];
    for (let index = 0; index < 5; index += 1) made.push(await create(registry, `RTW ${index}`));
    expect(made.at(-1)!.overlayAddresses).toEqual(['10.77.0.6']);
    await expect(create(registry, 'one more')).rejects.toMatchObject({ code: 'overlay-full', kind: 'conflict' });
    await registry.database.store.client.vehicle.delete({ where: { id: made[1]!.id } });
    expect((await create(registry, 'one more')).overlayAddresses).toEqual(['10.77.0.3']);
  });

  it('stop a gateway whose overlay became too small for them', async () => {
    const registry = await testRegistry();
    for (let index = 0; index < 7; index += 1) await create(registry, `RTW ${index}`);
    const check = (overlay: string) => {
      const repository = new FleetRepository(registry.database.store);
      return new OverlayCheck(new Overlay(overlay, null), repository).onModuleInit();
    };
    await check('10.77.0.0/28');
    const told = 'a vehicle has host number 8, but 10.77.0.0/29 end at 6';
    await expect(check('10.77.0.0/29')).rejects.toThrow(told);
  });

  it('have names of their own, also against each other at the same moment', async () => {
    const registry = await testRegistry();
    const results = await Promise.allSettled([create(registry, 'RTW 1'), create(registry, 'RTW 1')]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const taken = { kind: 'conflict', code: 'vehicle-name-taken' };
    await expect(create(registry, 'RTW 1')).rejects.toMatchObject(taken);
    const second = await create(registry, 'RTW 2');
    await expect(registry.vehicles.update(registry.actor, second.id, { name: 'RTW 1' })).rejects.toMatchObject(taken);
    // Another organisation may have one of that name.
    const others = await makeOrganisation(registry.database, 'Others');
    const request = { name: 'RTW 1', groupId: null, notes: '', networks: [] };
    expect(await registry.vehicles.create(others, request)).toMatchObject({ name: 'RTW 1' });
  });

  it('change, and tell the tunnel what it has to know', async () => {
    const registry = await testRegistry();
    const vehicle = await create(registry, 'RTW 1');
    const { deviceId } = await enrol(registry, vehicle);
    registry.told.length = 0;
    await registry.vehicles.update(registry.actor, vehicle.id, { notes: 'new tyres' });
    expect(registry.told.map(({ name }) => name)).toEqual(['vehicle-changed']);
    const changed = await registry.vehicles.update(registry.actor, vehicle.id, {
      name: 'NAW 1',
      networks: ['192.168.9.0/24', 'fd00:9::/64'],
    });
    expect(changed).toMatchObject({ name: 'NAW 1', notes: 'new tyres', overlayAddresses: vehicle.overlayAddresses });
    expect(await registry.fleet.activeDevice(deviceId)).toMatchObject({
      vehicleName: 'NAW 1',
      prefixes: ['10.77.0.2/32', '192.168.9.0/24', 'fd00:9::/64'],
    });
    expect(registry.told.map(({ name }) => name)).toEqual(['vehicle-changed', 'vehicle-changed', 'device-active']);
  });

  it('share no network with another vehicle: the refusal names it', async () => {
    const registry = await testRegistry();
    const first = await create(registry, 'RTW 1', { networks: ['192.168.0.0/20', 'fd00:1::/48'] });
    const clash = {
      kind: 'conflict',
      code: 'network-taken',
      message: expect.stringContaining('"RTW 1" (192.168.0.0/20)'),
    };
    await expect(create(registry, 'RTW 2', { networks: ['192.168.7.0/24'] })).rejects.toMatchObject(clash);
    await expect(create(registry, 'RTW 2', { networks: ['fd00:1:0:5::/64'] })).rejects.toMatchObject({
      code: 'network-taken',
    });
    const second = await create(registry, 'RTW 2', { networks: ['192.168.16.0/24', 'fd00:2::/48'] });
    const move = registry.vehicles.update(registry.actor, second.id, { networks: ['192.168.0.0/16'] });
    await expect(move).rejects.toMatchObject(clash);
    // Its own present networks are no obstacle, and those of an archived vehicle are free.
    await registry.vehicles.update(registry.actor, second.id, { networks: ['192.168.16.0/23'] });
    await registry.vehicles.archive(registry.actor, first.id);
    await registry.vehicles.update(registry.actor, second.id, { networks: ['192.168.0.0/16'] });
    const others = await makeOrganisation(registry.database, 'Others');
    const foreign = { name: 'A', groupId: null, notes: '', networks: ['192.168.1.0/24'] };
    const refused = await registry.vehicles.create(others, foreign).catch((error) => error);
    expect(refused).toMatchObject({ code: 'network-taken' });
    expect(refused.message).not.toContain('RTW 2');
  });

  it('race for one network, and one gets it', async () => {
    const registry = await testRegistry();
    const attempts = ['A', 'B', 'C', 'D'].map((name) => create(registry, name, { networks: ['192.168.7.0/24'] }));
    const results = await Promise.allSettled(attempts);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it.each([
    [['192.168.7.1/24'], 'network-invalid'],
    [['192.168.7.0/24', '192.168.7.128/25'], 'networks-overlap'],
    [['10.77.9.0/24'], 'network-reserved'],
    [['0.0.0.0/0'], 'network-reserved'],
  ])('do not take the networks %j', async (networks, code) => {
    const registry = await testRegistry();
    await expect(create(registry, 'RTW 1', { networks })).rejects.toMatchObject({ kind: 'invalid', code });
  });

  it('are archived for good: seen when asked for, and nothing but name and notes may change', async () => {
    const registry = await testRegistry();
    const vehicle = await create(registry, 'RTW 1');
    await create(registry, 'RTW 2');
    await registry.vehicles.archive(registry.actor, vehicle.id);
    expect(await names(registry)).toEqual(['RTW 2']);
    expect(await names(registry, { archived: 'true' })).toEqual(['RTW 1']);
    expect(await registry.fleet.vehicle(vehicle.id)).toMatchObject({ archivedAt: expect.any(String) });
    const archived = { kind: 'conflict', code: 'vehicle-archived' };
    const uplink = { label: '', operator: '', iccid: null, monthlyCapBytes: null };
    const update = (change: Parameters<typeof registry.vehicles.update>[2]) =>
      registry.vehicles.update(registry.actor, vehicle.id, change);
    await expect(update({ networks: [] })).rejects.toMatchObject(archived);
    await expect(update({ groupId: null })).rejects.toMatchObject(archived);
    registry.told.length = 0;
    expect(await update({ name: 'RTW 1 (sold)' })).toMatchObject({ name: 'RTW 1 (sold)' });
    expect(registry.told).toEqual([]);
    expect(await create(registry, 'RTW 1')).toMatchObject({ name: 'RTW 1' });
    await expect(registry.vehicles.archive(registry.actor, vehicle.id)).rejects.toMatchObject(archived);
    await expect(registry.vehicles.putUplink(registry.actor, vehicle.id, 'w0', uplink)).rejects.toMatchObject(archived);
  });

  it('have uplinks that are described by the names of their interfaces', async () => {
    const registry = await testRegistry();
    const { id } = await create(registry, 'RTW 1');
    const sim = { label: 'roof', operator: 'Telekom', iccid: '89490200001234567890', monthlyCapBytes: 5e12 };
    const uplink = await registry.vehicles.putUplink(registry.actor, id, 'wwan0', sim);
    await registry.vehicles.putUplink(registry.actor, id, 'eth1', { ...sim, iccid: null, monthlyCapBytes: null });
    const again = await registry.vehicles.putUplink(registry.actor, id, 'wwan0', { ...sim, label: 'dashboard' });
    expect(again.id).toBe(uplink.id);
    const { uplinks } = await registry.fleet.vehicle(id);
    expect(uplinks).toMatchObject([{ name: 'eth1' }, { name: 'wwan0', label: 'dashboard', monthlyCapBytes: 5e12 }]);
    await registry.vehicles.deleteUplink(registry.actor, id, 'wwan0');
    const gone = registry.vehicles.deleteUplink(registry.actor, id, 'wwan0');
    await expect(gone).rejects.toMatchObject({ kind: 'not-found', code: 'uplink-unknown' });
  });
});

describe('lists of vehicles', () => {
  it('come in pages that stay right while vehicles come and go', async () => {
    const registry = await testRegistry();
    for (const name of ['B', 'D', 'F', 'H', 'J']) await create(registry, name);
    const first = await list(registry, { limit: 2 });
    expect(first.items.map(({ name }) => name)).toEqual(['B', 'D']);
    await create(registry, 'A');
    await create(registry, 'G');
    await registry.vehicles.archive(registry.actor, first.items[1]!.id);
    const second = await list(registry, { limit: 2, cursor: first.nextCursor });
    expect(second.items.map(({ name }) => name)).toEqual(['F', 'G']);
    const third = await list(registry, { limit: 2, cursor: second.nextCursor });
    expect(third.items.map(({ name }) => name)).toEqual(['H', 'J']);
    expect(third.nextCursor).toBeNull();
    await expect(list(registry, { cursor: 'no cursor' })).rejects.toMatchObject({ code: 'cursor-invalid' });
  });

  it('are searched by a part of the name, letter by letter', async () => {
    const registry = await testRegistry();
    for (const name of ['RTW 1', 'rtw 2', 'NEF_1', 'NEF 100%', 'NEF\\1']) await create(registry, name);
    expect(await names(registry, { search: 'rtw' })).toHaveLength(2);
    expect(await names(registry, { search: '_' })).toEqual(['NEF_1']);
    expect(await names(registry, { search: '%' })).toEqual(['NEF 100%']);
    expect(await names(registry, { search: '\\' })).toEqual(['NEF\\1']);
  });

  it('are filtered by group and by the state of the tunnel', async () => {
    const registry = await testRegistry();
    const group = await registry.groups.create(registry.actor, {
      name: 'City',
      description: '',
      requireApproval: false,
    });
    await create(registry, 'RTW 1', { groupId: group.id });
    await create(registry, 'RTW 2');
    expect(await names(registry, { groupId: group.id })).toEqual(['RTW 1']);
    expect(await names(registry, { tunnel: 'live' })).toEqual([]);
    expect(await names(registry, { tunnel: 'never', limit: 1 })).toEqual(['RTW 1']);
    const { nextCursor } = await list(registry, { tunnel: 'never', limit: 1 });
    expect(await names(registry, { tunnel: 'never', limit: 1, cursor: nextCursor })).toEqual(['RTW 2']);
  });

  it('hold one organisation only', async () => {
    const registry = await testRegistry();
    const { id } = await create(registry, 'RTW 1');
    const others = await makeOrganisation(registry.database, 'Others');
    expect(await registry.fleet.allVehicles(others.organisationId)).toEqual([]);
    expect(await registry.fleet.allVehicles(registry.actor.organisationId)).toHaveLength(1);
    const unknown = { kind: 'not-found', code: 'vehicle-unknown' };
    await expect(registry.fleet.vehicle(id, others.organisationId)).rejects.toMatchObject(unknown);
    await expect(registry.vehicles.update(others, id, { name: 'mine' })).rejects.toMatchObject(unknown);
    await expect(registry.vehicles.archive(others, id)).rejects.toMatchObject(unknown);
    const theirs = await registry.groups.create(others, { name: 'City', description: '', requireApproval: false });
    const foreignGroup = registry.vehicles.update(registry.actor, id, { groupId: theirs.id });
    await expect(foreignGroup).rejects.toMatchObject({ kind: 'not-found', code: 'group-unknown' });
  });
});

describe('groups', () => {
  const CITY = { name: 'City', description: 'inner ring', requireApproval: false };

  it('are created, changed, listed and deleted, and count their vehicles', async () => {
    const registry = await testRegistry();
    const { actor } = registry;
    const group = await registry.groups.create(actor, CITY);
    const vehicle = await create(registry, 'RTW 1', { groupId: group.id });
    expect(vehicle.group).toEqual({ id: group.id, name: 'City' });
    await expect(registry.groups.create(actor, CITY)).rejects.toMatchObject({ code: 'group-name-taken' });
    registry.told.length = 0;
    const renamed = await registry.groups.update(actor, group.id, { name: 'Centre', requireApproval: true });
    expect(renamed).toMatchObject({ ...CITY, name: 'Centre', requireApproval: true, vehicleCount: 1 });
    expect(registry.told.map(({ name }) => name)).toEqual(['group-changed', 'vehicle-changed']);
    expect((await registry.groups.list(PageQuery.parse({}), actor.organisationId)).items).toEqual([renamed]);

    const full = registry.groups.delete(actor, group.id);
    await expect(full).rejects.toMatchObject({ kind: 'conflict', code: 'group-not-empty' });
    await registry.vehicles.archive(actor, vehicle.id);
    await registry.groups.delete(actor, group.id);
    expect((await registry.fleet.vehicle(vehicle.id)).group).toBeNull();
    const gone = registry.groups.get(group.id, actor.organisationId);
    await expect(gone).rejects.toMatchObject({ kind: 'not-found', code: 'group-unknown' });
  });

  it('are of one organisation', async () => {
    const registry = await testRegistry();
    const group = await registry.groups.create(registry.actor, CITY);
    const others = await makeOrganisation(registry.database, 'Others');
    const attempts = [
      () => registry.groups.get(group.id, others.organisationId),
      () => registry.groups.update(others, group.id, { name: 'mine' }),
      () => registry.groups.delete(others, group.id),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ code: 'group-unknown' });
    expect(await registry.groups.renameOrganisation(others, 'Neighbours')).toMatchObject({ name: 'Neighbours' });
    expect(await registry.groups.organisation(registry.actor.organisationId)).toMatchObject({ name: 'Rescue' });
  });
});

describe('every change', () => {
  it('is in the audit log, with who made it, and a refused one is not', async () => {
    const registry = await testRegistry();
    const vehicle = await create(registry, 'RTW 1');
    await create(registry, 'RTW 1').catch(() => undefined);
    await registry.vehicles.update(registry.actor, vehicle.id, { notes: 'x' });
    await registry.vehicles.archive(registry.actor, vehicle.id);
    await registry.vehicles.archive(registry.actor, vehicle.id).catch(() => undefined);
    const entries = await registry.database.store.client.auditEntry.findMany({ orderBy: { id: 'asc' } });
    expect(entries.map(({ actor, action, target }) => [actor, action, target])).toEqual([
      ['alex', 'vehicle.created', `vehicle:${vehicle.id}`],
      ['alex', 'vehicle.changed', `vehicle:${vehicle.id}`],
      ['alex', 'vehicle.archived', `vehicle:${vehicle.id}`],
    ]);
  });
});

describe('active devices', () => {
  it('are answered from memory while the database is away', async () => {
    const registry = await testRegistry();
    const vehicle = await create(registry, 'RTW 1');
    const { deviceId, credentials } = await enrol(registry, vehicle);
    await takeAway(registry.database);
    expect(await registry.fleet.activeDevices()).toHaveLength(1);
    expect(await registry.fleet.vehicleOfDevice(deviceId)).toBe(vehicle.id);
    expect(await registry.tokens.verify(credentials!.accessToken)).toMatchObject({ deviceId });
    await expect(registry.fleet.vehicle(vehicle.id)).rejects.toThrow();
    // A process that has never read the registry says so, and does not say that there are none.
    const started = assemble(registry.database, registry.config, registry.keys);
    await expect(started.fleet.activeDevices()).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('follow the registry where another has changed it', async () => {
    const registry = await testRegistry();
    const { client } = registry.database.store;
    const [first, second] = [await create(registry, 'RTW 1'), await create(registry, 'RTW 2')];
    const [a, b] = [await enrol(registry, first), await enrol(registry, second)];
    registry.told.length = 0;
    await registry.active.compare();
    expect(registry.told).toEqual([]);
    await client.device.update({ where: { id: a.deviceId }, data: { state: 'revoked' } });
    await client.vehicle.update({ where: { id: second.id }, data: { networks: ['192.168.3.0/24'] } });
    await registry.active.compare();
    expect(registry.told).toMatchObject([
      { name: 'device-active', event: { deviceId: b.deviceId, prefixes: ['10.77.0.3/32', '192.168.3.0/24'] } },
      { name: 'device-revoked', event: { deviceId: a.deviceId } },
    ]);
    expect((await registry.fleet.activeDevices()).map(({ deviceId }) => deviceId)).toEqual([b.deviceId]);
  });
});
