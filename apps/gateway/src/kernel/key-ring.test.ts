import { createPublicKey, X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compactVerify, generateKeyPair, importJWK, SignJWT, UnsecuredJWT } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GatewayConfig } from '../config/gateway-config.js';
import { KeyRing } from './key-ring.js';

let directory: string;
const open = () => KeyRing.open(new GatewayConfig({ CORRIDOR_DATA: join(directory, 'data') }));
const keyFile = (name: string) => join(directory, 'data/keys', name);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'corridor-keys-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the key ring', () => {
  it('makes its keys once, for nobody else to read, and keeps them', async () => {
    const first = await open();
    const second = await open();
    expect(second.policyKeys()).toEqual(first.policyKeys());
    expect(second.tunnelPublicKey).toBe(first.tunnelPublicKey);
    expect(second.authority?.fingerprint).toBe(first.authority?.fingerprint);
    const files = readdirSync(join(directory, 'data/keys'));
    expect(files.sort()).toEqual(['authority.pem', 'policy-signing.pem', 'token-signing.pem', 'tunnel.key']);
    for (const file of files) expect(statSync(keyFile(file)).mode & 0o777, file).toBe(0o600);
    expect(statSync(join(directory, 'data')).mode & 0o777).toBe(0o700);
  });

  it('lets two first starts at the same time end with the same keys', async () => {
    const [a, b] = await Promise.all([open(), open()]);
    expect(a.policyKeys()).toEqual(b.policyKeys());
    expect(a.tunnelPublicKey).toBe(b.tunnelPublicKey);
    expect(a.authority?.fingerprint).toBe(b.authority?.fingerprint);
  });

  it.each(['authority.pem', 'policy-signing.pem', 'token-signing.pem', 'tunnel.key'])(
    'refuses a damaged %s and never replaces it',
    async (name) => {
      await open();
      const half = readFileSync(keyFile(name), 'utf8').slice(0, 40);
      writeFileSync(keyFile(name), half);
      await expect(open()).rejects.toThrow(new RegExp(`${name} is damaged: .*restore it from a backup`));
      expect(readFileSync(keyFile(name), 'utf8')).toBe(half);
    },
  );

  it('refuses an authority whose key is that of another', async () => {
    await open();
    const own = readFileSync(keyFile('authority.pem'), 'utf8');
    rmSync(keyFile('authority.pem'));
    await open();
    const other = readFileSync(keyFile('authority.pem'), 'utf8');
    const certificate = own.slice(0, own.indexOf('-----BEGIN PRIVATE'));
    writeFileSync(keyFile('authority.pem'), certificate + other.slice(other.indexOf('-----BEGIN PRIVATE')));
    await expect(open()).rejects.toThrow(/authority.pem is damaged/);
  });

  it('refuses a key that others may read', async () => {
    await open();
    chmodSync(keyFile('tunnel.key'), 0o640);
    await expect(open()).rejects.toThrow(/tunnel.key can be read by others/);
  });

  it('signs policies with the key that it announces', async () => {
    const ring = await open();
    const [announced] = ring.policyKeys();
    const jws = await ring.signPolicy({ kind: 'effective-policy', version: 3 });
    const { payload, protectedHeader } = await compactVerify(jws, await importJWK({ ...announced! }, 'EdDSA'));
    expect(protectedHeader).toEqual({ alg: 'EdDSA', kid: announced!.kid, typ: 'corridor-policy+jws' });
    expect(JSON.parse(Buffer.from(payload).toString())).toEqual({ kind: 'effective-policy', version: 3 });
  });

  it('makes an authority and a leaf that OpenSSL believes', async () => {
    const { authority } = await open();
    const leaf = await authority!.issue(['corridor.example.org', '10.77.0.1', '::1'], Date.now());
    const issuer = new X509Certificate(authority!.certificatePem);
    const certificate = new X509Certificate(leaf.certificatePem);
    expect(certificate.verify(issuer.publicKey)).toBe(true);
    expect(certificate.checkIssued(issuer)).toBe(true);
    expect(certificate.checkHost('corridor.example.org')).toBe('corridor.example.org');
    expect(certificate.checkIP('10.77.0.1')).toBe('10.77.0.1');
    expect(certificate.checkIP('::1')).toBe('::1');
    expect(certificate.checkHost('other.example.org')).toBeUndefined();
    expect(certificate.ca).toBe(false);
    expect(issuer.ca).toBe(true);
    expect(createPublicKey(leaf.keyPem).asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    const raw = issuer.fingerprint256.replaceAll(':', '');
    expect(Buffer.from(authority!.fingerprint, 'base64url').toString('hex').toUpperCase()).toBe(raw);
  });
});

describe('a token', () => {
  const options = { audience: 'corridor-device', expiresInSeconds: 60 };

  it('is good for its audience', async () => {
    const ring = await open();
    const token = await ring.signToken({ sub: 'device' }, options);
    expect((await ring.verifyToken(token, options)).sub).toBe('device');
  });

  it('is refused for another audience, after its time, and of another key', async () => {
    const ring = await open();
    const token = await ring.signToken({ sub: 'device' }, options);
    await expect(ring.verifyToken(token, { audience: 'other' })).rejects.toThrow(/"aud"/);
    const old = await ring.signToken({ sub: 'device' }, { ...options, expiresInSeconds: -1 });
    await expect(ring.verifyToken(old, options)).rejects.toThrow(/"exp"/);
    const { privateKey } = await generateKeyPair('EdDSA');
    const foreign = await signedBy('EdDSA', privateKey);
    await expect(ring.verifyToken(foreign, options)).rejects.toThrow(/signature verification failed/);
  });

  it('is refused with another algorithm: none, or HMAC with the public key as its secret', async () => {
    const ring = await open();
    const unsigned = new UnsecuredJWT({ sub: 'device' })
      .setIssuer('corridor-gateway')
      .setAudience(options.audience)
      .setExpirationTime('1m')
      .setIssuedAt()
      .encode();
    await expect(ring.verifyToken(unsigned, options)).rejects.toThrow();
    const publicKey = Buffer.from(ring.policyKeys()[0]!.x, 'base64url');
    await expect(ring.verifyToken(await signedBy('HS256', publicKey), options)).rejects.toThrow(/"alg"/);
  });

  it('is refused when a policy key signed it: each key has one purpose', async () => {
    const ring = await open();
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: 'corridor-gateway', aud: options.audience, iat: now, exp: now + 60 };
    await expect(ring.verifyToken(await ring.signPolicy(claims), options)).rejects.toThrow();
  });

  function signedBy(alg: string, key: Parameters<SignJWT['sign']>[0]) {
    return new SignJWT({ sub: 'device' })
      .setProtectedHeader({ alg, typ: 'JWT' })
      .setIssuer('corridor-gateway')
      .setAudience(options.audience)
      .setExpirationTime('1m')
      .setIssuedAt()
      .sign(key);
  }
});
