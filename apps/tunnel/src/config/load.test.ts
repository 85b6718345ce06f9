import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generatePrivateKey, publicKeyOf } from '../keys.js';
import { ConfigError, loadConfig } from './load.js';

type Loose = Record<string, unknown>;

let folder = '';
const privateKey = generatePrivateKey();
const publicKey = publicKeyOf(privateKey);
const otherKey = publicKeyOf(generatePrivateKey());

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-config-'));
  const file = (name: string, text: string, mode = 0o600) => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), mode);
  };
  file('end.key', `${privateKey}\n`);
  file('open.key', `${privateKey}\n`, 0o644);
  file('group.key', `${privateKey}\n`, 0o640);
  file('short.key', 'c2hvcnQ=\n');
  mkdirSync(join(folder, 'folder.key'), { mode: 0o700 });
  file('cheapest.mjs', strategyModule('cheapest'));
  file('unnamed.mjs', 'export default { create() {} };');
  file('bad-name.mjs', strategyModule('Cheapest One'));
  file('taken.mjs', strategyModule('redundant'));
  file('empty.mjs', 'export const nothing = 1;');
  file('broken.mjs', 'export default {');
});

afterAll(() => rmSync(folder, { recursive: true }));

function strategyModule(name: string): string {
  return `export default {
    name: '${name}',
    description: 'A strategy for the test.',
    create: () => ({ plan: ({ paths }) => ({ mode: 'single', paths: [paths[0].id], reason: 'test' }) }),
  };`;
}

const vehicle = (): Loose => ({
  role: 'vehicle',
  privateKeyFile: 'end.key',
  control: 'veh.sock',
  gateway: { publicKey, endpoints: ['203.0.113.10:4510'] },
  tun: { name: 'cor0', addresses: ['10.77.0.2/24'], routes: ['10.77.0.0/24'] },
  uplinks: [{ device: 'w0' }, { device: 'w1', metered: true, priority: 2 }],
  policy: { default: { strategy: 'active-standby' }, classes: [] },
});

const gateway = (): Loose => ({
  role: 'gateway',
  listen: ['203.0.113.10:4510'],
  privateKeyFile: 'end.key',
  control: 'gw.sock',
  tun: { name: 'cor0', addresses: ['10.77.0.1/24'] },
  vehicles: [{ name: 'rtw-1', publicKey, addresses: ['10.77.0.2/32', '192.168.77.0/24'] }],
});

async function load(config: unknown) {
  const file = join(folder, 'config.json');
  writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
  return loadConfig(file);
}

