/** Which interfaces are uplinks, and what changed since the last look. Pure. */
import type { NetworkInterface } from '@corridor/packet-io';
import type { Family } from '../address.js';
import type { UplinkOptions } from '../options.js';

/** An interface that can carry the tunnel now. */
export interface Uplink {
  readonly name: string;
  readonly ifindex: number;
  readonly addresses: readonly string[];
  readonly families: readonly Family[];
  readonly priority: number;
  readonly metered: boolean;
}

export interface UplinkChange {
  readonly uplink: string;
  readonly state: 'appeared' | 'changed' | 'gone';
  readonly reason: string;
}

export interface UplinkPlan {
  readonly uplinks: readonly Uplink[];
  readonly changes: readonly UplinkChange[];
}

/**
 * Picks the uplinks out of the interfaces.
 *
 * @param families of the gateway's endpoints: an interface without an address of one of them cannot reach it.
 * @param exclude interfaces that a pattern must never take: the tunnel's own device.
 * @param previous the uplinks of the last plan.
 */
export function planUplinks(
  wanted: readonly UplinkOptions[],
  interfaces: readonly NetworkInterface[],
  families: readonly Family[],
  exclude: readonly string[],
  previous: readonly Uplink[],
): UplinkPlan {
  const uplinks: Uplink[] = [];
  for (const entry of interfaces) {
    if (exclude.includes(entry.name)) continue;
    const options = wanted.find((option) => matchesDevice(option.device, entry.name));
    const uplink = options && usableUplink(entry, options, families);
    if (uplink) uplinks.push(uplink);
  }
  // The operator's order, so that the first interface named gets the first path id.
  const rank = (uplink: Uplink) => wanted.findIndex((option) => matchesDevice(option.device, uplink.name));
  uplinks.sort((a, b) => rank(a) - rank(b) || a.ifindex - b.ifindex);
  return { uplinks, changes: changesBetween(previous, uplinks, interfaces) };
}

/** Whether an interface name fits a name or a pattern with `*`. */
export function matchesDevice(pattern: string, name: string): boolean {
  if (!pattern.includes('*')) return pattern === name;
  const source = pattern.split('*').map((part) => part.replace(/[^\w]/g, '\\$&'));
  return new RegExp(`^${source.join('.*')}$`).test(name);
}

function usableUplink(
  entry: NetworkInterface,
  options: UplinkOptions,
  families: readonly Family[],
): Uplink | undefined {
  if (!entry.up) return undefined;
  // Link-local addresses reach nothing beyond the modem; host scope is the loopback's own, wanted when it is named.
  const scopes = entry.name === options.device ? ['global', 'host', 'site'] : ['global', 'site'];
  const usable = entry.addresses.filter(({ family, scope }) => families.includes(family) && scopes.includes(scope));
  if (usable.length === 0) return undefined;
  return {
    name: entry.name,
    ifindex: entry.ifindex,
    addresses: usable.map(({ address }) => address),
    families: families.filter((family) => usable.some((address) => address.family === family)),
    priority: options.priority ?? 1,
    metered: options.metered ?? false,
  };
}

function changesBetween(
  previous: readonly Uplink[],
  now: readonly Uplink[],
  interfaces: readonly NetworkInterface[],
): UplinkChange[] {
  const changes: UplinkChange[] = [];
  for (const old of previous) {
    if (now.some(({ name }) => name === old.name)) continue;
    changes.push({
      uplink: old.name,
      state: 'gone',
      reason: goneReason(interfaces.find(({ name }) => name === old.name)),
    });
  }
  for (const uplink of now) {
    const old = previous.find(({ name }) => name === uplink.name);
    const addresses = uplink.addresses.join(', ');
    if (!old) changes.push({ uplink: uplink.name, state: 'appeared', reason: `has ${addresses}` });
    else if (old.ifindex !== uplink.ifindex) {
      changes.push({ uplink: uplink.name, state: 'changed', reason: `is a new interface with ${addresses}` });
    } else if (old.addresses.join(', ') !== addresses) {
      changes.push({ uplink: uplink.name, state: 'changed', reason: `addresses now ${addresses}` });
    }
  }
  return changes;
}

function goneReason(entry: NetworkInterface | undefined): string {
  if (entry === undefined) return 'the interface is gone';
  return entry.up ? 'no address left that can reach the gateway' : 'the interface is down';
}
