import { afterAll, beforeAll, expect, it } from 'vitest';
import { Namespace } from '../test/namespace.js';
import { networkInterfaces } from './interfaces.js';

let space: Namespace;
beforeAll(async () => {
  space = await Namespace.create();
});
afterAll(() => space.close());

const interfaceNamed = (name: string) => networkInterfaces(space.path).find((entry) => entry.name === name);

it('lists interfaces with state and usable addresses, as they are at the moment', () => {
  space.ip('link add w0 type veth peer name w9');
  expect(interfaceNamed('w0')).toMatchObject({ up: false, addresses: [] });

  for (const line of ['addr add 10.4.0.1/24 dev w0', 'addr add fd04::1/64 dev w0 nodad', 'link set w0 up'])
    space.ip(line);
  // Its peer is down: no carrier.
  expect(interfaceNamed('w0')?.up).toBe(false);
  space.ip('link set w9 up');
  const w0 = interfaceNamed('w0');
  expect(w0?.up).toBe(true);
  expect(w0?.ifindex).toBeGreaterThan(1);
  expect(w0?.addresses).toContainEqual({ family: 4, address: '10.4.0.1', scope: 'global' });
  expect(w0?.addresses).toContainEqual({ family: 6, address: 'fd04::1', scope: 'global' });

  space.ip('addr del 10.4.0.1/24 dev w0');
  expect(interfaceNamed('w0')?.addresses.map(({ address }) => address)).not.toContain('10.4.0.1');
  space.ip('link del w0');
  expect(interfaceNamed('w0')).toBeUndefined();
});

it('leaves out an IPv6 address that is still checked for duplicates', () => {
  for (const line of ['link add w1 type veth peer name w8', 'link set w1 up', 'link set w8 up']) space.ip(line);
  space.ip('addr add fd05::1/64 dev w1');
  const tentative = interfaceNamed('w1')?.addresses.map(({ address }) => address);
  expect(tentative).not.toContain('fd05::1');
  space.ip('link del w1');
});

it('answers own side of a point-to-point address, and the scope of loopback', () => {
  space.ip('link set lo up');
  expect(interfaceNamed('lo')?.addresses).toContainEqual({ family: 4, address: '127.0.0.1', scope: 'host' });
  space.ip('link add w2 type veth peer name w7');
  space.ip('addr add 10.6.0.1 peer 10.6.0.2/32 dev w2');
  expect(interfaceNamed('w2')?.addresses).toEqual([{ family: 4, address: '10.6.0.1', scope: 'global' }]);
  space.ip('link del w2');
});

it('refuses a namespace that is none', () => {
  expect(() => networkInterfaces('/proc/nowhere')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});
