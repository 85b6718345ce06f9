import {
  Challenge,
  ClaimInfo,
  Command,
  CreatedClaim,
  Device,
  deviceTopic,
  EnrolmentAnswer,
  Group,
  Organisation,
  page,
  readDocument,
  Uplink,
  Vehicle,
} from '@corridor/contracts';
import { beforeAll, describe, expect, it } from 'vitest';
import { connectDevice, eventually, TestVehicle } from '../../test/devices.js';
import { startGateway, type TestGateway } from '../../test/gateway.js';
import { once } from '../../test/once.js';
import { TestPi } from '../../test/test-pi.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startGateway();
}, 90_000);

const api = (path: string) => `/api/v1/${path}`;
const NOBODY = '0192d3a0-0000-7000-8000-000000000001';

async function newVehicle(name: string, groupId: string | null = null): Promise<Vehicle> {
  const created = await gateway.admin.post(api('vehicles'), { name, groupId });
  expect(created.status, created.text).toBe(201);
  return Vehicle.parse(created.body);
}

async function newClaim(vehicleId: string): Promise<CreatedClaim> {
  const created = await gateway.admin.post(api(`vehicles/${vehicleId}/claims`), {});
  expect(created.status, created.text).toBe(201);
  return CreatedClaim.parse(created.body);
}

async function enrol(pi: TestPi, claim: string): Promise<EnrolmentAnswer> {
  const answer = await gateway.anonymous.post(api('enrolment'), { jws: await pi.enrolment(claim) });
  expect(answer.status, answer.text).toBe(200);
  return EnrolmentAnswer.parse(answer.body);
}

async function renew(pi: TestPi, deviceId: string) {
  const { body } = await gateway.anonymous.post(api('device/challenge'), { deviceId });
  const { challenge } = Challenge.parse(body);
  return gateway.anonymous.post(api('device/token'), { jws: await pi.proof(deviceId, challenge) });
}

describe('the registry over REST', () => {
  it('answers every route with the document that the contracts promise', async () => {
    const { admin } = gateway;
    const group = Group.parse((await admin.post(api('groups'), { name: 'City' })).body);
    const vehicle = await newVehicle('RTW 10', group.id);
    const put = await admin.put(api(`vehicles/${vehicle.id}/uplinks/wwan0`), { operator: 'Telekom' });
    const patched = await admin.patch(api(`vehicles/${vehicle.id}`), { notes: 'winter tyres' });
    const claim = await newClaim(vehicle.id);
    const { deviceId } = await enrol(await TestPi.make(), claim.claim);

    expect(Uplink.parse(put.body)).toMatchObject({ name: 'wwan0', operator: 'Telekom' });
    expect(Vehicle.parse(patched.body)).toMatchObject({ notes: 'winter tyres', group: { name: 'City' } });
    Organisation.parse((await admin.get(api('organisation'))).body);
    page(Group).parse((await admin.get(api('groups'))).body);
    Group.parse((await admin.patch(api(`groups/${group.id}`), { description: 'inner ring' })).body);
    page(Vehicle).parse((await admin.get(api('vehicles?search=rtw&limit=1'))).body);
    const shown = Vehicle.parse((await admin.get(api(`vehicles/${vehicle.id}`))).body);
    expect(shown).toMatchObject({ device: { id: deviceId }, uplinks: [{ name: 'wwan0' }] });
    const devices = page(Device).parse((await admin.get(api(`devices?vehicleId=${vehicle.id}`))).body);
    expect(devices.items).toEqual([Device.parse((await admin.get(api(`devices/${deviceId}`))).body)]);
    const claims = page(ClaimInfo).parse((await admin.get(api(`vehicles/${vehicle.id}/claims`))).body);
    expect(claims.items).toMatchObject([{ id: claim.id, state: 'used', usedByDeviceId: deviceId }]);
  });

  it.each([
    ['GET', `vehicles/${NOBODY}`, undefined, 404, 'vehicle-unknown'],
    ['PATCH', `vehicles/${NOBODY}`, { notes: '' }, 404, 'vehicle-unknown'],
    ['DELETE', `vehicles/${NOBODY}`, undefined, 404, 'vehicle-unknown'],
    ['GET', 'vehicles/no-id', undefined, 422, 'invalid'],
    ['GET', 'vehicles?limit=501', undefined, 422, 'invalid'],
    ['GET', 'vehicles?cursor=!', undefined, 422, 'cursor-invalid'],
    ['GET', 'vehicles?cursor=YQA', undefined, 422, 'cursor-invalid'],
    ['GET', 'devices?cursor=eno', undefined, 422, 'cursor-invalid'],
    ['GET', 'vehicles?search=%00', undefined, 422, 'invalid'],
    ['POST', 'vehicles', { name: 'A', notes: 'a\0b' }, 422, 'invalid'],
    ['POST', 'groups', { name: '\ud83d' }, 422, 'invalid'],
    ['POST', 'session', { username: 'a\0b', password: 'x' }, 422, 'invalid'],
    ['PUT', `vehicles/${NOBODY}/uplinks/w%00`, {}, 422, 'invalid'],
    ['POST', 'vehicles', { name: ' ' }, 422, 'invalid'],
    ['POST', 'vehicles', { name: 'A', networks: ['10.0.0.1'] }, 422, 'invalid'],
    ['POST', 'vehicles', { name: 'A', groupId: NOBODY }, 404, 'group-unknown'],
    ['GET', `groups/${NOBODY}`, undefined, 404, 'group-unknown'],
    ['DELETE', `groups/${NOBODY}`, undefined, 404, 'group-unknown'],
    ['GET', `devices/${NOBODY}`, undefined, 404, 'device-unknown'],
    ['POST', `devices/${NOBODY}/approve`, undefined, 404, 'device-unknown'],
    ['POST', `devices/${NOBODY}/revoke`, { reason: 'x' }, 404, 'device-unknown'],
    ['POST', `vehicles/${NOBODY}/claims`, {}, 404, 'vehicle-unknown'],
    ['GET', `vehicles/${NOBODY}/claims`, undefined, 404, 'vehicle-unknown'],
    ['DELETE', `claims/${NOBODY}`, undefined, 404, 'claim-unknown'],
  ])('refuses %s %s %j as a problem that says why', async (method, path, body, status, code) => {
    const answer = await gateway.admin.request(method, api(path), body);
    expect(answer.body, answer.text).toMatchObject({ status, code });
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });
});

