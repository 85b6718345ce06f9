/** The `fallback` of a config: from files and a URL to what a host needs, or to the mistakes in it. */
import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { GatewayFallbackOptions, HostOptions, VehicleFallbackOptions } from '@corridor/tunnel-host';
import type { Mistake } from './mistakes.js';
import { reasonOf } from './reason.js';
import { type GatewayConfig, gatewaySchema, type VehicleConfig, vehicleSchema } from './schema.js';

type At = (path: string) => string;
type Read<T> = { readonly value: T | undefined; readonly mistakes: readonly Mistake[] };

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * The key `fallback` of a host's options; nothing when the config has none, or one of the wrong shape, which the schema
 * has told already.
 */
export function readFallback(raw: Record<string, unknown>, at: At): Read<Pick<HostOptions, 'fallback'>> {
  const schema = raw.role === 'vehicle' ? vehicleSchema : gatewaySchema;
  const parsed = schema.shape.fallback.safeParse(raw.fallback);
  if (!parsed.success || parsed.data === undefined) return { value: undefined, mistakes: [] };
  const read = 'listen' in parsed.data ? gatewayFallback(parsed.data, at) : vehicleFallback(parsed.data, at);
  return { value: read.value && ({ fallback: read.value } as Pick<HostOptions, 'fallback'>), mistakes: read.mistakes };
}

function vehicleFallback(fallback: NonNullable<VehicleConfig['fallback']>, at: At): Read<VehicleFallbackOptions> {
  const { url, fingerprint, ca } = fallback;
  if ((fingerprint === undefined) === (ca === undefined)) {
    return mistake('fallback', 'expected either "fingerprint" or "ca", by which the gateway is known');
  }
  if (fingerprint !== undefined) return { value: { url, trust: { kind: 'fingerprint', fingerprint } }, mistakes: [] };
  const pem = readPem('fallback.ca', ca as string, at);
  if (pem.value === undefined) return { value: undefined, mistakes: pem.mistakes };
  return { value: { url, trust: { kind: 'ca', pem: pem.value } }, mistakes: [] };
}

function gatewayFallback(fallback: NonNullable<GatewayConfig['fallback']>, at: At): Read<GatewayFallbackOptions> {
  const certificate = readPem('fallback.cert', fallback.cert, at);
  const key = readKey(fallback.key, at);
  if (certificate.value === undefined || key.value === undefined) {
    return { value: undefined, mistakes: [...certificate.mistakes, ...key.mistakes] };
  }
  try {
    createSecureContext({ cert: certificate.value, key: key.value });
  } catch {
    return mistake('fallback.key', `${fallback.key} is not the private key of ${fallback.cert}`);
  }
  return { value: { listen: fallback.listen, certificate: certificate.value, key: key.value }, mistakes: [] };
}

function readPem(key: string, path: string, at: At): Read<string> {
  try {
    const text = readFileSync(at(path), 'utf8');
    const blocks = text.match(PEM) ?? [];
    for (const block of blocks) new X509Certificate(block);
    return blocks.length > 0
      ? { value: text, mistakes: [] }
      : mistake(key, `${path} holds no certificate: expected PEM`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code?.startsWith('ERR_')) return mistake(key, `${path} holds a certificate that cannot be read`);
    return mistake(key, `${path} cannot be read: ${reasonOf(error)}`);
  }
}

function readKey(path: string, at: At): Read<string> {
  try {
    const mode = statSync(at(path)).mode & 0o777;
    if ((mode & 0o077) !== 0) {
      return mistake('fallback.key', `${path} has mode 0${mode.toString(8)}: expected 0600 (chmod 600)`);
    }
    return { value: readFileSync(at(path), 'utf8'), mistakes: [] };
  } catch (error) {
    return mistake('fallback.key', `${path} cannot be read: ${reasonOf(error)}`);
  }
}

function mistake(key: string, message: string): Read<never> {
  return { value: undefined, mistakes: [{ key, message }] };
}
