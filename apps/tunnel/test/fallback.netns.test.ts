/** Networks that let no UDP pass, on real links with real TLS. */
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Echoed, sleep, type Tunnel, until, World } from './world.js';

const CERTIFICATES = fileURLToPath(new URL('./certificates/', import.meta.url));
const PORTAL = fileURLToPath(new URL('./portal.mjs', import.meta.url));
const PORT = 8443;

let world: World;

beforeEach(async () => {
  world = await World.create();
});

afterEach(async () => {
  await world.close();
});

const authority = new X509Certificate(readFileSync(join(CERTIFICATES, 'authority.pem')));
const fallback = {
  url: `https://203.0.113.10:${PORT}`,
  fingerprint: createHash('sha256').update(authority.raw).digest('base64url'),
};

/** A gateway with that certificate. */
function showing(name: string): Record<string, unknown> {
  const key = join(world.folder, 'tls.key');
  copyFileSync(join(CERTIFICATES, `${name}.key`), key);
  chmodSync(key, 0o600);
  return { fallback: { listen: [`0.0.0.0:${PORT}`], cert: join(CERTIFICATES, `${name}.pem`), key: 'tls.key' } };
}

/** A firewall in the network: the gateway gets no UDP from these uplinks. */
function dropUdp(...uplinks: number[]): void {
  const rules = uplinks.map((n) => `iifname g${n} udp dport 4510 drop;`);
  nft(`table inet firewall { chain input { type filter hook input priority 0; ${rules.join(' ')} }\n}`);
}

function letUdpPass(): void {
  nft('delete table inet firewall');
}

function nft(ruleset: string): void {
  world.run('gateway', ['nft', ruleset]);
}

interface View {
  readonly session: string;
  /** State of each path. */
  readonly paths: Readonly<Record<string, string>>;
  /** Path that the default class uses first. */
  readonly active: string | undefined;
}

async function view(tunnel: Tunnel): Promise<View> {
  const client = await world.client(tunnel);
  const [peer] = (await client.status()).peers;
  client.close();
  const paths = (peer?.paths ?? []).map(({ name, state }) => [name, state]);
  return {
    session: peer?.session ?? 'none',
    paths: Object.fromEntries(paths),
    active: peer?.classes.find(({ name }) => name === 'default')?.paths[0],
  };
}

/** Packets that an end's own queues dropped: CoDel is at work wherever a path is slower than its traffic for a moment. */
async function dropped(...ends: Tunnel[]): Promise<number> {
  let sum = 0;
  for (const end of ends) {
    const client = await world.client(end);
    const [peer] = (await client.status()).peers;
    client.close();
    sum += peer?.counters.queueDrops ?? 0;
  }
  return sum;
}

async function counter(tunnel: Tunnel, name: string): Promise<number> {
  const client = await world.client(tunnel);
  const { counters } = await client.status();
  client.close();
  return counters[name] ?? 0;
}

function lost(echoed: readonly Echoed[]): number {
  return echoed.reduce((sum, { sent, received }) => sum + sent - received, 0);
}

const ONE_UPLINK = { uplinks: [{ device: 'w0' }] };

