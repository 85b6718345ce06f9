import { describe, expect, it } from 'vitest';
import { assemble, type TestRegistry, testRegistry } from '../../test/registry.js';
import { type TestIdentity, TestPi, testIdentity, testTunnelKey } from '../../test/test-pi.js';

async function enrolled(registry: TestRegistry, name = 'RTW 1') {
  const vehicle = await registry.vehicles.create(registry.actor, { name, groupId: null, notes: '', networks: [] });
  const { claim } = await registry.claims.create(registry.actor, vehicle.id, { expiresInSeconds: 3600 });
  const pi = await TestPi.make();
  const { deviceId, credentials } = await registry.enrolment.enrol(await pi.enrolment(claim));
  return { vehicle, pi, deviceId, credentials: credentials! };
}

/** A whole renewal: challenge and proof, signed by the Pi's first key or by another. */
async function renew(
  registry: Pick<TestRegistry, 'access'>,
  pi: TestPi,
  deviceId: string,
  next = {},
  by?: TestIdentity,
) {
  const { challenge } = registry.access.challenge(deviceId);
  return registry.access.token(await pi.proof(deviceId, challenge, next, by));
}

async function tunnelKeys(registry: TestRegistry, deviceId: string) {
  return (await registry.fleet.activeDevice(deviceId))?.tunnelPublicKeys;
}

