import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ADMIN_PASSWORD, overTls, startGateway, type TestGateway } from '../../test/gateway.js';
import { GatewayConfig } from '../config/gateway-config.js';
import { KeyRing } from '../kernel/key-ring.js';
import type { Listeners } from './listeners.js';
import { serverCertificate, serverNames } from './tls.js';

const DAY_MS = 86_400_000;

describe('the certificate of the server', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'corridor-tls-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const configure = (environment: Record<string, string> = {}) =>
    new GatewayConfig({
      CORRIDOR_DATA: join(directory, 'data'),
      CORRIDOR_PUBLIC_URL: 'https://fleet.example.org:8443',
      ...environment,
    });
  const certificate = async (config: GatewayConfig, nowMs = Date.now()) =>
    new X509Certificate((await serverCertificate(config, await KeyRing.open(config), nowMs)).cert);

  it('names the public host, the address inside the tunnels and this machine', async () => {
    const own = await certificate(configure({ CORRIDOR_OVERLAY6: 'fd77::/64' }));
    expect(own.checkIP('fd77::1')).toBe('fd77::1');
    for (const name of ['fleet.example.org', 'localhost']) expect(own.checkHost(name)).toBe(name);
    for (const address of ['10.77.0.1', '127.0.0.1', '::1']) expect(own.checkIP(address)).toBe(address);
    expect(serverNames(configure({ CORRIDOR_PUBLIC_URL: 'https://[2001:db8::1]:8443' }))).toContain('2001:db8::1');
    expect(serverNames(configure({ CORRIDOR_TUNNEL: 'off' }))).not.toContain('10.77.0.1');
  });

  it('is followed by its authority, whose fingerprint stands in claims', async () => {
    const config = configure();
    const keys = await KeyRing.open(config);
    const { cert } = await serverCertificate(config, keys);
    const chain = cert.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)!;
    expect(chain).toHaveLength(2);
    const [leaf, authority] = chain.map((pem) => new X509Certificate(pem)) as [X509Certificate, X509Certificate];
    expect(leaf.checkIssued(authority) && leaf.verify(authority.publicKey)).toBe(true);
    const fingerprint = Buffer.from(authority.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
    expect(fingerprint).toBe(keys.authority!.fingerprint);
  });

  it('is kept until a third of its life is left, then made anew by the same authority', async () => {
    const config = configure();
    const now = Date.now();
    const first = await certificate(config, now);
    expect((await certificate(config, now + 200 * DAY_MS)).serialNumber).toBe(first.serialNumber);
    const renewed = await certificate(config, now + 300 * DAY_MS);
    expect(renewed.serialNumber).not.toBe(first.serialNumber);
    expect(renewed.issuer).toBe(first.issuer);
    expect(statSync(join(directory, 'data/tls/server.pem')).mode & 0o777).toBe(0o600);
  });

  it('is made anew when the names change or the file is damaged', async () => {
    const first = await certificate(configure());
    const moved = await certificate(configure({ CORRIDOR_PUBLIC_URL: 'https://other.example.org' }));
    expect(moved.checkHost('other.example.org')).toBe('other.example.org');
    expect(moved.checkHost('fleet.example.org')).toBeUndefined();
    expect(moved.serialNumber).not.toBe(first.serialNumber);
    const file = join(directory, 'data/tls/server.pem');
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 200));
    expect((await certificate(configure())).checkHost('localhost')).toBe('localhost');
  });

  it('is the given one where one is given', async () => {
    const own = configure();
    const { cert, key } = await serverCertificate(own, await KeyRing.open(own));
    const [certFile, keyFile] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
    writeFileSync(certFile, cert);
    writeFileSync(keyFile, key);
    const config = configure({ CORRIDOR_TLS_CERT: certFile, CORRIDOR_TLS_KEY: keyFile });
    const keys = await KeyRing.open(config);
    expect(keys.authority).toBeNull();
    expect(await serverCertificate(config, keys)).toEqual({ cert, key });
  });
});

describe('the HTTPS listener', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway({ listen: true });
  }, 60_000);
  const authority = () => gateway.get(KeyRing).authority!.certificatePem;

  it('is believed by who knows the authority, and by nobody else', async () => {
    const options = { ca: authority(), servername: 'gateway.test' };
    expect((await overTls(`${gateway.url}/health/live`, options)).status).toBe(200);
    const other = await KeyRing.open(new GatewayConfig({ CORRIDOR_DATA: join(gateway.config.dataDirectory, 'other') }));
    const foreign = { ca: other.authority!.certificatePem, servername: 'gateway.test' };
    await expect(overTls(`${gateway.url}/health/live`, foreign)).rejects.toThrow(/certificate/);
  });

  it('takes another certificate while it runs', async () => {
    const { listeners } = (gateway.gateway as unknown as { web: { listeners: Listeners } }).web;
    const leaf = await gateway.get(KeyRing).authority!.issue(['renewed.test'], Date.now());
    listeners.useCertificate({ cert: leaf.certificatePem + authority(), key: leaf.keyPem });
    const options = { ca: authority(), servername: 'renewed.test' };
    expect((await overTls(`${gateway.url}/health/live`, options)).status).toBe(200);
    expect(() => listeners.useCertificate({ cert: 'none', key: 'none' })).toThrow();
    expect((await overTls(`${gateway.url}/health/live`, options)).status).toBe(200);
  });

  it('marks its cookie secure', async () => {
    const body = JSON.stringify({ username: 'admin', password: ADMIN_PASSWORD });
    const headers = { 'content-type': 'application/json' };
    const answer = await overTls(`${gateway.url}/api/v1/session`, { method: 'POST', headers, body });
    expect(answer.status).toBe(200);
    expect(String(answer.headers['set-cookie'])).toMatch(/; HttpOnly; SameSite=Strict; Secure$/);
  });

  it('believes no forwarded headers', async () => {
    const headers = { 'x-forwarded-proto': 'http', 'x-forwarded-for': '192.0.2.1', 'content-type': 'application/json' };
    const body = JSON.stringify({ username: 'admin', password: ADMIN_PASSWORD });
    const answer = await overTls(`${gateway.url}/api/v1/session`, { method: 'POST', headers, body });
    expect(String(answer.headers['set-cookie'])).toMatch(/; Secure$/);
  });

  it('speaks nothing older than TLS 1.2', async () => {
    const { port } = new URL(gateway.url);
    const attempt = new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: Number(port), rejectUnauthorized: false } as const;
      const socket = connect({ ...options, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }, () => resolve(socket.end()));
      socket.once('error', reject);
    });
    await expect(attempt).rejects.toThrow();
  });
});
