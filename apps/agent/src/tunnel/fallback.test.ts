import type { Credentials } from '@corridor/contracts';
import { expect, test } from 'vitest';
import type { StoredDevice } from '../store/state.js';
import { fallbackOf } from './fallback.js';

const device = { url: 'https://203.0.113.10:8443', fingerprint: 'the-fingerprint' } as StoredDevice;
const tunnel = { addresses: ['10.77.0.2/16'], routes: [] };
const credentials = (api: string[]) => ({ api, tunnel }) as unknown as Credentials;

test.each([
  [['https://10.77.0.1:8443', 'https://gateway.example.org:8443'], 'https://gateway.example.org:8443/tunnel'],
  [['https://gateway.example.org/corridor/api/v1'], 'https://gateway.example.org/corridor/tunnel'],
  [['https://10.77.0.1:8443'], 'https://203.0.113.10:8443/tunnel'],
  [[], 'https://203.0.113.10:8443/tunnel'],
])('of the addresses %j the tunnel takes %s, never one inside itself', (api, url) => {
  expect(fallbackOf(device, credentials(api)).url).toBe(url);
});

test('the authority of the claim is the only one that counts, where there is one', () => {
  expect(fallbackOf(device, credentials([])).trust).toEqual({ kind: 'fingerprint', fingerprint: 'the-fingerprint' });
  expect(fallbackOf({ ...device, fingerprint: null }, credentials([])).trust).toEqual({ kind: 'public' });
});
