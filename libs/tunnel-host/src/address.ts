/** Addresses, endpoints and prefixes between text and bytes. */
import { isIP } from 'node:net';
import { ADDRESS_BYTES, type AddressRecord } from '@corridor/tunnel';

export type Family = 4 | 6;

export interface Endpoint {
  readonly family: Family;
  /** Without brackets. */
  readonly address: string;
  readonly port: number;
}

export interface Prefix {
  readonly family: Family;
  readonly address: string;
  readonly length: number;
  /** 4 or 16 bytes of the address, host bits included. */
  readonly bytes: Uint8Array;
}

/** "192.0.2.1:4510" or "[2001:db8::1]:4510"; undefined for anything else. Port 0 only with `anyPort`. */
export function parseEndpoint(text: string, anyPort = false): Endpoint | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text);
  if (!match) return undefined;
  const family: Family = match[1] === undefined ? 4 : 6;
  const address = match[1] ?? match[2] ?? '';
  const port = Number(match[3]);
  if (isIP(address) !== family || port > 65535 || (port === 0 && !anyPort)) return undefined;
  return { family, address, port };
}

/** "10.77.0.2/24" or "fd77::2/64"; undefined for anything else. Host bits may be set. */
export function parsePrefix(text: string): Prefix | undefined {
  const match = /^([0-9a-fA-F:.]+)\/(\d{1,3})$/.exec(text);
  if (!match) return undefined;
  const address = match[1] ?? '';
  const length = Number(match[2]);
  const family = isIP(address);
  if (family === 0 || length > (family === 4 ? 32 : 128)) return undefined;
  return { family: family as Family, address, length, bytes: addressBytes(address) };
}

/** 4 or 16 bytes of a valid address. */
export function addressBytes(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split('.'), Number);
  const bytes = new Uint8Array(16);
  const [head = '', tail] = address.split('::');
  const front = hextets(head);
  const back = tail === undefined ? [] : hextets(tail);
  bytes.set(front);
  bytes.set(back, 16 - back.length);
  return bytes;
}

/** Bytes of "a:b:1.2.3.4", the colon-separated part of an IPv6 address. */
function hextets(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

/** Whether two prefixes share an address. */
export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  return a.family === b.family && sameBits(a.bytes, b.bytes, Math.min(a.length, b.length));
}

/** Whether every address of `inner` lies in `outer`. */
export function prefixContains(outer: Prefix, inner: Prefix): boolean {
  return inner.length >= outer.length && prefixesOverlap(outer, inner);
}

function sameBits(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (((a[whole] ?? 0) ^ (b[whole] ?? 0)) >> (8 - rest)) === 0;
}

/** The prefix with its host bits cleared, as the kernel wants it in routes. */
export function networkOf(prefix: Prefix): string {
  const bytes = prefix.bytes.map((byte, i) => byte & hostMask(prefix.length - i * 8));
  return `${addressText(bytes)}/${prefix.length}`;
}

function hostMask(bitsLeft: number): number {
  if (bitsLeft >= 8) return 0xff;
  return bitsLeft <= 0 ? 0 : (0xff << (8 - bitsLeft)) & 0xff;
}

/** Text of 4 or 16 bytes; IPv6 is left uncompressed. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  return groups.join(':');
}

/** The engine's record of a remote endpoint; the local address is left to the kernel. */
export function addressRecord(endpoint: Endpoint): AddressRecord {
  const record = new Uint8Array(ADDRESS_BYTES);
  record[0] = endpoint.family;
  record[2] = endpoint.port & 0xff;
  record[3] = endpoint.port >> 8;
  record.set(addressBytes(endpoint.address), 8);
  return record;
}

/**
 * What to route into the tunnel for one configured prefix. A default route becomes two halves: they win over the
 * machine's own default route without replacing it, and vanish with the device.
 */
export function routeHalves(prefix: Prefix): string[] {
  if (prefix.length > 0) return [networkOf(prefix)];
  return prefix.family === 4 ? ['0.0.0.0/1', '128.0.0.0/1'] : ['::/1', '8000::/1'];
}
