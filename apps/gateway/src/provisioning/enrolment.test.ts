import { Credentials } from '@corridor/contracts';
import { describe, expect, it } from 'vitest';
import { makeOrganisation, type TestRegistry, testRegistry, untilAvailable } from '../../test/registry.js';
import { signed, TestPi, testIdentity, testTunnelKey } from '../../test/test-pi.js';

const DAY = { expiresInSeconds: 86_400 };

async function vehicleWithClaim(registry: TestRegistry, name = 'RTW 1', groupId: string | null = null) {
  const vehicle = await registry.vehicles.create(registry.actor, { name, groupId, notes: '', networks: [] });
  return { vehicle, claim: await registry.claims.create(registry.actor, vehicle.id, DAY) };
}

describe('enrolment', () => {
  it('makes a Pi the device of the vehicle that its claim is for, and answers everything it needs', async () => {
    const registry = await testRegistry();
    const { vehicle, claim } = await vehicleWithClaim(registry);
    const pi = await TestPi.make();

    const answer = await registry.enrolment.enrol(await pi.enrolment(claim.claim));

    expect(answer.state).toBe('active');
    expect(Credentials.parse(answer.credentials)).toMatchObject({
      deviceId: answer.deviceId,
      vehicleId: vehicle.id,
      vehicleName: 'RTW 1',
      organisation: 'Rescue',
      expiresInSeconds: 900,
      api: ['https://10.77.0.1:8443', 'https://gateway.example:8443'],
      authority: registry.keys.authority!.certificatePem,
      mqtt: { clientId: answer.deviceId, password: null },
      tunnel: { gatewayPublicKey: registry.keys.tunnelPublicKey, addresses: ['10.77.0.2/16'] },
      policyKeys: registry.keys.policyKeys(),
    });
    const { device } = await registry.fleet.vehicle(vehicle.id);
    expect(device).toMatchObject({ id: answer.deviceId, state: 'active', tunnelPublicKey: pi.tunnelPublicKey });
    expect(registry.told).toContainEqual({
      name: 'device-active',
      event: {
        deviceId: answer.deviceId,
        vehicleId: vehicle.id,
        vehicleName: 'RTW 1',
        tunnelPublicKeys: [pi.tunnelPublicKey],
        prefixes: ['10.77.0.2/32'],
      },
    });
    expect(await registry.tokens.verify(answer.credentials!.accessToken)).toEqual({
      deviceId: answer.deviceId,
      vehicleId: vehicle.id,
    });
  });

  it('uses a claim once, for whoever came first', async () => {
    const registry = await testRegistry();
    const { claim } = await vehicleWithClaim(registry);
    const [first, second] = [await TestPi.make(), await TestPi.make()];
    await registry.enrolment.enrol(await first.enrolment(claim.claim));
    await expect(registry.enrolment.enrol(await second.enrolment(claim.claim))).rejects.toMatchObject({
      code: 'claim-used',
      kind: 'gone',
    });
  });

  it('lets exactly one of many win that race for one claim, and leaves nothing of the others', async () => {
    const registry = await testRegistry();
    const { vehicle, claim } = await vehicleWithClaim(registry);
    const pis = await Promise.all(Array.from({ length: 12 }, () => TestPi.make()));
    const requests = await Promise.all(pis.map((pi) => pi.enrolment(claim.claim)));
    const results = await Promise.allSettled(
      requests.map((jws) => untilAvailable(() => registry.enrolment.enrol(jws))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'claim-used' });
    }
    const devices = await registry.devices.list({ vehicleId: vehicle.id, limit: 100 }, registry.actor.organisationId);
    expect(devices.items).toHaveLength(1);
  });

  it('answers the same device to the same Pi when the first answer was lost', async () => {
    const registry = await testRegistry();
    const { claim } = await vehicleWithClaim(registry);
    const pi = await TestPi.make();
    const first = await registry.enrolment.enrol(await pi.enrolment(claim.claim));
    registry.told.length = 0;
    const again = await registry.enrolment.enrol(await pi.enrolment(claim.claim));
    expect(again).toMatchObject({ deviceId: first.deviceId, state: 'active' });
    expect(registry.told).toEqual([]);
    // With the same identity but another tunnel key it is another request.
    const other = await pi.enrolment(claim.claim, { tunnelPublicKey: testTunnelKey() });
    await expect(registry.enrolment.enrol(other)).rejects.toMatchObject({ code: 'claim-used' });
  });

  it('refuses an expired and a revoked claim by their names', async () => {
    const registry = await testRegistry();
    const { vehicle, claim: revoked } = await vehicleWithClaim(registry);
    const expired = await registry.claims.create(registry.actor, vehicle.id, { expiresInSeconds: 60 });
    await registry.claims.revoke(registry.actor, revoked.id);
    registry.clock.advance(60_000);
    const pi = await TestPi.make();
    const enrol = async (claim: string) => registry.enrolment.enrol(await pi.enrolment(claim));
    await expect(enrol(revoked.claim)).rejects.toMatchObject({ code: 'claim-revoked' });
    await expect(enrol(expired.claim)).rejects.toMatchObject({ code: 'claim-expired' });
    const { items } = await registry.claims.list(registry.actor.organisationId, vehicle.id, { limit: 10 });
    expect(items.map(({ id, state }) => [id, state])).toEqual([
      [expired.id, 'expired'],
      [revoked.id, 'revoked'],
    ]);
  });

  it('says the same to a wrong secret and to a claim that never was', async () => {
    const registry = await testRegistry();
    const { claim } = await vehicleWithClaim(registry);
    const { claim: other } = await vehicleWithClaim(registry, 'RTW 2');
    const pi = await TestPi.make();
    const wrongSecret = await pi.enrolment(claim.claim, { secret: other.claim.split('.')[2]! });
    const neverWas = await pi.enrolment(claim.claim, { claimId: registry.actor.organisationId });
    const errors = await Promise.all(
      [wrongSecret, neverWas].map((jws) => registry.enrolment.enrol(jws).catch((error) => error)),
    );
    expect(errors[0]).toMatchObject({ code: 'claim-unknown', kind: 'unauthenticated' });
    expect(errors[1].message).toBe(errors[0].message);
  });

  it('refuses what is not signed by the key in its header, or not a JWS with EdDSA', async () => {
    const registry = await testRegistry();
    const { claim } = await vehicleWithClaim(registry);
    const [pi, other] = [await TestPi.make(), await testIdentity()];
    const good = await pi.enrolment(claim.claim);
    const [head, body, signature] = good.split('.') as [string, string, string];
    const header = (fields: object) => Buffer.from(JSON.stringify(fields)).toString('base64url');
    const forged = [
      `${head}.${body}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
      `${header({ alg: 'EdDSA', jwk: other.jwk })}.${body}.${signature}`,
      `${header({ alg: 'none', jwk: pi.identity.jwk })}.${body}.${signature}`,
      `${header({ alg: 'HS256', jwk: { kty: 'oct', k: 'AAAA' } })}.${body}.${signature}`,
      `${header({ alg: 'EdDSA' })}.${body}.${signature}`,
    ];
    for (const jws of forged) {
      await expect(registry.enrolment.enrol(jws)).rejects.toMatchObject({ code: 'bad-signature' });
    }
    const otherDocument = await signed(pi.identity, { kind: 'proof-of-possession', v: 1 });
    await expect(registry.enrolment.enrol(otherDocument)).rejects.toMatchObject({ code: 'document-wrong-kind' });
    const future = await signed(pi.identity, { kind: 'enrolment-request', v: 9 });
    await expect(registry.enrolment.enrol(future)).rejects.toMatchObject({ code: 'document-unknown-version' });
    // None of them used the claim.
    expect(await registry.enrolment.enrol(good)).toMatchObject({ state: 'active' });
  });

  it('takes no key that a device has already, in whatever spelling', async () => {
    const registry = await testRegistry();
    const { claim: first } = await vehicleWithClaim(registry, 'RTW 1');
    const { claim: second } = await vehicleWithClaim(registry, 'RTW 2');
    const [pi, thief] = [await TestPi.make(), await TestPi.make()];
    await registry.enrolment.enrol(await pi.enrolment(first.claim));
    // The last character before the padding has two bits that count for nothing.
    const spelled = respelled(pi.tunnelPublicKey);
    expect(Buffer.from(spelled, 'base64')).toEqual(Buffer.from(pi.tunnelPublicKey, 'base64'));
    for (const tunnelPublicKey of [pi.tunnelPublicKey, spelled]) {
      const jws = await thief.enrolment(second.claim, { tunnelPublicKey });
      await expect(registry.enrolment.enrol(jws)).rejects.toMatchObject({ code: 'key-taken' });
    }
    const sameIdentity = await pi.enrolment(second.claim, { tunnelPublicKey: testTunnelKey() });
    await expect(registry.enrolment.enrol(sameIdentity)).rejects.toMatchObject({ code: 'key-taken' });
    expect(await registry.enrolment.enrol(await thief.enrolment(second.claim))).toMatchObject({ state: 'active' });
  });

  it('tells the data caps of the registry, and only those', async () => {
    const registry = await testRegistry();
    const { vehicle, claim } = await vehicleWithClaim(registry);
    const known = { label: '', operator: 'Telekom', iccid: null };
    await registry.vehicles.putUplink(registry.actor, vehicle.id, 'wwan0', { ...known, monthlyCapBytes: 5e12 });
    await registry.vehicles.putUplink(registry.actor, vehicle.id, 'eth0', { ...known, monthlyCapBytes: null });
    const { credentials } = await registry.enrolment.enrol(await (await TestPi.make()).enrolment(claim.claim));
    expect(Credentials.parse(credentials).uplinks).toEqual([{ name: 'wwan0', monthlyCapBytes: 5e12 }]);
  });

  it('replaces hardware: the new device ends the one before it', async () => {
    const registry = await testRegistry();
    const { vehicle, claim } = await vehicleWithClaim(registry);
    const old = await registry.enrolment.enrol(await (await TestPi.make()).enrolment(claim.claim));
    const next = await registry.claims.create(registry.actor, vehicle.id, DAY);
    registry.told.length = 0;
    const fresh = await registry.enrolment.enrol(await (await TestPi.make()).enrolment(next.claim));
    expect(registry.told.map(({ name }) => name)).toEqual(['device-revoked', 'device-active', 'vehicle-changed']);
    expect(registry.broker.revoked).toEqual([old.deviceId]);
    await expect(registry.tokens.verify(old.credentials!.accessToken)).rejects.toMatchObject({
      code: 'device-revoked',
    });
    expect((await registry.fleet.vehicle(vehicle.id)).device).toMatchObject({ id: fresh.deviceId });
    // The vehicle keeps its address.
    expect(fresh.credentials!.tunnel.addresses).toEqual(old.credentials!.tunnel.addresses);
  });

  it('waits for approval where the group asks for it, and cuts the present device only then', async () => {
    const registry = await testRegistry();
    const { actor } = registry;
    const group = await registry.groups.create(actor, { name: 'City', description: '', requireApproval: true });
    const { vehicle, claim } = await vehicleWithClaim(registry, 'RTW 1', group.id);
    const pi = await TestPi.make();
    const first = await registry.enrolment.enrol(await pi.enrolment(claim.claim));
    expect(first).toMatchObject({ state: 'pending', retryAfterSeconds: expect.any(Number) });
    expect(first.credentials).toBeUndefined();
    expect(await registry.fleet.activeDevices()).toEqual([]);
    expect(await askAgain(registry, pi, first.deviceId)).toMatchObject({ state: 'pending' });

    const approved = await registry.lifecycle.approve(actor, first.deviceId);
    expect(approved).toMatchObject({ state: 'active', approvedAt: expect.any(String) });
    expect(await askAgain(registry, pi, first.deviceId)).toMatchObject({ state: 'active' });
    await expect(registry.lifecycle.approve(actor, first.deviceId)).rejects.toMatchObject({
      code: 'device-not-pending',
    });

    const next = await registry.claims.create(actor, vehicle.id, DAY);
    const waiting = await registry.enrolment.enrol(await (await TestPi.make()).enrolment(next.claim));
    expect((await registry.fleet.activeDevices()).map(({ deviceId }) => deviceId)).toEqual([first.deviceId]);
    expect((await registry.fleet.vehicle(vehicle.id)).device).toMatchObject({ id: waiting.deviceId, state: 'pending' });
    await registry.lifecycle.approve(actor, waiting.deviceId);
    expect((await registry.fleet.activeDevices()).map(({ deviceId }) => deviceId)).toEqual([waiting.deviceId]);
  });

  it('belongs to one organisation: nobody else sees or decides anything of it', async () => {
    const registry = await testRegistry();
    const { vehicle, claim } = await vehicleWithClaim(registry);
    const { deviceId } = await registry.enrolment.enrol(await (await TestPi.make()).enrolment(claim.claim));
    const open = await registry.claims.create(registry.actor, vehicle.id, DAY);
    const stranger = await makeOrganisation(registry.database, 'Others');
    const attempts = [
      () => registry.claims.create(stranger, vehicle.id, DAY),
      () => registry.claims.list(stranger.organisationId, vehicle.id, { limit: 10 }),
      () => registry.claims.revoke(stranger, open.id),
      () => registry.lifecycle.approve(stranger, deviceId),
      () => registry.lifecycle.revoke(stranger, deviceId, 'mine now'),
      () => registry.devices.get(deviceId, stranger.organisationId),
    ];
    for (const attempt of attempts) await expect(attempt()).rejects.toMatchObject({ kind: 'not-found' });
    expect(await registry.fleet.activeDevice(deviceId)).toBeDefined();
  });

  it('keeps no secret: neither the database nor the audit log has the claim', async () => {
    const registry = await testRegistry();
    const { claim } = await vehicleWithClaim(registry);
    await registry.enrolment.enrol(await (await TestPi.make()).enrolment(claim.claim));
    const secret = claim.claim.split('.')[2]!;
    const { client } = registry.database.store;
    const rows = JSON.stringify([await client.claim.findMany(), await client.auditEntry.findMany()]);
    expect(rows).not.toContain(secret);
    expect(rows).not.toContain(Buffer.from(secret, 'base64url').toString('base64'));
    const actions = await client.auditEntry.findMany({ orderBy: { id: 'asc' } });
    expect(actions.map(({ action }) => action)).toEqual(['vehicle.created', 'claim.created', 'device.enrolled']);
    expect(claim.command).toBe(`corridor-agent enroll https://gateway.example:8443 ${claim.claim}`);
    expect(claim.qrSvg).toMatch(/^<svg [^>]*viewBox/);
  });
});

async function askAgain(registry: TestRegistry, pi: TestPi, deviceId: string) {
  const { challenge } = registry.access.challenge(deviceId);
  return registry.access.token(await pi.proof(deviceId, challenge));
}

/** The same 32 bytes in other characters. */
function respelled(key: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const last = alphabet.indexOf(key[42]!);
  return `${key.slice(0, 42)}${alphabet[last ^ 1]}=`;
}
