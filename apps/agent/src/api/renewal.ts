import { isIP } from 'node:net';
import type { Credentials, EnrolmentAnswer } from '@corridor/contracts';
import { parseWrittenPrefix, prefixContains } from '@corridor/tunnel-host';
import { AgentError } from '../errors.js';
import type { PrivateSigningKey, StoredDevice } from '../store/state.js';
import { GatewayApi, Refused, type Rotation } from './gateway-api.js';
import type { Trust } from './https.js';

/**
 * Base URLs in the order to try: what the gateway told, then the one of the enrolment. Those inside the tunnel come last
 * while there is none: each would cost the time of an answer that cannot come.
 */
export function apiUrls(device: StoredDevice, credentials: Credentials | undefined, tunnelStands: boolean): URL[] {
  const all = [...new Set([...(credentials?.api ?? []), device.url].map((text) => new URL(text).href))];
  const urls = all.map((text) => new URL(text));
  if (tunnelStands || credentials === undefined) return urls;
  const { addresses, routes } = credentials.tunnel;
  const inside = (url: URL) => [...addresses, ...routes].some((prefix) => holds(prefix, url.hostname));
  return [...urls.filter((url) => !inside(url)), ...urls.filter(inside)];
}

/**
 * Asks one base URL after the other. A refusal is the gateway's word and ends it; whoever cannot be reached is passed over.
 * @throws Refused, or AgentError of the last one that could not be reached.
 */
export async function renewAnywhere(
  device: StoredDevice,
  credentials: Credentials | undefined,
  identity: PrivateSigningKey,
  rotation: Rotation | undefined,
  tunnelStands: boolean,
  signal?: AbortSignal,
): Promise<EnrolmentAnswer> {
  const { fingerprint } = device;
  const authority = credentials?.authority ?? undefined;
  const trust: Trust = fingerprint === null ? { fingerprint } : { fingerprint, ...(authority && { authority }) };
  let last: unknown;
  for (const url of apiUrls(device, credentials, tunnelStands)) {
    try {
      return await new GatewayApi(url, trust, signal).renew(device.deviceId, identity, rotation);
    } catch (error) {
      // 5xx and 429: this door is closed just now, another may be open.
      if (error instanceof Refused && error.status < 500 && error.status !== 429) throw error;
      if (!(error instanceof AgentError)) throw error;
      last = error;
      if (signal?.aborted) break;
    }
  }
  throw last;
}

function holds(prefix: string, hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  const [net, one] = [parseWrittenPrefix(prefix), parseWrittenPrefix(`${host}/${isIP(host) === 6 ? 128 : 32}`)];
  return net !== undefined && one !== undefined && prefixContains(net, one);
}
