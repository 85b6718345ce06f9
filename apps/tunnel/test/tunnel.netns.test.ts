import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { generatePrivateKey, publicKeyOf } from '../src/keys.js';
import { sleep, type Tunnel, until, World } from './world.js';

let world: World;

beforeEach(async () => {
  world = await World.create();
});

afterEach(async () => {
  await world.close();
});

/** Both ends, and the session between them. */
async function connected(
  vehicle: Record<string, unknown> = {},
  gateway: Record<string, unknown> = {},
): Promise<{ vehicle: Tunnel; gateway: Tunnel }> {
  const ends = { gateway: await world.start('gateway', gateway), vehicle: await world.start('vehicle', vehicle) };
  await established(ends.vehicle);
  return ends;
}

async function established(tunnel: Tunnel): Promise<void> {
  const client = await world.client(tunnel);
  await until('a session', async () => (await client.status()).peers[0]?.session === 'established');
  client.close();
}

/** Path states of the only peer, by name. */
async function paths(tunnel: Tunnel): Promise<Record<string, string>> {
  const client = await world.client(tunnel);
  const { peers } = await client.status();
  client.close();
  return Object.fromEntries(
    (peers[0]?.paths ?? []).map(({ name, state, blocked }) => [name, blocked ? 'blocked' : state]),
  );
}

async function activePath(tunnel: Tunnel): Promise<string | undefined> {
  const client = await world.client(tunnel);
  const { peers } = await client.status();
  client.close();
  return peers[0]?.classes.find(({ name }) => name === 'default')?.paths[0];
}