describe('proof of possession', () => {
  it('renews credentials, each time with a new token', async () => {
    const registry = await testRegistry();
    const { pi, deviceId, credentials } = await enrolled(registry);
    registry.clock.advance(10 * 60_000);
    const answer = await renew(registry, pi, deviceId);
    expect(answer).toMatchObject({ state: 'active', deviceId });
    const later = Date.parse(answer.credentials!.issuedAt) - Date.parse(credentials.issuedAt);
    expect(later).toBeGreaterThanOrEqual(10 * 60_000);
    const { device } = await registry.fleet.vehicle(credentials.vehicleId);
    expect(device!.credentialsRenewedAt).not.toBeNull();
  });

  it('notes which agent runs now', async () => {
    const registry = await testRegistry();
    const { pi, vehicle, deviceId } = await enrolled(registry);
    await renew(registry, pi, deviceId, { agentVersion: '0.2.0' });
    expect((await registry.fleet.vehicle(vehicle.id)).device).toMatchObject({ agentVersion: '0.2.0' });
    await renew(registry, pi, deviceId);
    expect((await registry.fleet.vehicle(vehicle.id)).device).toMatchObject({ agentVersion: '0.2.0' });
  });

  it('takes a challenge once', async () => {
    const registry = await testRegistry();
    const { pi, deviceId } = await enrolled(registry);
    const { challenge } = registry.access.challenge(deviceId);
    const proof = await pi.proof(deviceId, challenge);
    expect(await registry.access.token(proof)).toMatchObject({ state: 'active' });
    const refused = { code: 'challenge-unknown', kind: 'unauthenticated' };
    await expect(registry.access.token(proof)).rejects.toMatchObject(refused);
    await expect(registry.access.token(await pi.proof(deviceId, challenge))).rejects.toMatchObject(refused);
  });

  it('lets one of two proofs with one challenge through when they come at once', async () => {
    const registry = await testRegistry();
    const { pi, deviceId } = await enrolled(registry);
    const { challenge } = registry.access.challenge(deviceId);
    const proof = await pi.proof(deviceId, challenge);
    const results = await Promise.allSettled([registry.access.token(proof), registry.access.token(proof)]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('takes no challenge that is older than a minute, made up, or of another device', async () => {
    const registry = await testRegistry();
    const { pi, deviceId } = await enrolled(registry);
    const other = await enrolled(registry, 'RTW 2');
    const { challenge: old } = registry.access.challenge(deviceId);
    registry.clock.advance(60_000);
    const { challenge: foreign } = registry.access.challenge(other.deviceId);
    const { challenge: fresh } = registry.access.challenge(deviceId);
    const changed = `${fresh.startsWith('A') ? 'B' : 'A'}${fresh.slice(1)}`;
    for (const challenge of [old, foreign, changed, 'A'.repeat(75), 'A'.repeat(22)]) {
      const proof = await pi.proof(deviceId, challenge);
      await expect(registry.access.token(proof)).rejects.toMatchObject({ code: 'challenge-unknown' });
    }
  });

  it('takes no challenge from before the gateway was started again', async () => {
    const registry = await testRegistry();
    const { pi, deviceId } = await enrolled(registry);
    const { challenge } = registry.access.challenge(deviceId);
    const proof = await pi.proof(deviceId, challenge);
    const next = assemble(registry.database, registry.config, registry.keys);
    await expect(next.access.token(proof)).rejects.toMatchObject({ code: 'challenge-unknown' });
    expect(await renew(next, pi, deviceId)).toMatchObject({ state: 'active' });
  });

  it('refuses another key than the device has, and a device that does not exist', async () => {
    const registry = await testRegistry();
    const { pi, deviceId } = await enrolled(registry);
    const stranger = await testIdentity();
    await expect(renew(registry, pi, deviceId, {}, stranger)).rejects.toMatchObject({ code: 'bad-signature' });
    const nobody = '0192d3a0-0000-7000-8000-000000000001';
    await expect(renew(registry, pi, nobody)).rejects.toMatchObject({ code: 'device-unknown' });
  });

  it('does not waste a challenge on a proof that somebody else signed', async () => {
    const registry = await testRegistry();
    const { pi, deviceId } = await enrolled(registry);
    const { challenge } = registry.access.challenge(deviceId);
    const forged = await pi.proof(deviceId, challenge, {}, await testIdentity());
    await expect(registry.access.token(forged)).rejects.toMatchObject({ code: 'bad-signature' });
    expect(await registry.access.token(await pi.proof(deviceId, challenge))).toMatchObject({ state: 'active' });
  });
});

describe('rotation', () => {
  it('keeps old and new keys side by side until the first proof with the new one, then only the new', async () => {
    const registry = await testRegistry();
    const { pi, deviceId } = await enrolled(registry);
    const [next, tunnelKey] = [await testIdentity(), testTunnelKey()];
    const keys = { nextIdentityKey: next.jwk, nextTunnelPublicKey: tunnelKey };

    expect(await renew(registry, pi, deviceId, keys)).toMatchObject({ state: 'active' });
    expect(await tunnelKeys(registry, deviceId)).toEqual([pi.tunnelPublicKey, tunnelKey]);
    // The old key is as good as before, and asking twice (the answer was lost) changes nothing.
    expect(await renew(registry, pi, deviceId)).toMatchObject({ state: 'active' });
    expect(await renew(registry, pi, deviceId, keys)).toMatchObject({ state: 'active' });
    expect(await tunnelKeys(registry, deviceId)).toEqual([pi.tunnelPublicKey, tunnelKey]);

    expect(await renew(registry, pi, deviceId, {}, next)).toMatchObject({ state: 'active', deviceId });
    expect(await tunnelKeys(registry, deviceId)).toEqual([tunnelKey]);
    await expect(renew(registry, pi, deviceId)).rejects.toMatchObject({ code: 'bad-signature' });
    expect(await renew(registry, pi, deviceId, {}, next)).toMatchObject({ state: 'active' });
  });

  it('goes back: a device that lost its next keys goes on with the old ones and chooses others', async () => {
    const registry = await testRegistry();
    const { pi, deviceId } = await enrolled(registry);
    const [lost, second] = [await testIdentity(), await testIdentity()];
    const [lostKey, secondKey] = [testTunnelKey(), testTunnelKey()];
    await renew(registry, pi, deviceId, { nextIdentityKey: lost.jwk, nextTunnelPublicKey: lostKey });
    await renew(registry, pi, deviceId, { nextIdentityKey: second.jwk, nextTunnelPublicKey: secondKey });
    await expect(renew(registry, pi, deviceId, {}, lost)).rejects.toMatchObject({ code: 'bad-signature' });
    expect(await tunnelKeys(registry, deviceId)).toEqual([pi.tunnelPublicKey, secondKey]);
    await renew(registry, pi, deviceId, {}, second);
    expect(await tunnelKeys(registry, deviceId)).toEqual([secondKey]);
  });

  it('may change the identity alone, but not the tunnel key alone', async () => {
    const registry = await testRegistry();
    const { pi, deviceId } = await enrolled(registry);
    const next = await testIdentity();
    const tunnelOnly = renew(registry, pi, deviceId, { nextTunnelPublicKey: testTunnelKey() });
    await expect(tunnelOnly).rejects.toMatchObject({ code: 'rotation-incomplete' });
    await renew(registry, pi, deviceId, { nextIdentityKey: next.jwk });
    await renew(registry, pi, deviceId, {}, next);
    expect(await tunnelKeys(registry, deviceId)).toEqual([pi.tunnelPublicKey]);
  });

  it('takes no key of another device, be it its present or its next one', async () => {
    const registry = await testRegistry();
    const { pi, deviceId } = await enrolled(registry);
    const other = await enrolled(registry, 'RTW 2');
    const [othersNext, othersNextKey] = [await testIdentity(), testTunnelKey()];
    const keys = { nextIdentityKey: othersNext.jwk, nextTunnelPublicKey: othersNextKey };
    await renew(registry, other.pi, other.deviceId, keys);
    const free = await testIdentity();
    const stolen = [
      { nextIdentityKey: other.pi.identity.jwk },
      { nextIdentityKey: othersNext.jwk },
      { nextIdentityKey: free.jwk, nextTunnelPublicKey: other.pi.tunnelPublicKey },
      { nextIdentityKey: free.jwk, nextTunnelPublicKey: othersNextKey },
    ];
    for (const next of stolen) {
      await expect(renew(registry, pi, deviceId, next)).rejects.toMatchObject({ code: 'key-taken' });
    }
    expect(await tunnelKeys(registry, deviceId)).toEqual([pi.tunnelPublicKey]);
  });
});

describe('revocation', () => {
  it('has cut tunnel, MQTT and API when it answers', async () => {
    const registry = await testRegistry();
    const { pi, vehicle, deviceId, credentials } = await enrolled(registry);
    registry.told.length = 0;
    const device = await registry.lifecycle.revoke(registry.actor, deviceId, 'stolen');
    expect(device).toMatchObject({ state: 'revoked', revokedReason: 'stolen' });
    expect(registry.told[0]).toEqual({
      name: 'device-revoked',
      event: { deviceId, vehicleId: vehicle.id, reason: 'stolen' },
    });
    expect(registry.broker.revoked).toEqual([deviceId]);
    expect(await registry.fleet.activeDevice(deviceId)).toBeUndefined();
    await expect(registry.tokens.verify(credentials.accessToken)).rejects.toMatchObject({ code: 'device-revoked' });
    await expect(renew(registry, pi, deviceId)).rejects.toMatchObject({ code: 'device-revoked' });
  });

  it('comes before a reading of the registry that began earlier', async () => {
    const registry = await testRegistry();
    const { vehicle, deviceId } = await enrolled(registry);
    registry.told.length = 0;
    const announced = registry.announcements.active(vehicle.id);
    registry.announcements.revoked(deviceId, vehicle.id, 'stolen');
    await announced;
    expect(registry.told.map(({ name }) => name)).toEqual(['device-revoked']);
  });

  it('shuts out a device that the broker was letting in meanwhile', async () => {
    const registry = await testRegistry();
    const { pi, deviceId } = await enrolled(registry);
    registry.broker.onGrant = async () => {
      await registry.lifecycle.revoke(registry.actor, deviceId, 'stolen');
      registry.broker.revoked.push('let in');
    };
    await expect(renew(registry, pi, deviceId)).rejects.toMatchObject({ code: 'device-revoked' });
    expect(registry.broker.revoked).toEqual([deviceId, 'let in', deviceId]);
  });

  it('is for good: approval, enrolment with the same keys and a rotation do not undo it', async () => {
    const registry = await testRegistry();
    const { pi, vehicle, deviceId } = await enrolled(registry);
    await registry.lifecycle.revoke(registry.actor, deviceId, 'lost');
    await expect(registry.lifecycle.approve(registry.actor, deviceId)).rejects.toMatchObject({
      code: 'device-not-pending',
    });
    const { claim } = await registry.claims.create(registry.actor, vehicle.id, { expiresInSeconds: 60 });
    await expect(registry.enrolment.enrol(await pi.enrolment(claim))).rejects.toMatchObject({ code: 'key-taken' });
    const next = { nextIdentityKey: (await testIdentity()).jwk };
    await expect(renew(registry, pi, deviceId, next)).rejects.toMatchObject({ code: 'device-revoked' });
    // Again: nothing else happens, and the first reason stays.
    expect(await registry.lifecycle.revoke(registry.actor, deviceId, 'again')).toMatchObject({ revokedReason: 'lost' });
  });

  it("may be the device's own wish", async () => {
    const registry = await testRegistry();
    const { pi, vehicle, deviceId } = await enrolled(registry);
    await registry.lifecycle.leave({ kind: 'device', deviceId, vehicleId: vehicle.id });
    expect(registry.broker.revoked).toEqual([deviceId]);
    expect((await registry.fleet.vehicle(vehicle.id)).device).toMatchObject({
      state: 'revoked',
      revokedReason: 'unenrolled on the device',
    });
    await expect(renew(registry, pi, deviceId)).rejects.toMatchObject({ code: 'device-revoked' });
    const [entry] = await registry.database.store.client.auditEntry.findMany({ where: { action: 'device.revoked' } });
    expect(entry).toMatchObject({ actor: deviceId, organisationId: registry.actor.organisationId });
  });

  it('goes with the vehicle: archiving ends its devices and its open claims', async () => {
    const registry = await testRegistry();
    const { vehicle, deviceId, credentials } = await enrolled(registry);
    const { claim } = await registry.claims.create(registry.actor, vehicle.id, { expiresInSeconds: 60 });
    registry.told.length = 0;
    await registry.vehicles.archive(registry.actor, vehicle.id);
    expect(registry.told.map(({ name }) => name)).toEqual(['device-revoked', 'vehicle-removed']);
    expect(registry.broker.revoked).toEqual([deviceId]);
    await expect(registry.tokens.verify(credentials.accessToken)).rejects.toMatchObject({ code: 'device-revoked' });
    const late = await (await TestPi.make()).enrolment(claim);
    await expect(registry.enrolment.enrol(late)).rejects.toMatchObject({ code: 'claim-revoked' });
    const another = registry.claims.create(registry.actor, vehicle.id, { expiresInSeconds: 60 });
    await expect(another).rejects.toMatchObject({ code: 'vehicle-archived' });
  });
});
