/** IP addresses and address records as text and back; see {@link AddressRecord} for the bytes. */
import { readU16, readU32, writeU16, writeU32 } from '@corridor/wire';
import { ADDRESS_BYTES, type AddressRecord } from './batch.js';

/** Byte of a record that names the transport, and its value for streams (WebSocket over TLS); 0 is UDP. */
export const TRANSPORT_AT = 1;
export const TRANSPORT_TLS = 1;
const SCOPE_AT = 4;
const REMOTE_AT = 8;
/** Family, port, scope and remote address. */
const REMOTE_END = 24;

/** True when two records name the same remote end; the local address does not count. Allocates nothing. */
export function sameRemote(a: Uint8Array, aAt: number, b: Uint8Array, bAt: number): boolean {
  for (let i = 0; i < REMOTE_END; i++) if (a[aAt + i] !== b[bAt + i]) return false;
  return true;
}

/** Whether a record is that of a stream instead of UDP. */
export function isStreamAddress(record: Uint8Array): boolean {
  return record[TRANSPORT_AT] === TRANSPORT_TLS;
}

/** The remote end as "192.0.2.1:4510", "[2001:db8::1]:4510" or "[fe80::1%3]:4510". */
export function formatAddress(record: Uint8Array, offset = 0): string {
  const port = readU16(record, offset + 2);
  const ip = formatIp(record, offset + REMOTE_AT, record[offset] === 6 ? 6 : 4);
  if (record[offset] !== 6) return `${ip}:${port}`;
  const scope = readU32(record, offset + SCOPE_AT);
  return scope === 0 ? `[${ip}]:${port}` : `[${ip}%${scope}]:${port}`;
}

/** Reads what {@link formatAddress} writes; undefined for anything else. A scope is a number, not a device name. */
export function parseAddress(text: string): AddressRecord | undefined {
  const parts = /^(?:\[([^\]%]+)(?:%(\d{1,10}))?\]|([^:]+)):(\d{1,5})$/.exec(text);
  if (parts === null) return undefined;
  const [, v6, scope, v4, portText] = parts;
  const ip = parseIp(v6 ?? v4);
  const port = Number(portText);
  const scopeId = Number(scope ?? 0);
  if (ip === undefined || ip.length !== (v6 === undefined ? 4 : 16) || port > 0xffff || scopeId > 0xffff_ffff) {
    return undefined;
  }
  return addressRecord(ip, port, scopeId);
}

/** A record for a remote end, without a local address. @param ip 4 or 16 bytes */
export function addressRecord(ip: Uint8Array, port: number, scopeId = 0): AddressRecord {
  const record = new Uint8Array(ADDRESS_BYTES);
  record[0] = ip.length === 4 ? 4 : 6;
  writeU16(record, 2, port);
  writeU32(record, SCOPE_AT, scopeId);
  record.set(ip, REMOTE_AT);
  return record;
}

/** 4 or 16 bytes; undefined when the text is no address. Leading zeros in IPv4 are refused: some read them as octal. */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** Text of the address at `bytes[at]`; IPv6 as RFC 5952 wants it. */
export function formatIp(bytes: Uint8Array, at: number, family: 4 | 6): string {
  if (family === 4) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[at + i] << 8) | bytes[at + i + 1]);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatIp(bytes, at + 12, 4)}`;
  }
  const [start, count] = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (count < 2) return hex.join(':');
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + count).join(':')}`;
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    if (!/^(0|[1-9]\d{0,2})$/.test(parts[i]) || Number(parts[i]) > 255) return undefined;
    bytes[i] = Number(parts[i]);
  }
  return bytes;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0], halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1], true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const written = head.length + tail.length;
  if (halves.length === 2 ? written > 14 : written !== 16) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** Bytes of colon-separated groups; the last of the address may be IPv4. */
function parseGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (let i = 0; i < groups.length; i++) {
    if (endsAddress && i === groups.length - 1 && groups[i].includes('.')) {
      const v4 = parseIpv4(groups[i]);
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(groups[i])) {
      const value = Number.parseInt(groups[i], 16);
      bytes.push(value >> 8, value & 0xff);
    } else return undefined;
  }
  return bytes;
}

/** Start and length of the longest run of zero groups, the first of equals. */
function longestZeroRun(groups: readonly number[]): [number, number] {
  let best: [number, number] = [0, 0];
  let start = 0;
  for (let i = 0; i < groups.length; i++) {
    if (groups[i] !== 0) start = i + 1;
    else if (i + 1 - start > best[1]) best = [start, i + 1 - start];
  }
  return best;
}
