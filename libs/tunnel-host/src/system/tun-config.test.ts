import { expect, test } from 'vitest';
import { removals, tunCommands, vehicleRouteCommands } from './tun-config.js';

const tun = { name: 'cor0', mtu: 1400, addresses: ['10.77.0.2/24', 'fd77::2/64'], routes: [] as string[] };

test('a device gets its addresses, comes up and takes the routes that it does not have already', () => {
  const routes = ['10.77.0.0/24', '10.99.0.7/24', 'fd99::/64'];
  expect(tunCommands('cor0', { ...tun, routes }, true)).toEqual([
    'link set dev cor0 addrgenmode none',
    'link set dev cor0 txqueuelen 4096 up',
    'addr add 10.77.0.2/24 dev cor0',
    'addr add fd77::2/64 dev cor0 nodad',
    'route add 10.99.0.0/24 dev cor0',
    'route add fd99::/64 dev cor0',
  ]);
});

test('default routes are two halves each', () => {
  expect(tunCommands('cor0', { ...tun, routes: ['0.0.0.0/0', '::/0'] }, true).slice(4)).toEqual([
    'route add 0.0.0.0/1 dev cor0',
    'route add 128.0.0.0/1 dev cor0',
    'route add ::/1 dev cor0',
    'route add 8000::/1 dev cor0',
  ]);
});

test("a gateway routes a vehicle's prefixes that lie outside its own networks, and takes them back", () => {
  const commands = vehicleRouteCommands('cor0', tun, { addresses: ['10.77.0.3/32', '192.168.77.0/24', 'fd76:1::/64'] });
  expect(commands).toEqual(['route add 192.168.77.0/24 dev cor0', 'route add fd76:1::/64 dev cor0']);
  expect(removals(commands)).toEqual(['route del 192.168.77.0/24 dev cor0', 'route del fd76:1::/64 dev cor0']);
});

test('a machine without IPv6 is not asked about it', () => {
  expect(tunCommands('cor0', { ...tun, addresses: ['10.77.0.2/24'] }, false)).toEqual([
    'link set dev cor0 txqueuelen 4096 up',
    'addr add 10.77.0.2/24 dev cor0',
  ]);
});