describe('a tunnel over two links', () => {
  test('carries IPv4 and IPv6 both ways, and says so', async () => {
    const { vehicle, gateway } = await connected();
    await world.echoServer('gateway', '10.77.0.1');
    await world.echoServer('gateway', 'fd77::1');
    await world.echoServer('vehicle', '10.77.0.2');
    expect(await world.echo('vehicle', '10.77.0.1', 50, 5)).toMatchObject({ sent: 50, received: 50 });
    expect(await world.echo('vehicle', 'fd77::1', 50, 5)).toMatchObject({ sent: 50, received: 50 });
    expect(await world.echo('gateway', '10.77.0.2', 50, 5, 1300)).toMatchObject({ sent: 50, received: 50 });
    const text = world.command(['status', '--control', vehicle.control]);
    expect(text).toMatch(/^vehicle on cor0 \(mtu 1400\)/);
    expect(text).toMatch(/session established for/);
    expect(text).toMatch(/w0 +up/);
    const status = JSON.parse(world.command(['status', '--json', '--control', gateway.control]));
    expect(status).toMatchObject({ role: 'gateway', peers: [{ name: 'rtw-1', session: 'established' }] });
    expect(status.process.rssBytes).toBeGreaterThan(0);
    expect(status.counters['tun.writtenPackets']).toBeGreaterThanOrEqual(150);
    expect(status.counters['listen.0.receivedDatagrams']).toBeGreaterThanOrEqual(150);
  });

  test('runs over IPv6 outside', async () => {
    await connected({
      gateway: {
        publicKey: JSON.parse(await readConfig('vehicle')).gateway.publicKey,
        endpoints: ['[2001:db8::10]:4510'],
      },
    });
    await world.echoServer('gateway', '10.77.0.1');
    expect(await world.echo('vehicle', '10.77.0.1', 50, 5)).toMatchObject({ sent: 50, received: 50 });
  });

  test('moves on when a link goes, and is back on it when it returns with another address', async () => {
    const { vehicle } = await connected();
    await until(
      'both paths',
      async () => Object.values(await paths(vehicle)).filter((state) => state === 'up').length === 2,
    );
    await world.echoServer('gateway', '10.77.0.1');
    const echoed = world.echo('vehicle', '10.77.0.1', 300, 10);
    await sleep(1000);
    world.ip('vehicle', 'link del w0');
    expect(await echoed).toMatchObject({ sent: 300, received: 300 });
    expect(await activePath(vehicle)).toBe('w1');
    world.link(0, 77);
    await until('w0 in use again', async () => (await activePath(vehicle)) === 'w0');
    expect(vehicle.log()).toMatch(/uplink w0 gone: the interface is gone/);
  });

  test('starts without uplinks and finds them by pattern', async () => {
    await world.start('gateway');
    world.ip('vehicle', 'link set w0 down');
    world.ip('vehicle', 'link set w1 down');
    const vehicle = await world.start('vehicle', { uplinks: [{ device: 'w*' }] });
    expect(world.command(['status', '--control', vehicle.control])).toContain('uplinks: none');
    world.ip('vehicle', 'link set w1 up');
    world.ip('vehicle', 'route add default via 10.2.0.1 dev w1 metric 101');
    await established(vehicle);
    expect(Object.keys(await paths(vehicle))).toEqual(['w1']);
  });

  test('switches the policy at run time without loss, and the gateway follows', async () => {
    const { vehicle, gateway } = await connected();
    await world.echoServer('gateway', '10.77.0.1');
    const echoed = world.echo('vehicle', '10.77.0.1', 300, 10);
    await sleep(1000);
    const file = join(world.folder, 'redundant.json');
    writeFileSync(file, JSON.stringify({ default: { strategy: 'redundant' } }));
    expect(world.command(['policy', '--control', vehicle.control, file])).toBe('policy 2 is in force here\n');
    expect(await echoed).toMatchObject({ sent: 300, received: 300 });
    const client = await world.client(gateway);
    await until('the gateway follows', async () => (await client.status()).peers[0]?.policyVersion === 2);
    const [peer] = (await client.status()).peers;
    expect(peer?.classes[0]).toMatchObject({ strategy: 'redundant', mode: 'copies' });
    expect(peer?.counters.copiesSent).toBeGreaterThan(0);
    client.close();
  });

  test('refuses a policy that makes no sense and keeps the one in force', async () => {
    const { vehicle } = await connected();
    const client = await world.client(vehicle);
    const policy = { default: { strategy: 'fastest' }, classes: [] };
    await expect(client.request('policy', { policy })).rejects.toThrow(/default\.strategy/);
    await expect(
      client.request('policy', { policy: { default: { strategy: 'redundant' }, classes: [], version: 1 } }),
    ).rejects.toThrow('version: expected more than 1');
    expect((await client.status()).peers[0]?.classes[0]?.strategy).toBe('active-standby');
    client.close();
  });

  test('link down takes a path out of use without loss, link up puts it back', async () => {
    const { vehicle } = await connected();
    await until(
      'both paths',
      async () => Object.values(await paths(vehicle)).filter((state) => state === 'up').length === 2,
    );
    await world.echoServer('gateway', '10.77.0.1');
    const echoed = world.echo('vehicle', '10.77.0.1', 300, 10);
    await sleep(1000);
    expect(world.command(['link', 'down', 'w0', '--control', vehicle.control])).toBe('w0 is out of use\n');
    expect(await echoed).toMatchObject({ sent: 300, received: 300 });
    expect(await paths(vehicle)).toMatchObject({ w0: 'blocked' });
    expect(await activePath(vehicle)).toBe('w1');
    world.command(['link', 'up', 'w0', '--control', vehicle.control]);
    await until('w0 in use again', async () => (await activePath(vehicle)) === 'w0');
    expect(() => world.command(['link', 'down', 'w9', '--control', vehicle.control])).toThrow(
      'no path "w9": there are w0, w1',
    );
  });

  test('a key that the gateway does not know gets silence, and is counted', async () => {
    const stranger = publicKeyOf(generatePrivateKey());
    const gateway = await world.start('gateway', {
      vehicles: [{ name: 'rtw-1', publicKey: stranger, addresses: ['10.77.0.2/32'] }],
    });
    const vehicle = await world.start('vehicle');
    const [client, other] = [await world.client(gateway), await world.client(vehicle)];
    await until('a refusal', async () => ((await client.status()).refusals['unknown-key'] ?? 0) >= 2);
    const { peers, counters } = await other.status();
    expect(peers[0]?.session).not.toBe('established');
    expect(counters['uplink.w0.ipv4.receivedDatagrams']).toBe(0);
    client.close();
    other.close();
    expect(world.command(['status', '--control', gateway.control])).toMatch(/refused datagrams: unknown-key \d+/);
  });

  test('a strategy from a module sends as it says', async () => {
    const source = `export default {
      name: 'last-path', description: 'Always the path with the highest number.',
      create: () => ({ plan: ({ paths }) => {
        const order = paths.map((path) => path.id).reverse();
        return { mode: 'single', paths: order, reason: 'the last one' };
      } }),
    };`;
    writeFileSync(join(world.folder, 'last-path.mjs'), source);
    const policy = { default: { strategy: 'last-path' }, classes: [] };
    const { vehicle } = await connected(
      { strategyModules: ['./last-path.mjs'], policy },
      { strategyModules: ['./last-path.mjs'] },
    );
    await until('the last path', async () => (await activePath(vehicle)) === 'w1');
  });
});