/** The mistakes as the command prints them, without the name of the file. */
async function mistakesOf(config: unknown): Promise<string[]> {
  try {
    await load(config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map((line) => line.replace(`${join(folder, 'config.json')}: `, ''));
  }
  return [];
}

/** A config with one value replaced (or, with undefined, left out). */
function changed(config: Loose, path: string, value: unknown): Loose {
  const keys = path.split('.');
  const last = keys.pop() as string;
  let at = config as Record<string, Loose>;
  for (const key of keys) at = at[key] as Record<string, Loose>;
  if (value === undefined) delete at[last];
  else at[last] = value as Loose;
  return config;
}

describe('good configs', () => {
  test('a vehicle as in the guide', async () => {
    const { host, control, logLevel } = await load(vehicle());
    expect(control).toBe(join(folder, 'veh.sock'));
    expect(logLevel).toBe('info');
    expect(host).toMatchObject({
      role: 'vehicle',
      tun: { name: 'cor0', addresses: ['10.77.0.2/24'], routes: ['10.77.0.0/24'], mtu: 1400 },
      uplinks: [
        { device: 'w0', priority: 1, metered: false },
        { device: 'w1', priority: 2, metered: true },
      ],
      policy: { version: 1, default: { strategy: 'active-standby' }, classes: [] },
      stateFile: join(folder, 'veh.sock.state'),
    });
    expect(Buffer.from(host.privateKey).toString('base64')).toBe(privateKey);
  });

  test('a gateway as in the guide', async () => {
    const { host } = await load(gateway());
    expect(host).toMatchObject({ role: 'gateway', listen: ['203.0.113.10:4510'] });
    expect(host.role === 'gateway' && host.vehicles[0]?.addresses).toEqual(['10.77.0.2/32', '192.168.77.0/24']);
  });

  test('default routes, both families, patterns, a strategy module and a policy that names it', async () => {
    const { host } = await load({
      ...vehicle(),
      gateway: { publicKey, endpoints: ['203.0.113.10:4510', '[2001:db8::10]:4510'] },
      tun: { name: 'cor0', addresses: ['10.77.0.2/24', 'fd77::2/64'], routes: ['0.0.0.0/0', '::/0'], mtu: 1280 },
      uplinks: [{ device: 'wwan*' }],
      strategyModules: ['./cheapest.mjs'],
      policy: { default: { strategy: 'cheapest' } },
    });
    expect(host.strategyModules?.[0]).toMatch(/^file:.*cheapest\.mjs$/);
  });
});

describe('each mistake is one sentence that names the key', () => {
  const keyText = 'expected a key of 32 bytes as one base64 line, as "corridor-tunnel pubkey" prints it';
  const prefixText = 'expected an address with its prefix length, such as "10.77.0.2/24" or "fd77::2/64"';
  const endpointText =
    'expected "address:port" or "[address]:port" with a port of 1 to 65535, such as "203.0.113.10:4510"';

  test.each<[string, unknown, string]>([
    ['role', undefined, 'role: missing: expected "vehicle" or "gateway"'],
    ['role', 'ambulance', 'role: expected "vehicle" or "gateway"'],
    [
      'privateKeyFile',
      undefined,
      'privateKeyFile: missing: expected the path of a file with the private key, as "corridor-tunnel keygen" prints it',
    ],
    [
      'privateKeyFile',
      7,
      'privateKeyFile: expected the path of a file with the private key, as "corridor-tunnel keygen" prints it',
    ],
    ['privateKeyFile', 'none.key', 'privateKeyFile: none.key cannot be read: no such file or directory'],
    ['privateKeyFile', 'folder.key', 'privateKeyFile: folder.key cannot be read: illegal operation on a directory'],
    [
      'privateKeyFile',
      'open.key',
      'privateKeyFile: open.key has mode 0644: expected 0600, so that only its owner reads it (chmod 600)',
    ],
    [
      'privateKeyFile',
      'group.key',
      'privateKeyFile: group.key has mode 0640: expected 0600, so that only its owner reads it (chmod 600)',
    ],
    [
      'privateKeyFile',
      'short.key',
      'privateKeyFile: short.key holds no key: expected 32 bytes as one base64 line, as "corridor-tunnel keygen" prints it',
    ],
    ['control', undefined, 'control: missing: expected the path of the control socket'],
    ['control', '', 'control: expected the path of the control socket'],
    [
      'control',
      `/${'x'.repeat(120)}`,
      'control: the full path has 121 bytes: expected at most 107, the limit of unix sockets',
    ],
    ['tun', undefined, 'tun: missing: expected an object with name and addresses'],
    ['tun', 'cor0', 'tun: expected an object with name and addresses'],
    [
      'tun.name',
      undefined,
      'tun.name: missing: expected an interface name of 1 to 15 letters, digits, "-", "_" or "."',
    ],
    [
      'tun.name',
      'a-name-that-is-too-long',
      'tun.name: expected an interface name of 1 to 15 letters, digits, "-", "_" or "."',
    ],
    ['tun.name', 'cor%d', 'tun.name: expected an interface name of 1 to 15 letters, digits, "-", "_" or "."'],
    ['tun.name', '..', 'tun.name: expected an interface name of 1 to 15 letters, digits, "-", "_" or "."'],
    [
      'tun.addresses',
      [],
      'tun.addresses: expected a list with at least one address of this end inside the tunnel, such as ["10.77.0.2/24"]',
    ],
    ['tun.addresses', ['10.77.0.2'], `tun.addresses[0]: ${prefixText}`],
    ['tun.addresses', ['10.77.0.2/33'], `tun.addresses[0]: ${prefixText}`],
    ['tun.addresses', ['fd77::2/129'], `tun.addresses[0]: ${prefixText}`],
    ['tun.addresses', ['10.77.0.300/24'], `tun.addresses[0]: ${prefixText}`],
    ['tun.addresses', [7], `tun.addresses[0]: ${prefixText}`],
    ['tun.addresses', ['10.77.0.2/24', '10.77.0.2/24'], 'tun.addresses[1]: "10.77.0.2/24" stands here twice'],
    ['tun.routes', '10.77.0.0/24', 'tun.routes: expected a list of prefixes such as ["10.77.0.0/24"]'],
    ['tun.routes', ['default'], `tun.routes[0]: ${prefixText}`],
    ['tun.mtu', '1400', 'tun.mtu: expected a number of bytes from 576 to 1900'],
    ['tun.mtu', 1901, 'tun.mtu: expected a number of bytes from 576 to 1900'],
    ['tun.mtu', 575, 'tun.mtu: expected a number of bytes from 576 to 1900'],
    ['tun.mtu', 1400.5, 'tun.mtu: expected a number of bytes from 576 to 1900'],
    ['tun.adresses', ['10.77.0.2/24'], 'tun.adresses: unknown key: did you mean "addresses"?'],
    ['tun.gateway', '10.77.0.1', 'tun.gateway: unknown key: expected one of name, addresses, routes, mtu, offload'],
    ['logLevel', 'loud', 'logLevel: expected one of "debug", "info", "warn", "error"'],
    ['strategyModules', 'x.mjs', 'strategyModules: expected a list of paths such as ["./cheapest.mjs"]'],
    [
      'strategyModules',
      ['./bad-name.mjs'],
      'strategyModules[0]: ./bad-name.mjs: expected a name of lower case letters, digits and dashes in its default export',
    ],
    [
      'strategyModules',
      ['./unnamed.mjs'],
      'strategyModules[0]: ./unnamed.mjs: expected a name of lower case letters, digits and dashes in its default export',
    ],
    [
      'strategyModules',
      ['./taken.mjs'],
      'strategyModules[0]: ./taken.mjs: the strategy name "redundant" is taken already',
    ],
    [
      'strategyModules',
      ['./empty.mjs'],
      'strategyModules[0]: ./empty.mjs: expected a StrategyFactory as its default export: { name, description, create }',
    ],
    ['gateway', undefined, 'gateway: missing: expected an object with publicKey and endpoints'],
    ['gateway.publicKey', 'abc', `gateway.publicKey: ${keyText}`],
    ['gateway.publicKey', `${'A'.repeat(42)}B=`, `gateway.publicKey: ${keyText}`],
    ['gateway.publicKey', 5, `gateway.publicKey: ${keyText}`],
    ['gateway.endpoints', [], 'gateway.endpoints: expected a list with at least one "address:port" of the gateway'],
    ['gateway.endpoints', ['203.0.113.10'], `gateway.endpoints[0]: ${endpointText}`],
    ['gateway.endpoints', ['203.0.113.10:0'], `gateway.endpoints[0]: ${endpointText}`],
    ['gateway.endpoints', ['203.0.113.10:70000'], `gateway.endpoints[0]: ${endpointText}`],
    ['gateway.endpoints', ['2001:db8::1:4510'], `gateway.endpoints[0]: ${endpointText}`],
    ['gateway.endpoints', ['gw.example:4510'], `gateway.endpoints[0]: ${endpointText}`],
    ['gateway.endpoints', ['1.2.3.4:1', '1.2.3.4:1'], 'gateway.endpoints[1]: "1.2.3.4:1" stands here twice'],
    ['uplinks', [], 'uplinks: expected a list with at least one uplink, such as [{ "device": "w0" }]'],
    ['uplinks', ['w0'], 'uplinks[0]: expected an object such as { "device": "w0" }'],
    [
      'uplinks',
      [{ device: 'w 0' }],
      'uplinks[0].device: expected an interface name or a pattern such as "wwan*", at most 15 characters',
    ],
    ['uplinks', [{ device: 'w0', priority: 0 }], 'uplinks[0].priority: expected a number from 1 (preferred) to 255'],
    ['uplinks', [{ device: 'w0', metered: 'yes' }], 'uplinks[0].metered: expected true or false'],
    ['uplinks', [{ device: 'w0', metred: true }], 'uplinks[0].metred: unknown key: did you mean "metered"?'],
    ['uplinks', [{ device: 'w0' }, { device: 'w0' }], 'uplinks[1].device: "w0" stands here twice'],
    [
      'uplinks',
      [{ device: 'w0', cap: { bytes: 5e9, resetDay: 1 } }],
      'usageFile: missing: expected the path of a file, as an uplink has a cap and its usage must outlive the process',
    ],
    [
      'vehicles',
      [],
      'vehicles: unknown key: expected one of role, privateKeyFile, control, tun, policy, strategyModules, logLevel, gateway, uplinks, usageFile, fallback',
    ],
    ['policy', 'redundant', 'policy: expected an object such as { "default": { "strategy": "active-standby" } }'],
  ])('vehicle, %s = %j', async (path, value, sentence) => {
    expect(await mistakesOf(changed(vehicle(), path, value))).toEqual([sentence]);
  });

  test.each<[string, unknown, string]>([
    ['listen', undefined, 'listen: missing: expected a list with at least one "address:port" to listen on'],
    ['listen', ['0.0.0.0'], `listen[0]: ${endpointText}`],
    ['listen', ['1.2.3.4:1', '1.2.3.4:1'], 'listen[1]: "1.2.3.4:1" stands here twice'],
    ['vehicles', undefined, 'vehicles: missing: expected a list of vehicles (it may be empty)'],
    ['vehicles.0.name', '', 'vehicles[0].name: expected a name of 1 to 64 letters, digits, "-", "_" or "."'],
    ['vehicles.0.publicKey', 'x', `vehicles[0].publicKey: ${keyText}`],
    [
      'vehicles.0.addresses',
      [],
      'vehicles[0].addresses: expected a list with at least one prefix that belongs to the vehicle, such as ["10.77.0.2/32"]',
    ],
    [
      'vehicles.0.addresses',
      ['10.77.0.1/32'],
      'vehicles[0].addresses[0]: 10.77.0.1/32 overlaps tun.addresses[0]: an address belongs to one end only',
    ],
    [
      'vehicles.0.addresses',
      ['0.0.0.0/0'],
      'vehicles[0].addresses[0]: a default route cannot belong to a vehicle: expected its own networks',
    ],
    [
      'vehicles.0.addresses',
      ['203.0.113.0/24'],
      'vehicles[0].addresses[0]: 203.0.113.0/24 contains 203.0.113.10, on which the gateway listens',
    ],
  ])('gateway, %s = %j', async (path, value, sentence) => {
    expect(await mistakesOf(changed(gateway(), path, value))).toContain(sentence);
  });

  test('duplicate names, keys and overlapping addresses of vehicles', async () => {
    const config = gateway();
    const first = { name: 'rtw-1', publicKey, addresses: ['10.77.0.2/32'] };
    expect(
      await mistakesOf({
        ...config,
        vehicles: [first, { name: 'rtw-1', publicKey: otherKey, addresses: ['10.77.0.3/32'] }],
      }),
    ).toEqual(['vehicles[1].name: "rtw-1" stands here twice']);
    expect(
      await mistakesOf({ ...config, vehicles: [first, { name: 'rtw-2', publicKey, addresses: ['10.77.0.3/32'] }] }),
    ).toEqual(['vehicles[1].publicKey: is the key of another vehicle already: every vehicle needs a key of its own']);
    expect(
      await mistakesOf({
        ...config,
        vehicles: [first, { name: 'rtw-2', publicKey: otherKey, addresses: ['10.77.0.2/31'] }],
      }),
    ).toEqual([
      'vehicles[1].addresses[0]: 10.77.0.2/31 overlaps vehicles[0].addresses[0]: an address belongs to one end only',
    ]);
  });

  test('IPv6 inside needs 1280 bytes', async () => {
    const config = vehicle();
    config.tun = { name: 'cor0', addresses: ['fd77::2/64'], mtu: 1279 };
    expect(await mistakesOf(config)).toEqual([
      'tun.mtu: expected at least 1280 bytes, because the tunnel carries IPv6',
    ]);
  });

  test('a module that cannot be loaded', async () => {
    const [missing, broken, ...rest] = await mistakesOf({
      ...vehicle(),
      strategyModules: ['./none.mjs', './broken.mjs'],
    });
    expect(missing).toMatch(/^strategyModules\[0\]: \.\/none\.mjs: cannot be loaded: /);
    expect(broken).toMatch(/^strategyModules\[1\]: \.\/broken\.mjs: cannot be loaded: /);
    expect(rest).toEqual([]);
  });

  test('policies are checked by the engine, with the key in the file', async () => {
    const strategy = await mistakesOf({ ...vehicle(), policy: { default: { strategy: 'fastest' } } });
    expect(strategy).toHaveLength(1);
    expect(strategy[0]).toMatch(/^policy\.default\.strategy: expected one of .*active-standby/);
    const dscp = await mistakesOf({
      ...vehicle(),
      policy: {
        default: { strategy: 'redundant' },
        classes: [{ name: 'vitals', strategy: 'redundant', match: [{ dscp: [99] }] }],
      },
    });
    expect(dscp).toEqual(['policy.classes[0].match[0].dscp[0]: expected a whole number from 0 to 63, got 99']);
    expect(await mistakesOf({ ...vehicle(), policy: {} })).toHaveLength(1);
    const good = { name: 'vitals', strategy: 'redundant', match: [{}] };
    const parts = {
      default: { strategy: 'x' },
      classes: [good, { ...good, match: [] }, { ...good, match: [{ ports: ['9-1'] }] }],
    };
    expect((await mistakesOf({ ...vehicle(), policy: parts })).map((line) => line.split(': ')[0])).toEqual([
      'policy.default.strategy',
      'policy.classes[1].match',
      'policy.classes[2].match[0].ports[0]',
    ]);
    expect(
      await mistakesOf({ ...vehicle(), policy: { default: { strategy: 'redundant' }, classes: [good, good] } }),
    ).toEqual(['policy.classes[1].name: expected a name that no other class has, got "vitals"']);
  });

  test('files that are no JSON object', async () => {
    expect((await mistakesOf('{ "role": '))[0]).toMatch(/^is not JSON: /);
    expect(await mistakesOf('[]')).toEqual(['expected a JSON object with role, tun and the rest']);
    await expect(loadConfig(join(folder, 'none.json'))).rejects.toThrow(
      /none\.json: cannot be read: no such file or directory$/,
    );
  });

  test('all mistakes are told at once', async () => {
    const mistakes = await mistakesOf({
      ...vehicle(),
      privateKeyFile: 'open.key',
      control: 5,
      tun: { name: 'cor0', addresses: ['10.77.0.2'], mtu: 99 },
      uplinks: [{ device: 'w0' }, { device: 'w0', cost: 3 }],
      policy: { default: { strategy: 'none' } },
      strategyModules: ['./empty.mjs'],
      colour: 'red',
    });
    expect(mistakes.map((line) => line.split(': ')[0]).sort()).toEqual(
      [
        'colour',
        'control',
        'policy.default.strategy',
        'privateKeyFile',
        'strategyModules[0]',
        'tun.addresses[0]',
        'tun.mtu',
        'uplinks[1].cost',
        'uplinks[1].device',
      ].sort(),
    );
  });

  test('no mistake shows a key', async () => {
    const mistakes = await mistakesOf({
      ...vehicle(),
      privateKeyFile: 'open.key',
      gateway: { publicKey: `${privateKey}x`, endpoints: ['x'] },
    });
    expect(mistakes.join('\n')).not.toContain(privateKey);
  });
});

describe('a data cap', () => {
  const capped = (cap: unknown) => ({ ...vehicle(), uplinks: [{ device: 'w0', cap }], usageFile: 'usage.json' });

  test.each([
    { bytes: 5e9, resetDay: 28 },
    { bytes: 1e6, perDays: 366 },
  ])('of %j is taken', async (cap) => {
    const { host, usageFile } = await load(capped(cap));
    expect(host.role === 'vehicle' && host.uplinks[0]?.cap).toEqual(cap);
    expect(usageFile).toBe(join(folder, 'usage.json'));
  });

  test.each([
    [{ bytes: 5e9 }, 'uplinks[0].cap: expected either "resetDay" or "perDays" beside "bytes"'],
    [
      { bytes: 5e9, resetDay: 1, perDays: 30 },
      'uplinks[0].cap: expected either "resetDay" or "perDays" beside "bytes"',
    ],
    [
      { resetDay: 1 },
      'uplinks[0].cap.bytes: missing: expected a number of bytes from 1000000, such as 5000000000 for 5 GB',
    ],
    [
      { bytes: 5, resetDay: 1 },
      'uplinks[0].cap.bytes: expected a number of bytes from 1000000, such as 5000000000 for 5 GB',
    ],
    [{ bytes: 5e9, resetDay: 31 }, 'uplinks[0].cap.resetDay: expected a day of the month from 1 to 28'],
    [{ bytes: 5e9, perDays: 0 }, 'uplinks[0].cap.perDays: expected a number of days from 1 to 366'],
    [{ bytes: 5e9, resetDya: 1, perDays: 1 }, 'uplinks[0].cap.resetDya: unknown key: did you mean "resetDay"?'],
    ['5 GB', 'uplinks[0].cap: expected an object such as { "bytes": 5000000000, "resetDay": 1 }'],
  ])('of %j is refused', async (cap, mistake) => {
    expect(await mistakesOf(capped(cap))).toEqual([mistake]);
  });
});

describe('a fallback', () => {
  const certificates = fileURLToPath(new URL('../../test/certificates/', import.meta.url));
  const url = 'https://203.0.113.10';
  const fingerprint = '_'.repeat(43);

  beforeAll(() => {
    for (const name of ['authority.pem', 'gateway.pem']) copyFileSync(join(certificates, name), join(folder, name));
    const file = (name: string, text: string | Buffer, mode: number) => {
      writeFileSync(join(folder, name), text);
      chmodSync(join(folder, name), mode);
    };
    file('tls.key', readFileSync(join(certificates, 'gateway.key')), 0o600);
    file('tls-open.key', readFileSync(join(certificates, 'gateway.key')), 0o644);
    file('other-tls.key', readFileSync(join(certificates, 'past.key')), 0o600);
    file('no.pem', 'nothing here', 0o644);
    file('bad.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 0o644);
  });

  test('of a vehicle knows the gateway by a fingerprint in either notation, or by a certificate', async () => {
    const of = async (fallback: Loose) => (await load({ ...vehicle(), fallback })).host.fallback;
    expect(await of({ url, fingerprint })).toEqual({ url, trust: { kind: 'fingerprint', fingerprint } });
    const hex = Buffer.from(fingerprint, 'base64url').toString('hex').toUpperCase();
    const asOpenssl = hex.match(/../g)?.join(':');
    for (const written of [hex, asOpenssl]) {
      expect(await of({ url, fingerprint: written })).toMatchObject({ trust: { kind: 'fingerprint' } });
    }
    const pem = readFileSync(join(certificates, 'authority.pem'), 'utf8');
    expect(await of({ url, ca: 'authority.pem' })).toEqual({ url, trust: { kind: 'ca', pem } });
    expect((await load(vehicle())).host.fallback).toBeUndefined();
  });

  test('of a gateway is a listener with its certificate and key', async () => {
    const { host } = await load({
      ...gateway(),
      fallback: { listen: ['0.0.0.0:443'], cert: 'gateway.pem', key: 'tls.key' },
    });
    expect(host.fallback).toMatchObject({ listen: ['0.0.0.0:443'], key: expect.stringContaining('PRIVATE KEY') });
  });

  test.each<[Loose, string]>([
    [{ url }, 'fallback: expected either "fingerprint" or "ca", by which the gateway is known'],
    [
      { url, fingerprint, ca: 'authority.pem' },
      'fallback: expected either "fingerprint" or "ca", by which the gateway is known',
    ],
    [
      { url: 'http://203.0.113.10', fingerprint },
      'fallback.url: expected an address such as "https://gateway.example.org" or "https://203.0.113.10:8443/tunnel"',
    ],
    [
      { url, fingerprint: 'AB:CD' },
      "fallback.fingerprint: expected the SHA-256 of the authority's certificate: 43 characters of base64url, or 64 hexadecimal digits",
    ],
    [{ url, ca: 'missing.pem' }, 'fallback.ca: missing.pem cannot be read: no such file or directory'],
    [{ url, ca: 'no.pem' }, 'fallback.ca: no.pem holds no certificate: expected PEM'],
    [{ url, ca: 'bad.pem' }, 'fallback.ca: bad.pem holds a certificate that cannot be read'],
    [{ url, fingerprint, finger: 1 }, 'fallback.finger: unknown key: expected one of url, fingerprint, ca'],
  ])('of a vehicle that says %j is refused', async (fallback, mistake) => {
    expect(await mistakesOf({ ...vehicle(), fallback })).toEqual([mistake]);
  });

  test.each<[Loose, string[]]>([
    [
      {},
      [
        'fallback.listen: missing: expected a list with at least one "address:port" to listen on (TCP), such as ["0.0.0.0:443"]',
        'fallback.cert: missing: expected the path of the certificate chain (PEM)',
        'fallback.key: missing: expected the path of its private key (PEM)',
      ],
    ],
    [
      { cert: 'gateway.pem', key: 'tls-open.key' },
      ['fallback.key: tls-open.key has mode 0644: expected 0600 (chmod 600)'],
    ],
    [
      { cert: 'gateway.pem', key: 'other-tls.key' },
      ['fallback.key: other-tls.key is not the private key of gateway.pem'],
    ],
    [
      { cert: 'no.pem', key: 'missing.key' },
      [
        'fallback.cert: no.pem holds no certificate: expected PEM',
        'fallback.key: missing.key cannot be read: no such file or directory',
      ],
    ],
  ])('of a gateway that says %j is refused, with all mistakes at once', async (fallback, mistakes) => {
    const listen = Object.keys(fallback).length > 0 ? { listen: ['0.0.0.0:443'] } : {};
    expect(await mistakesOf({ ...gateway(), fallback: { ...listen, ...fallback } })).toEqual(mistakes);
  });
});
