import { randomUUID } from 'node:crypto';
import { exportJWK, generateKeyPair } from 'jose';
import { makeKeyPair, publicJwk } from './dist/identity/keys.js';
import { State } from './dist/store/state.js';

const dir = process.argv[2];
const state = State.open(dir, console.error);
const keys = await makeKeyPair();
const other = await makeKeyPair();
const deviceId = randomUUID();
state.write('device', {
  url: 'https://192.0.2.1:8443/',
  fingerprint: 'x'.repeat(43),
  claimId: randomUUID(),
  deviceId,
  state: 'active',
  keys,
});
state.write('credentials', {
  kind: 'credentials',
  v: 1,
  deviceId,
  vehicleId: randomUUID(),
  vehicleName: 'RTW 1',
  organisation: 'Org',
  issuedAt: new Date().toISOString(),
  accessToken: 'a.b.c',
  expiresInSeconds: 900,
  api: ['https://10.77.0.1:8443'],
  authority: null,
  mqtt: { urls: ['mqtt://10.77.0.1:1883'], clientId: deviceId, username: 'u', password: null },
  tunnel: { gatewayPublicKey: other.tunnel, endpoints: ['127.0.0.1:4510'], addresses: ['10.77.0.2/16'], routes: [] },
  policyKeys: [{ ...publicJwk(other.identity), kid: 'k1' }],
});
