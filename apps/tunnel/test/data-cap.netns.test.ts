import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Tunnel, until, World } from './world.js';

let world: World;

beforeEach(async () => {
  world = await World.create();
});

afterEach(async () => {
  await world.close();
});

async function statusOf(tunnel: Tunnel) {
  const client = await world.client(tunnel);
  const status = await client.status();
  client.close();
  return status;
}

/** What the kernel says went over `w0`, both ways. */
function kernelBytes(): number {
  const [{ stats64 }] = JSON.parse(world.ip('vehicle', '-s -j link show dev w0'));
  return stats64.rx.bytes + stats64.tx.bytes;
}

test('a data cap moves traffic off its uplink without loss, and outlives a kill', async () => {
  const usageFile = join(world.folder, 'usage.json');
  const change = {
    uplinks: [
      { device: 'w0', cap: { bytes: 1_000_000, perDays: 30 } },
      { device: 'w1', priority: 2 },
    ],
    usageFile,
    policy: { default: { strategy: 'active-standby', avoid: ['capped'] }, classes: [] },
  };
  const gateway = await world.start('gateway');
  let vehicle = await world.start('vehicle', change);
  await until('a session', async () => (await statusOf(vehicle)).peers[0]?.session === 'established');
  await world.echoServer('gateway', '10.77.0.1');
  expect((await statusOf(vehicle)).peers[0]?.classes[0]?.paths[0]).toBe('w0');

  // 7.5 s, of which the first 4 bring the cap: 2 MB altogether.
  expect(await world.echo('vehicle', '10.77.0.1', 1500, 5, 600)).toMatchObject({ sent: 1500, received: 1500 });
  await until('a cap that is reached', () => vehicle.log().includes('has used up its data volume of 1.0 MB'));
  const { peers, uplinks } = await statusOf(vehicle);
  expect(peers[0]?.classes[0]?.paths[0]).toBe('w1');
  expect(peers[0]?.paths.map(({ name, capReached }) => [name, capReached])).toEqual([
    ['w0', true],
    ['w1', false],
  ]);
  const before = uplinks.find(({ name }) => name === 'w0')?.usedBytes ?? 0;
  expect(before).toBeGreaterThan(1_000_000);
  expect(before).toBeLessThanOrEqual(kernelBytes());
  await until('a gateway that knows', async () => (await statusOf(gateway)).peers[0]?.paths[0]?.capReached === true);
  expect((await statusOf(gateway)).peers[0]?.classes[0]?.paths[0]).toBe('w1');

  vehicle.process.kill('SIGKILL');
  await once(vehicle.process, 'exit');
  vehicle = await world.start('vehicle', change);
  await until('a session', async () => (await statusOf(vehicle)).peers[0]?.session === 'established');
  const after = await statusOf(vehicle);
  const used = after.uplinks.find(({ name }) => name === 'w0')?.usedBytes ?? 0;
  expect(used).toBeGreaterThanOrEqual(before);
  expect(used).toBeLessThanOrEqual(kernelBytes());
  await until('w1', async () => (await statusOf(vehicle)).peers[0]?.classes[0]?.paths[0] === 'w1');
  expect(await world.echo('vehicle', '10.77.0.1', 50, 5)).toMatchObject({ sent: 50, received: 50 });
}, 60_000);
