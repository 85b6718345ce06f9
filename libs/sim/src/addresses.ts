/** Addresses of the simulated network: a host is a 32-bit number, IPv4 itself or the end of an IPv6 address. */
import { ADDRESS_BYTES, type AddressRecord } from '@corridor/tunnel';

export const GATEWAY_PORT = 4510;
const GATEWAY_HOST_V4 = 0xcb00710a; // 203.0.113.10
/** First of the public addresses of uplinks, 100.64.0.0/10 (RFC 6598): 4,096 a vehicle, 256 a link. */
const UPLINK_BASE = 0x64400000;
/** 2001:db8::/96 (RFC 3849), the host in the last 4 bytes. */
const IPV6_PREFIX = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0];

export type Family = 4 | 6;

export function gatewayAddress(family: Family): AddressRecord {
  return address(family, GATEWAY_HOST_V4, GATEWAY_PORT);
}

/** Public host of an uplink; `generation` counts its address changes. */
export function uplinkHost(vehicle: number, link: number, generation: number): number {
  return UPLINK_BASE + vehicle * 4096 + link * 256 + (generation & 0xff);
}

/** Vehicle and link that an uplink's host belongs to; link is out of range for hosts of nobody. */
export function uplinkOf(host: number): { vehicle: number; link: number } {
  const index = host - UPLINK_BASE;
  return { vehicle: Math.floor(index / 4096), link: (index >> 8) & 15 };
}

/** A fresh address record of `host` and `port`. */
export function address(family: Family, host: number, port: number): AddressRecord {
  const record = new Uint8Array(ADDRESS_BYTES);
  record[0] = family;
  record[2] = port & 0xff;
  record[3] = port >> 8;
  const start = family === 4 ? 8 : 20;
  if (family === 6) record.set(IPV6_PREFIX, 8);
  for (let i = 0; i < 4; i++) record[start + i] = (host >>> (24 - 8 * i)) & 0xff;
  return record;
}

export function hostOf(record: AddressRecord): number {
  const start = record[0] === 4 ? 8 : 20;
  return ((record[start] << 24) | (record[start + 1] << 16) | (record[start + 2] << 8) | record[start + 3]) >>> 0;
}

export function portOf(record: AddressRecord): number {
  return record[2] | (record[3] << 8);
}