describe('a Pi over REST', () => {
  it('enrols, renews, fetches its policy, and is refused everywhere else', async () => {
    const vehicle = await newVehicle('RTW 20');
    const pi = await TestPi.make();
    const { deviceId, credentials } = await enrol(pi, (await newClaim(vehicle.id)).claim);
    const renewed = await renew(pi, deviceId);
    expect(EnrolmentAnswer.parse(renewed.body)).toMatchObject({ state: 'active', deviceId });

    const device = gateway.anonymous.with({ authorization: `Bearer ${credentials!.accessToken}` });
    const policy = await eventuallyOk(() => device.get(api('device/policy')));
    expect(policy.body.jws).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
    for (const path of ['vehicles', `vehicles/${vehicle.id}`, 'session', 'audit', 'openapi.json']) {
      expect((await device.get(api(path))).status).toBe(401);
    }
    // And what is a device's own is no operator's.
    expect((await gateway.admin.get(api('device/policy'))).status).toBe(401);
  });

  it('is told why it is refused', async () => {
    const vehicle = await newVehicle('RTW 21');
    const { claim, id } = await newClaim(vehicle.id);
    const pi = await TestPi.make();
    const attempt = async (jws: string) => {
      const { status, body } = await gateway.anonymous.post(api('enrolment'), { jws });
      return [status, body.code];
    };
    expect(await attempt('no jws')).toEqual([422, 'invalid']);
    expect(await attempt('YQ.YQ.YQ')).toEqual([401, 'bad-signature']);
    await gateway.admin.delete(api(`claims/${id}`));
    expect(await attempt(await pi.enrolment(claim))).toEqual([410, 'claim-revoked']);
    const { claim: used } = await newClaim(vehicle.id);
    await enrol(await TestPi.make(), used);
    expect(await attempt(await pi.enrolment(used))).toEqual([410, 'claim-used']);
    const unknown = await renew(pi, NOBODY);
    expect(unknown.body).toMatchObject({ status: 401, code: 'device-unknown' });
  });

  it('waits for approval, and becomes a device when it has it', async () => {
    const group = (await gateway.admin.post(api('groups'), { name: 'Guarded', requireApproval: true })).body;
    const vehicle = await newVehicle('RTW 22', group.id);
    const pi = await TestPi.make();
    const { deviceId, state } = await enrol(pi, (await newClaim(vehicle.id)).claim);
    expect(state).toBe('pending');
    expect((await renew(pi, deviceId)).body).toMatchObject({ state: 'pending' });
    const dispatcher = await gateway.operator('dispatcher');
    expect((await dispatcher.post(api(`devices/${deviceId}/approve`))).status).toBe(403);
    const technician = await gateway.operator('technician');
    const approved = await technician.post(api(`devices/${deviceId}/approve`));
    expect(approved.body, approved.text).toMatchObject({ state: 'active' });
    expect((await renew(pi, deviceId)).body).toMatchObject({ state: 'active', credentials: { deviceId } });
  });

  it('is cut off when it is revoked: its MQTT session, its token, and every later attempt', async () => {
    const vehicle = await newVehicle('RTW 23');
    const pi = await TestPi.make();
    const { deviceId, credentials } = await enrol(pi, (await newClaim(vehicle.id)).claim);
    const { accessToken, mqtt } = credentials!;
    const device = { deviceId, vehicleId: vehicle.id, token: accessToken };
    const client = await connectDevice(mqtt.urls[0]!, device);
    const closed = once(client, 'close');

    const revoked = await gateway.admin.post(api(`devices/${deviceId}/revoke`), { reason: 'stolen' });
    expect(revoked.status, revoked.text).toBe(200);
    await closed;
    await expect(connectDevice(mqtt.urls[0]!, device)).rejects.toThrow();
    const request = gateway.anonymous.with({ authorization: `Bearer ${accessToken}` });
    expect((await request.get(api('device/policy'))).body).toMatchObject({ status: 401, code: 'device-revoked' });
    expect((await renew(pi, deviceId)).body).toMatchObject({ status: 401, code: 'device-revoked' });
  });

  it('is asked for new keys over MQTT, while it can be asked', async () => {
    const vehicle = await newVehicle('RTW 26');
    const { deviceId, credentials } = await enrol(await TestPi.make(), (await newClaim(vehicle.id)).claim);
    const ask = () => gateway.admin.post(api(`devices/${deviceId}/rotate-keys`));
    expect((await ask()).body).toMatchObject({ status: 409, code: 'device-offline' });

    const { accessToken: token, mqtt } = credentials!;
    const client = await connectDevice(mqtt.urls[0]!, { deviceId, vehicleId: vehicle.id, token });
    await client.subscribeAsync(deviceTopic(deviceId, 'command'), { qos: 1 });
    const told = once(client, 'message');
    expect((await ask()).status).toBe(202);
    const [, payload] = await told;
    expect(readDocument(Command, String(payload))).toMatchObject({
      ok: true,
      value: { command: 'rotate-keys', reason: 'asked by admin' },
    });
    await client.endAsync();
    await gateway.admin.post(api(`devices/${deviceId}/revoke`), { reason: 'lost' });
    expect((await ask()).body).toMatchObject({ status: 409, code: 'device-not-active' });
  });

  it('leaves by itself', async () => {
    const vehicle = await newVehicle('RTW 25');
    const pi = await TestPi.make();
    const { deviceId, credentials } = await enrol(pi, (await newClaim(vehicle.id)).claim);
    const device = gateway.anonymous.with({ authorization: `Bearer ${credentials!.accessToken}` });
    expect((await device.delete(api('device'))).status).toBe(204);
    expect((await device.delete(api('device'))).body).toMatchObject({ status: 401, code: 'device-revoked' });
    expect((await renew(pi, deviceId)).body).toMatchObject({ code: 'device-revoked' });
    expect((await gateway.admin.delete(api('device'))).status).toBe(401);
  });

  it('is followed by its replacement, which gets the policy of the vehicle', async () => {
    const vehicle = await newVehicle('RTW 24');
    const old = await enrol(await TestPi.make(), (await newClaim(vehicle.id)).claim);
    const { deviceId, credentials } = await enrol(await TestPi.make(), (await newClaim(vehicle.id)).claim);
    expect(deviceId).not.toBe(old.deviceId);
    const fresh = new TestVehicle(gateway, { deviceId, vehicleId: vehicle.id, token: credentials!.accessToken });
    await fresh.connect();
    await eventually(async () => {
      const { status } = Vehicle.parse((await gateway.admin.get(api(`vehicles/${vehicle.id}`))).body);
      return fresh.inForce > 0 && status.policy.state === 'applied';
    });
    await fresh.disconnect();
  });
});

async function eventuallyOk(request: () => ReturnType<TestGateway['admin']['get']>) {
  let answer = await request();
  await eventually(async () => {
    answer = await request();
    return answer.status === 200;
  });
  return answer;
}
