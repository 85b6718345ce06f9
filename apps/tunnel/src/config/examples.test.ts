import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { generatePrivateKey, publicKeyOf } from '../keys.js';
import { loadConfig } from './load.js';

const deploy = fileURLToPath(new URL('../../../../deploy/', import.meta.url));
/** The agent's own example is tested with the agent. */
const examples = readdirSync(join(deploy, 'examples')).filter(
  (name) => name.endsWith('.json') && name !== 'agent.json',
);
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'corridor-examples-'));
  for (const name of examples) copyFileSync(join(deploy, 'examples', name), join(folder, name));
  for (const name of ['gateway.key', 'vehicle.key']) {
    writeFileSync(join(folder, name), generatePrivateKey());
    chmodSync(join(folder, name), 0o600);
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

test('there is an example of each role', () => {
  expect(examples).toEqual(expect.arrayContaining(['gateway.json', 'vehicle.json']));
});

test.each(examples)('deploy/examples/%s is a good config', async (name) => {
  const { host, control } = await loadConfig(join(folder, name));
  expect(host.role).toBe(name === 'gateway.json' ? 'gateway' : 'vehicle');
  expect(control.startsWith('/run/corridor/')).toBe(true);
});

test("the guide's configs are good ones", async () => {
  const guide = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const configs = [...guide.matchAll(/^ {7}\{ "role"(?:.*\n)+?\n/gm)].map(([text]) =>
    text.replace(/PUBLIC KEY OF THE \w+/, publicKeyOf(generatePrivateKey())),
  );
  for (const name of ['gw.key', 'veh.key']) writeFileSync(join(folder, name), generatePrivateKey(), { mode: 0o600 });
  const roles: string[] = [];
  for (const [index, text] of configs.entries()) {
    const file = join(folder, `guide-${index}.json`);
    writeFileSync(file, text);
    roles.push((await loadConfig(file)).host.role);
  }
  expect(roles).toEqual(['gateway', 'vehicle']);
});

describe('the systemd unit', () => {
  const unit = readFileSync(join(deploy, 'corridor-tunnel@.service'), 'utf8');
  const values = (key: string) => [...unit.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map((match) => match[1]);

  test('gives the two capabilities that the tunnel needs, and that of listening on port 443', () => {
    expect(values('AmbientCapabilities')).toEqual(['CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW']);
    expect(values('CapabilityBoundingSet')).toEqual(['CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW']);
    expect(values('NoNewPrivileges')).toEqual(['yes']);
  });

  test('opens the TUN device and the address families that the tunnel uses, nothing else', () => {
    expect(values('DeviceAllow')).toEqual(['/dev/net/tun rw']);
    expect(values('RestrictAddressFamilies')).toEqual(['AF_INET AF_INET6 AF_NETLINK AF_UNIX']);
    expect(values('ProtectSystem')).toEqual(['strict']);
  });

  test('runs the config that it is named after', () => {
    expect(values('ExecStart')).toEqual([
      '/usr/lib/corridor/apps/tunnel/bin/corridor-tunnel.js run --config /etc/corridor/%i.json',
    ]);
  });

  test('does not restart on a wrong config', () => {
    expect(values('RestartPreventExitStatus')).toEqual(['2']);
  });
});
