import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BINARY, until, World } from './world.js';

/** Nobody in particular; must not be the user that owns the test. */
const UID = 65_534;
/** What the systemd unit does: an ordinary user, two capabilities, and no way to more. */
const CONFINED = [
  'setpriv',
  `--reuid=${UID}`,
  `--regid=${UID}`,
  '--clear-groups',
  '--no-new-privs',
  '--bounding-set=-all,+net_admin,+net_raw',
  '--inh-caps=-all,+net_admin,+net_raw',
  '--ambient-caps=-all,+net_admin,+net_raw',
  '--',
];
const NET_ADMIN_AND_NET_RAW = '0000000000003000';

// In a user namespace with a single user mapped there is nobody else to be, a tree under /root is not readable, and without
// udev, which opens it to everybody, the device may be root's alone.
const able =
  spawnSync(CONFINED[0] as string, [...CONFINED.slice(1), 'test', '-r', BINARY, '-a', '-w', '/dev/net/tun']).status ===
  0;

let world: World;

beforeAll(async () => {
  if (!able) return;
  world = await World.create();
  chmodSync(world.folder, 0o700);
  chownSync(world.folder, UID, UID);
  for (const key of ['vehicle.key', 'gateway.key']) chownSync(join(world.folder, key), UID, UID);
  world.run('vehicle', ['sh', '-c', 'for d in all w0 w1; do echo 1 > /proc/sys/net/ipv4/conf/$d/rp_filter; done']);
});

afterAll(async () => {
  await world?.close();
});

test.runIf(able)('CAP_NET_ADMIN and CAP_NET_RAW suffice, under an ordinary user', async () => {
  const before = world.traces('vehicle');
  const gateway = await world.start('gateway', {}, CONFINED);
  const vehicle = await world.start('vehicle', {}, CONFINED);
  for (const { process } of [gateway, vehicle]) {
    const status = readFileSync(`/proc/${process.pid}/status`, 'utf8');
    expect(status).toMatch(new RegExp(`^Uid:\\t${UID}\\t${UID}`, 'm'));
    for (const set of ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb'])
      expect(status).toMatch(new RegExp(`^${set}:\\t${NET_ADMIN_AND_NET_RAW}$`, 'm'));
  }
  const client = await world.client(vehicle);
  await until('a session over both uplinks', async () => {
    const [peer] = (await client.status()).peers;
    return peer?.session === 'established' && peer.paths.filter(({ state }) => state === 'up').length === 2;
  });
  client.close();
  await world.echoServer('gateway', '10.77.0.1');
  expect(await world.echo('vehicle', '10.77.0.1', 20, 5)).toMatchObject({ sent: 20, received: 20 });
  expect(world.run('vehicle', ['cat', '/proc/sys/net/ipv4/conf/w0/rp_filter']).trim()).toBe('2');
  expect(vehicle.log()).not.toContain('"warn"');
  vehicle.process.kill('SIGTERM');
  expect(await vehicle.ended).toBe(0);
  expect(world.traces('vehicle')).toBe(before);
});

test.runIf(able)('without them the refusal is a sentence', async () => {
  const none = CONFINED.map((argument) => argument.replace(/,\+net_admin,\+net_raw$/, ''));
  const vehicle = world.launch('vehicle', {}, none);
  expect(await vehicle.ended).toBe(1);
  expect(vehicle.log()).toMatch(/the TUN device \\"cor0\\" cannot be made, is CAP_NET_ADMIN missing\?/);
});
