/** Endpoints and prefixes as configs write them, on the engine's own addresses. */
import {
  type AddressRecord,
  formatIp,
  formatPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '@corridor/tunnel/config';

export type Family = 4 | 6;

export interface Endpoint {
  readonly family: Family;
  /** Text without brackets. */
  readonly address: string;
  readonly port: number;
  /** The same for the engine, without a local address. */
  readonly record: AddressRecord;
}

/** "192.0.2.1:4510" or "[2001:db8::1]:4510"; undefined for anything else, and for port 0. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const record = parseAddress(text);
  if (record === undefined) return undefined;
  const family: Family = record[0] === 6 ? 6 : 4;
  const port = record[2] | (record[3] << 8);
  if (port === 0) return undefined;
  return { family, address: formatIp(record, 8, family), port, record };
}

/** Whether two prefixes share an address. */
export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && sameBits(a.address, b.address, Math.min(a.length, b.length));
}

/** Whether every address of `inner` lies in `outer`. */
export function prefixContains(outer: Prefix, inner: Prefix): boolean {
  return inner.length >= outer.length && prefixesOverlap(outer, inner);
}

function sameBits(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (a[whole] ^ b[whole]) >> (8 - rest) === 0;
}

/** The prefix with its host bits cleared, as the kernel wants it in routes. */
export function networkOf(prefix: Prefix): string {
  return formatPrefix({ ...prefix, address: prefix.address.map((byte, i) => byte & hostMask(prefix.length - i * 8)) });
}

function hostMask(bitsLeft: number): number {
  if (bitsLeft >= 8) return 0xff;
  return bitsLeft <= 0 ? 0 : (0xff << (8 - bitsLeft)) & 0xff;
}

/**
 * What to route into the tunnel for one configured prefix. A default route becomes two halves: they win over the
 * machine's own default route without replacing it, and vanish with the device.
 */
export function routeHalves(prefix: Prefix): string[] {
  if (prefix.length > 0) return [networkOf(prefix)];
  return prefix.family === 4 ? ['0.0.0.0/1', '128.0.0.0/1'] : ['::/1', '8000::/1'];
}

/** A prefix with its length written out: an address alone is more often a slip than meant. */
export function parseWrittenPrefix(text: string): Prefix | undefined {
  return text.includes('/') ? parsePrefix(text) : undefined;
}
