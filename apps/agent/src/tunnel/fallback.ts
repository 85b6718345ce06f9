import type { Credentials } from '@corridor/contracts';
import { FALLBACK_PATH, type VehicleFallbackOptions } from '@corridor/tunnel-host';
import { apiUrls } from '../api/renewal.js';
import type { StoredDevice } from '../store/state.js';

/**
 * Where the tunnel goes when UDP gets nowhere: to the gateway's HTTPS server, which is known from the enrolment and
 * judged as there, by the pinned authority and without a clock.
 */
export function fallbackOf(device: StoredDevice, credentials: Credentials): VehicleFallbackOptions {
  // Those inside the tunnel come last: the first can be reached without it.
  const [url] = apiUrls(device, credentials, false) as [URL, ...URL[]];
  const root = url.pathname.replace(/\/+$/, '').replace(/\/api\/v1$/, '');
  const { fingerprint } = device;
  return {
    url: new URL(`${root}${FALLBACK_PATH}`, url).href,
    trust: fingerprint === null ? { kind: 'public' } : { kind: 'fingerprint', fingerprint },
  };
}