describe('default routes through the tunnel', () => {
  test('capture everything but the tunnel itself, also behind strict filters', async () => {
    // The hospital lies behind the gateway, on an address that the vehicle reaches by its default route only.
    world.ip('gateway', 'addr add 198.51.100.1/32 dev lo');
    world.run('vehicle', ['sh', '-c', 'for d in all w0 w1; do echo 1 > /proc/sys/net/ipv4/conf/$d/rp_filter; done']);
    const { vehicle } = await connected({
      tun: { name: 'cor0', addresses: ['10.77.0.2/24', 'fd77::2/64'], routes: ['0.0.0.0/0', '::/0'] },
    });
    expect(world.ip('vehicle', 'route get 198.51.100.1')).toContain('dev cor0');
    expect(world.ip('vehicle', 'route get 203.0.113.10')).toContain('dev cor0');
    expect(world.ip('vehicle', '-6 route get 2001:db8:1::1')).toContain('dev cor0');
    await until(
      'both paths',
      async () => Object.values(await paths(vehicle)).filter((state) => state === 'up').length === 2,
    );
    await world.echoServer('gateway', '198.51.100.1');
    expect(await world.echo('vehicle', '198.51.100.1', 50, 5)).toMatchObject({ sent: 50, received: 50 });
  });
});

