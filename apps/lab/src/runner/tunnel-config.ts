/** Configurations of `corridor-tunnel` for the hosts of a lab, and the keys for them. */
import { generateKeyPairSync } from 'node:crypto';
import { type LinkSpec, vehicleName } from '@corridor/sim';
import type { TunnelPolicy } from '@corridor/tunnel';
import * as addresses from '../addresses.js';

export interface KeyPair {
  /** Base64 of 32 bytes each, as `corridor-tunnel` reads and prints them. */
  readonly privateKey: string;
  readonly publicKey: string;
}

export function makeKeyPair(): KeyPair {
  const { d, x } = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
  const base64 = (url: string) => Buffer.from(url, 'base64url').toString('base64');
  return { privateKey: base64(d as string), publicKey: base64(x as string) };
}

/** Where a tunnel finds its key and makes its socket. */
export interface TunnelFiles {
  readonly privateKeyFile: string;
  readonly control: string;
}

/** MTU and whatever else all tunnels of a lab share. */
export interface TunnelExtras {
  readonly mtu?: number | undefined;
}

function tunOf(addressPair: addresses.AddressPair, extras: TunnelExtras, routes: readonly string[]) {
  return {
    name: 'cor0',
    addresses: [`${addressPair.v4}/24`, `${addressPair.v6}/64`],
    ...(extras.mtu === undefined ? {} : { mtu: extras.mtu }),
    ...(routes.length === 0 ? {} : { routes }),
  };
}

function endpoint(family: 4 | 6): string {
  const { v4, v6 } = addresses.GATEWAY_OUTSIDE;
  return family === 4 ? `${v4}:${addresses.TUNNEL_PORT}` : `[${v6}]:${addresses.TUNNEL_PORT}`;
}

export function gatewayConfig(
  files: TunnelFiles,
  family: 4 | 6,
  vehicleKeys: readonly KeyPair[],
  policy: TunnelPolicy,
  extras: TunnelExtras,
) {
  return {
    role: 'gateway',
    listen: [endpoint(family)],
    ...files,
    tun: tunOf(addresses.GATEWAY_INSIDE, extras, []),
    policy,
    vehicles: vehicleKeys.map(({ publicKey }, vehicle) => {
      const tunnel = addresses.tunnelAddress(vehicle);
      const client = addresses.clientPrefixes(vehicle);
      const prefixes = [`${tunnel.v4}/32`, `${tunnel.v6}/128`, client.v4, client.v6];
      return { name: vehicleName(vehicle), publicKey, addresses: prefixes };
    }),
  };
}

export function vehicleConfig(
  files: TunnelFiles,
  family: 4 | 6,
  vehicle: number,
  gatewayKey: string,
  links: readonly LinkSpec[],
  policy: TunnelPolicy,
  extras: TunnelExtras,
) {
  return {
    role: 'vehicle',
    ...files,
    gateway: { publicKey: gatewayKey, endpoints: [endpoint(family)] },
    tun: tunOf(addresses.tunnelAddress(vehicle), extras, addresses.HOSPITAL_PREFIXES),
    uplinks: links.map(({ name, priority, metered }) => ({
      device: name,
      ...(priority === undefined ? {} : { priority }),
      ...(metered === undefined ? {} : { metered }),
    })),
    policy,
  };
}
