/**
 * Who has which address in the lab. Vehicles and links count from 0; people see them from 1 in the third byte.
 *
 *     outside  vehicle's modem   100.(64+link).(n).2     fd00:link:n::2       n = vehicle + 1; moves up by one at each
 *              as seen past NAT  198.18.link.n           2001:db8:1:link::n   change of address
 *              gateway           203.0.113.10            2001:db8::10
 *     inside   tunnel            10.77.0.(n+1), gw .1    fd77::(n+1), gw ::1
 *              client network    192.168.(76+n).0/24     fd76:n::/64          vehicle .1, client .10
 *              hospital network  10.99.0.0/24            fd99::/64            gateway .1, server .10
 */

/** Vehicles that the addressing has room for. */
export const MOST_VEHICLES = 100;
export const MOST_LINKS = 60;

export const TUNNEL_PORT = 4510;
export const GATEWAY_OUTSIDE = { v4: '203.0.113.10', v6: '2001:db8::10' } as const;
export const GATEWAY_INSIDE = { v4: '10.77.0.1', v6: 'fd77::1' } as const;
export const HOSPITAL = { v4: '10.99.0.10', v6: 'fd99::10' } as const;
/** The gateway's foot in the hospital's network. */
export const HOSPITAL_ROUTER = { v4: '10.99.0.1', v6: 'fd99::1' } as const;
export const TUNNEL_PREFIXES = ['10.77.0.0/24', 'fd77::/64'] as const;
export const HOSPITAL_PREFIXES = ['10.99.0.0/24', 'fd99::/64'] as const;

export interface AddressPair {
  readonly v4: string;
  readonly v6: string;
}

/** The modem's own address after `changes` changes of address. */
export function modemAddress(vehicle: number, link: number, changes = 0): AddressPair {
  const host = 2 + (changes % 200);
  return { v4: `100.${64 + link}.${vehicle + 1}.${host}`, v6: `fd00:${hex(link)}:${hex(vehicle + 1)}::${hex(host)}` };
}

/** Prefixes in which all addresses of that modem lie. */
export function modemPrefixes(vehicle: number, link: number): AddressPair {
  return { v4: `100.${64 + link}.${vehicle + 1}.0/24`, v6: `fd00:${hex(link)}:${hex(vehicle + 1)}::/64` };
}

/** What the world sees behind the operator's NAT. */
export function natAddress(vehicle: number, link: number): AddressPair {
  return { v4: `198.18.${link}.${vehicle + 1}`, v6: `2001:db8:1:${hex(link)}::${hex(vehicle + 1)}` };
}

export function tunnelAddress(vehicle: number): AddressPair {
  return { v4: `10.77.0.${vehicle + 2}`, v6: `fd77::${hex(vehicle + 2)}` };
}

/** Host part `host` in the network behind a vehicle. */
export function clientAddress(vehicle: number, host = 10): AddressPair {
  return { v4: `192.168.${77 + vehicle}.${host}`, v6: `fd76:${hex(vehicle + 1)}::${hex(host)}` };
}

export function clientPrefixes(vehicle: number): AddressPair {
  return { v4: `192.168.${77 + vehicle}.0/24`, v6: `fd76:${hex(vehicle + 1)}::/64` };
}

function hex(value: number): string {
  return value.toString(16);
}
