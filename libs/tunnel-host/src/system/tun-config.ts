import { existsSync } from 'node:fs';
import type { GatewayVehicle } from '@corridor/tunnel';
import { type Prefix, parsePrefix } from '@corridor/tunnel/config';
import { prefixContains, routeHalves } from '../address.js';
import type { TunOptions } from '../options.js';
import { ipBatch } from './ip.js';

/** Packets that the kernel may queue towards the tunnel: its own 500 is short, bursts of a large window are longer. */
const QUEUE_LENGTH = 4096;

/**
 * The commands that bring a fresh TUN device up. Nothing has to be undone: addresses and routes live on the device and
 * go with it when the process ends, however it ends.
 */
export function tunCommands(name: string, options: TunOptions, ipv6: boolean): string[] {
  return [
    // No link-local address: the kernel would send router solicitations and multicast reports into the tunnel.
    ...(ipv6 ? [`link set dev ${name} addrgenmode none`] : []),
    `link set dev ${name} txqueuelen ${options.queueLength ?? QUEUE_LENGTH} up`,
    ...options.addresses.map((address) => `addr add ${address} dev ${name}${isIpv6(address) ? ' nodad' : ''}`),
    ...options.routes.flatMap((route) => routeCommands(name, route, options.addresses)),
  ];
}

/**
 * Routes for the prefixes of a gateway's vehicle. Those inside the device's own networks are reached already. `add`,
 * never `replace`: a route of somebody else is a conflict to report, not ours to take away.
 */
export function vehicleRouteCommands(
  name: string,
  options: TunOptions,
  vehicle: Pick<GatewayVehicle, 'addresses'>,
): string[] {
  return vehicle.addresses.flatMap((address) => routeCommands(name, address, options.addresses));
}

/** The commands that take those routes away again. */
export function removals(commands: readonly string[]): string[] {
  return commands.map((command) => command.replace('route add', 'route del'));
}

function routeCommands(name: string, route: string, own: readonly string[]): string[] {
  const prefix = checkedPrefix(route);
  if (own.some((address) => prefixContains(checkedPrefix(address), prefix))) return [];
  return routeHalves(prefix).map((half) => `route add ${half} dev ${name}`);
}

function checkedPrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new TypeError(`"${text}" is not a prefix`);
  return prefix;
}

function isIpv6(address: string): boolean {
  return address.includes(':');
}

export async function configureTun(name: string, options: TunOptions): Promise<void> {
  // A kernel started with ipv6.disable=1 refuses to hear of IPv6.
  await ipBatch(tunCommands(name, options, existsSync('/proc/sys/net/ipv6')));
}