describe('coming and going', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends both ends with 0 and leaves nothing', async (signal) => {
    world.run('vehicle', ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/w0/rp_filter']);
    const before = [world.traces('vehicle'), world.traces('gateway')];
    const { vehicle, gateway } = await connected({
      tun: { name: 'cor0', addresses: ['10.77.0.2/24', 'fd77::2/64'], routes: ['0.0.0.0/0', '::/0'] },
    });
    expect(world.traces('vehicle')).not.toBe(before[0]);
    expect(world.traces('gateway')).toContain('192.168.77.0/24 dev cor0');
    vehicle.process.kill(signal);
    gateway.process.kill(signal);
    expect(await Promise.all([vehicle.ended, gateway.ended])).toEqual([0, 0]);
    expect([world.traces('vehicle'), world.traces('gateway')]).toEqual(before);
    for (const end of [vehicle, gateway]) {
      expect(existsSync(end.control)).toBe(false);
      expect(existsSync(`${end.control}.state`)).toBe(false);
    }
  });

  test('a start after kill -9 puts back what was left and runs', async () => {
    world.run('vehicle', ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/w0/rp_filter']);
    const before = world.traces('vehicle');
    const { vehicle } = await connected();
    vehicle.process.kill('SIGKILL');
    await vehicle.ended;
    expect(existsSync(vehicle.control)).toBe(true);
    expect(world.traces('vehicle')).not.toBe(before);
    const again = await world.start('vehicle');
    await established(again);
    again.process.kill('SIGTERM');
    expect(await again.ended).toBe(0);
    expect(world.traces('vehicle')).toBe(before);
  });

  test('a gateway killed and started again has its vehicle back by itself', async () => {
    const { gateway } = await connected();
    await world.echoServer('gateway', '10.77.0.1');
    const echoed = world.echo('vehicle', '10.77.0.1', 800, 10);
    await sleep(1000);
    gateway.process.kill('SIGKILL');
    await gateway.ended;
    const killed = Date.now();
    await world.start('gateway');
    const downMs = Date.now() - killed;
    const { longestGapMs, received } = await echoed;
    expect(received).toBeGreaterThan(100);
    // 3 s is the promise; the time until the new process was ready comes on top.
    expect(longestGapMs).toBeLessThan(downMs + 3000);
  });

  test('a second instance is refused with a sentence', async () => {
    await connected();
    const second = world.launch('vehicle');
    expect(await second.ended).toBe(1);
    expect(second.log()).toMatch(/a tunnel with process id \d+ is running already/);
    const other = world.launch('vehicle', { control: 'other.sock' });
    expect(await other.ended).toBe(1);
    expect(other.log()).toMatch(/the TUN device \\"cor0\\" is in use: is another tunnel running\?/);
  });

  test('a deleted device ends the tunnel with a sentence', async () => {
    const { vehicle } = await connected();
    world.ip('vehicle', 'link del cor0');
    expect(await vehicle.ended).toBe(1);
    expect(vehicle.log()).toMatch(/somebody deleted the TUN device \\"cor0\\"/);
    expect(existsSync(vehicle.control)).toBe(false);
  });

  test.each([
    ['thread', '!isMainThread', /"code":"ERR_WORKER_DIED"/, /the tunnel's thread died: Error: a bug for the test/],
    ['main thread', 'isMainThread', /"level":"error"/, /a bug ended the tunnel: a bug for the test/],
  ])('a crash of the %s ends the tunnel with its reason and leaves nothing', async (_, where, code, reason) => {
    world.run('vehicle', ['sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/w0/rp_filter']);
    const before = world.traces('vehicle');
    // Anything thrown outside a packet's path, where nobody catches it. Both threads load the module.
    const source = `import { isMainThread } from 'node:worker_threads';
      if (${where}) setTimeout(() => { throw new Error('a bug for the test'); }, 2000);
      export default { name: 'faulty', description: 'Breaks.', create: () => ({ plan: () => ({}) }) };`;
    writeFileSync(join(world.folder, 'faulty.mjs'), source);
    const { vehicle } = await connected({ strategyModules: ['./faulty.mjs'] });
    expect(await vehicle.ended).toBe(1);
    expect(vehicle.log()).toMatch(code);
    expect(vehicle.log()).toMatch(reason);
    expect(world.traces('vehicle')).toBe(before);
    expect(existsSync(vehicle.control)).toBe(false);
    expect(existsSync(`${vehicle.control}.state`)).toBe(false);
  });

  test('a log that nobody reads any more ends nothing', async () => {
    const { vehicle, gateway } = await connected();
    vehicle.process.stderr?.destroy();
    gateway.process.kill('SIGTERM');
    await gateway.ended;
    await world.start('gateway');
    // The paths went down and came back: entries that could not be written.
    await until('a new session', async () => {
      const client = await world.client(vehicle);
      const [peer] = (await client.status()).peers;
      client.close();
      return peer?.session === 'established' && peer.counters.handshakes >= 2;
    });
  });

  test.each([
    ['gateway', { listen: ['192.0.2.77:4510'] }, /cannot listen on 192\.0\.2\.77:4510/],
    ['vehicle', { tun: { name: 'w0', addresses: ['10.77.0.2/24'] } }, /the TUN device \\"w0\\" /],
    [
      'vehicle',
      { tun: { name: 'cor0', addresses: ['10.77.0.2/24'], routes: ['10.1.0.0/24'] } },
      /ip route add 10\.1\.0\.0\/24 dev cor0.* failed: File exists/,
    ],
  ] as const)('%s with %j says what is wrong and leaves nothing', async (machine, change, sentence) => {
    const before = world.traces(machine);
    const tunnel = world.launch(machine, change);
    expect(await tunnel.ended).toBe(1);
    expect(tunnel.log()).toMatch(sentence);
    expect(tunnel.log().trimEnd().split('\n')).toHaveLength(1);
    expect(world.traces(machine)).toBe(before);
  });

  test('logs are JSON lines that hold no secret', async () => {
    const { vehicle } = await connected();
    // The status tells of a session at once; the line in the log still travels through a pipe, perhaps in parts.
    await until('a session in the log', () => completeLines(vehicle.log()).some((line) => line.includes('"session"')));
    for (const line of completeLines(vehicle.log())) expect(JSON.parse(line)).toHaveProperty('level');
    expect(vehicle.log()).not.toContain(world.keys.vehicle);
  });
});

/** Without the last, which may still be coming. */
const completeLines = (text: string): string[] => text.split('\n').slice(0, -1);

async function readConfig(machine: 'vehicle' | 'gateway'): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  return readFile(world.config(machine), 'utf8');
}
