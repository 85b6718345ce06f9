import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { KeyRing } from '../src/kernel/key-ring.js';
import { DeviceTokens } from '../src/provisioning/device-tokens.js';
import { enrolVehicle } from './enrol-vehicle.js';
import { startGateway, type TestGateway } from './gateway.js';

let gateway: TestGateway;
let device: { deviceId: string; vehicleId: string };

beforeAll(async () => {
  gateway = await startGateway();
  device = await enrolVehicle(gateway);
}, 60_000);

const bearer = (token: string) => gateway.anonymous.with({ authorization: `Bearer ${token}` });

describe('a device token', () => {
  const path = '/api/v1/device/policy';
  const claims = () => ({ sub: device.deviceId, vehicle: device.vehicleId });
  const refused = async (token: string, code = 'token-invalid') => {
    const answer = await bearer(token).get(path);
    expect([answer.status, answer.body.code]).toEqual([401, code]);
  };
  const jwt = (header: { alg: string; jwk?: JWK }, audience = 'corridor-device') =>
    new SignJWT(claims())
      .setProtectedHeader({ typ: 'JWT', ...header })
      .setIssuer('corridor-gateway')
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('1m');

  it('opens the route that is for devices', async () => {
    const answer = await bearer(await gateway.get(DeviceTokens).sign(device, 60)).get(path);
    expect(answer.body.code ?? 'policy').toMatch(/^policy/);
  });

  it('is refused without a signature (alg none)', async () => {
    const unsigned = new UnsecuredJWT(claims()).setIssuer('corridor-gateway').setAudience('corridor-device');
    await refused(unsigned.setIssuedAt().setExpirationTime('1m').encode());
  });

  it('is refused with HS256, whichever public text is its secret', async () => {
    const keys = gateway.get(KeyRing);
    const publicTexts = [keys.policyKeys()[0]!.x, keys.tunnelPublicKey, keys.authority!.certificatePem];
    for (const text of publicTexts) await refused(await jwt({ alg: 'HS256' }).sign(Buffer.from(text)));
    await refused(await jwt({ alg: 'HS256' }).sign(Buffer.from(publicTexts[0]!, 'base64url')));
  });

  it('is refused of another key, also one in its own header', async () => {
    const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true });
    await refused(await jwt({ alg: 'EdDSA' }).sign(privateKey));
    const withKey = jwt({ alg: 'EdDSA', jwk: await exportJWK(publicKey) });
    await refused(await withKey.sign(privateKey));
  });

  it('is refused for another audience, and after its time', async () => {
    const keys = gateway.get(KeyRing);
    await refused(await keys.signToken(claims(), { audience: 'corridor-console', expiresInSeconds: 60 }));
    await refused(await keys.signToken(claims(), { audience: 'corridor-device', expiresInSeconds: -1 }));
  });

  it('is refused when it is a policy: the same algorithm, another key and purpose', async () => {
    const now = Math.floor(Date.now() / 1000);
    const payload = { ...claims(), iss: 'corridor-gateway', aud: 'corridor-device', iat: now, exp: now + 60 };
    await refused(await gateway.get(KeyRing).signPolicy(payload));
  });

  it('is refused for a device that does not exist, and from the moment of its revocation', async () => {
    const tokens = gateway.get(DeviceTokens);
    await refused(await tokens.sign({ deviceId: randomUUID(), vehicleId: device.vehicleId }, 60), 'device-revoked');
    const revoked = await enrolVehicle(gateway);
    const token = await tokens.sign(revoked, 60);
    expect((await bearer(token).get(path)).status).not.toBe(401);
    await gateway.admin.post(`/api/v1/devices/${revoked.deviceId}/revoke`, { reason: 'stolen' });
    await refused(token, 'device-revoked');
  });
});
