import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { GatewayConfig } from '../config/gateway-config.js';
import { GATEWAY_HOST, Overlay } from '../fleet/overlay.js';
import { type Authority, LEAF_DAYS } from '../kernel/authority.js';
import type { KeyRing } from '../kernel/key-ring.js';
import { makePrivateDirectory } from '../kernel/secret-file.js';

export interface ServerCertificate {
  /** Chain, the server's own certificate first. */
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;
/** Renewed when a third of its life is left. */
const RENEW_DAYS = Math.floor(LEAF_DAYS / 3);

/** The given certificate, or the gateway's own: kept in `tls/`, and made anew when it nears its end or names change. */
export async function serverCertificate(
  config: GatewayConfig,
  keys: KeyRing,
  nowMs: number = Date.now(),
): Promise<ServerCertificate> {
  if (config.tls !== null) {
    return { cert: readFileSync(config.tls.certificateFile, 'utf8'), key: readFileSync(config.tls.keyFile, 'utf8') };
  }
  const { authority } = keys;
  if (authority === null) throw new Error('there is an authority wherever no certificate is given');
  const leaf = await ownLeaf(join(config.dataDirectory, 'tls'), authority, serverNames(config), nowMs);
  // With the authority behind it: an enrolling agent compares that one with the fingerprint in its claim.
  return { cert: leaf.certificatePem + authority.certificatePem, key: leaf.keyPem };
}

/** Under which names and addresses clients reach this server. */
export function serverNames(config: GatewayConfig): string[] {
  const { hostname: publicHost } = new URL(config.publicUrl);
  const overlay = config.tunnel ? new Overlay(config.overlay, config.overlay6).addresses(GATEWAY_HOST) : [];
  const names = [
    publicHost.replace(/^\[|\]$/g, ''),
    ...overlay,
    hostname().toLowerCase(),
    'localhost',
    '127.0.0.1',
    '::1',
  ];
  return [...new Set(names)];
}

async function ownLeaf(directory: string, authority: Authority, names: readonly string[], nowMs: number) {
  makePrivateDirectory(directory);
  const file = join(directory, 'server.pem');
  const kept = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const split = kept.indexOf('-----BEGIN PRIVATE KEY-----');
  const leaf = { certificatePem: kept.slice(0, split), keyPem: kept.slice(split) };
  if (split > 0 && stillGood(leaf.certificatePem, authority, names, nowMs)) return leaf;
  const fresh = await authority.issue(names, nowMs);
  const temporary = `${file}.new`;
  writeFileSync(temporary, fresh.certificatePem + fresh.keyPem, { mode: 0o600 });
  renameSync(temporary, file);
  return fresh;
}

function stillGood(pem: string, authority: Authority, names: readonly string[], nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(pem);
    const remaining = Date.parse(certificate.validTo) - nowMs;
    const listed = (certificate.subjectAltName ?? '').split(', ').length === names.length;
    const covers = names.every((name) => certificate.checkHost(name) ?? certificate.checkIP(name));
    const issued = certificate.verify(new X509Certificate(authority.certificatePem).publicKey);
    return remaining > RENEW_DAYS * DAY_MS && Date.parse(certificate.validFrom) <= nowMs && listed && covers && issued;
  } catch {
    return false;
  }
}