describe('where UDP gets nowhere', () => {
  test('the session comes up over TLS, packets pass unchanged, and UDP takes over without loss when it works', async () => {
    dropUdp(0, 1);
    const gateway = await world.start('gateway', showing('gateway'));
    const started = performance.now();
    const vehicle = await world.start('vehicle', { fallback });
    await until('a session', async () => (await view(vehicle)).session === 'established');
    expect(performance.now() - started).toBeLessThan(8_000);
    await until('the preferred uplink', async () => (await view(vehicle)).active === 'w0/tls');
    await until('the gateway’s view', async () => (await view(gateway)).active === 'w0/tls');
    await world.echoServer('gateway', '10.77.0.1');
    await world.echoServer('vehicle', '10.77.0.2');
    const lengths = await Promise.all([
      world.echo('vehicle', '10.77.0.1', 300, 4, 1372),
      world.echo('gateway', '10.77.0.2', 300, 4, 40),
    ]);
    for (const { sent } of lengths) expect(sent).toBe(300);
    expect(lost(lengths)).toBeLessThanOrEqual(await dropped(vehicle, gateway));

    const both = Promise.all([
      world.echo('vehicle', '10.77.0.1', 2400, 5, 700),
      world.echo('gateway', '10.77.0.2', 2400, 5, 700),
    ]);
    await sleep(1000);
    letUdpPass();
    await until('UDP in use', async () => (await view(vehicle)).active === 'w0');
    await until('TLS left', async () => !('w0/tls' in (await view(vehicle)).paths));
    expect(lost(await both)).toBeLessThanOrEqual(await dropped(vehicle, gateway));
    const { paths } = await view(vehicle);
    expect(paths).toEqual({ w0: 'up', w1: 'up' });
    expect(vehicle.log()).toMatch(/uplink w0 tls-closed: UDP works again/);
    // The gateway is rid of both connections, too.
    await until('no connection', async () => (await counter(gateway, 'streams.closed')) === 2);
    expect(await counter(gateway, 'bridge.accepted')).toBe(2);
  });

  test('a session that worked goes on over TLS when a firewall goes up, and over UDP when it comes down', async () => {
    const gateway = await world.start('gateway', showing('gateway'));
    const vehicle = await world.start('vehicle', { fallback, ...ONE_UPLINK });
    await until('a session', async () => (await view(vehicle)).active === 'w0');
    await world.echoServer('gateway', '10.77.0.1');
    expect(await world.echo('vehicle', '10.77.0.1', 20, 5)).toMatchObject({ received: 20 });
    dropUdp(0);
    await until('TLS in use', async () => (await view(vehicle)).active === 'w0/tls');
    const before = await dropped(vehicle, gateway);
    const over = [await world.echo('vehicle', '10.77.0.1', 300, 5, 1000)];
    expect(vehicle.log()).not.toMatch(/session (closed|lost)/);
    letUdpPass();
    await until('TLS left', async () => Object.keys((await view(vehicle)).paths).join() === 'w0');
    over.push(await world.echo('vehicle', '10.77.0.1', 100, 5, 1000));
    expect(lost(over)).toBeLessThanOrEqual((await dropped(vehicle, gateway)) - before);
  });

  test('of one uplink only, its path over TLS comes after 10 s and waits behind the UDP of the other', async () => {
    dropUdp(0);
    const gateway = await world.start('gateway', showing('gateway'));
    const vehicle = await world.start('vehicle', { fallback });
    await until('a session', async () => (await view(vehicle)).session === 'established');
    const since = performance.now();
    await world.echoServer('gateway', '10.77.0.1');
    const echoed = world.echo('vehicle', '10.77.0.1', 1300, 10);
    await until('its path', async () => (await view(vehicle)).paths['w0/tls'] === 'up', 20_000);
    expect(performance.now() - since).toBeGreaterThan(8_000);
    expect(lost([await echoed])).toBeLessThanOrEqual(await dropped(vehicle, gateway));
    expect(await view(vehicle)).toMatchObject({ active: 'w1', paths: { w0: 'down', w1: 'up', 'w0/tls': 'up' } });
    // And it is there when the other uplink goes.
    const before = await dropped(vehicle, gateway);
    const rest = world.echo('vehicle', '10.77.0.1', 300, 10);
    await sleep(500);
    world.ip('vehicle', 'link set w1 down');
    await until('TLS in use', async () => (await view(vehicle)).active === 'w0/tls');
    expect(lost([await rest])).toBeLessThanOrEqual((await dropped(vehicle, gateway)) - before);
  });

  test('it goes through the uplink’s own device, whatever the routes of the machine say', async () => {
    dropUdp(0, 1);
    await world.start('gateway', showing('gateway'));
    const vehicle = await world.start('vehicle', { fallback });
    await until('both paths', async () => {
      const { paths } = await view(vehicle);
      return paths['w0/tls'] === 'up' && paths['w1/tls'] === 'up';
    });
    const connections = world.run('gateway', ['ss', '-Htn', 'state', 'established', `sport = :${PORT}`]);
    expect(connections.match(/10\.[12]\.0\.2:/g)?.sort()).toEqual(['10.1.0.2:', '10.2.0.2:']);
  });
});

describe('a server that is not the gateway', () => {
  test('is refused by its certificate, however valid, and said once; one whose dates are over is taken', async () => {
    dropUdp(0, 1);
    const foreign = await world.start('gateway', showing('foreign'));
    const vehicle = await world.start('vehicle', { fallback, ...ONE_UPLINK });
    await until('its refusal', () => vehicle.log().includes('tls-failed'));
    expect(vehicle.log()).toMatch(/not of the authority that the configuration names/);
    expect(await counter(foreign, 'bridge.accepted')).toBe(0);
    foreign.process.kill('SIGTERM');
    await foreign.ended;
    const past = await world.start('gateway', showing('past'));
    await until('a session', async () => (await view(vehicle)).active === 'w0/tls', 30_000);
    expect(await counter(past, 'bridge.accepted')).toBe(1);
    expect(vehicle.log().match(/tls-failed[^\n]*authority that the configuration names/g)).toHaveLength(1);
  });

  test.each([
    ['plain', 'it does not speak TLS'],
    ['silent', 'no answer within 8 s'],
    ['page', 'HTTP status 200 instead of a WebSocket'],
    ['redirect', 'HTTP status 302 instead of a WebSocket'],
    ['garbage', 'the answer is not HTTP'],
  ])(
    'a captive portal that answers with %s is a failure, and the gateway is tried again behind it',
    async (kind, why) => {
      dropUdp(0, 1);
      await world.start('gateway', showing('gateway'));
      const portal = world.spawn('gateway', [process.execPath, PORTAL, kind, '8444', CERTIFICATES]);
      await once(portal.stdout as NodeJS.ReadableStream, 'data');
      nft(
        `table ip portal { chain nat { type nat hook prerouting priority -100; tcp dport ${PORT} redirect to :8444; }\n}`,
      );
      const vehicle = await world.start('vehicle', { fallback, ...ONE_UPLINK });
      await until('the failure', () => vehicle.log().includes(why), 20_000);
      expect((await view(vehicle)).session).not.toBe('established');
      // Somebody has logged in.
      nft('delete table ip portal');
      await until('a session', async () => (await view(vehicle)).active === 'w0/tls', 20_000);
    },
  );
});
