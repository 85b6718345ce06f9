import { createHash, X509Certificate } from 'node:crypto';
import { rootCertificates, type TLSSocket } from 'node:tls';
import type { FallbackTrust } from '../options.js';
import { certificateMistake, chainOf, fingerprintOf } from './certificate.js';

const PEM = /-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g;

/** Certificates of a PEM text. @throws Error when there is none, or one that cannot be read */
export function certificatesOf(pem: string): X509Certificate[] {
  const found = (pem.match(PEM) ?? []).map((block) => new X509Certificate(block));
  if (found.length === 0) throw new Error('expected at least one certificate as PEM');
  return found;
}

/**
 * Whether the server at the other end of a TLS connection is to be trusted; undefined when it is, otherwise one
 * sentence. Dates never count: OpenSSL's own verdict is left aside, which names one fault of several.
 */
export function trustMistake(socket: TLSSocket, host: string, trust: FallbackTrust): string | undefined {
  return chainMistake(chainOf(socket), host, authoritiesOf(trust));
}

/**
 * The same for a chain as the server sent it, leaf first.
 * @param authorities fingerprints of those who may vouch for it
 */
export function chainMistake(
  chain: readonly X509Certificate[],
  host: string,
  authorities: ReadonlySet<string>,
): string | undefined {
  const known = chain.map(fingerprintOf).find((fingerprint) => authorities.has(fingerprint));
  // With none it says so.
  return certificateMistake(chain, host, known ?? '', 'the configuration');
}

function authoritiesOf(trust: FallbackTrust): ReadonlySet<string> {
  if (trust.kind === 'fingerprint') return new Set([trust.fingerprint]);
  if (trust.kind === 'ca') return new Set(certificatesOf(trust.pem).map(fingerprintOf));
  publicAuthorities ??= new Set(rootCertificates.map(fingerprintOfPem));
  return publicAuthorities;
}

let publicAuthorities: ReadonlySet<string> | undefined;

/** Without parsing: there are more than a hundred. */
function fingerprintOfPem(pem: string): string {
  const base64 = pem.replace(PEM, '$1');
  return createHash('sha256').update(Buffer.from(base64, 'base64')).digest('base64url');
}
