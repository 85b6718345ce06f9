import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { checkServerIdentity, type TLSSocket } from 'node:tls';
import type { FallbackTrust } from '../options.js';
import { certificateMistake, chainOf, fingerprintOf } from './certificate.js';

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** OpenSSL's words for a certificate whose only fault is its dates, by our clock, which may be years off. */
const ONLY_DATES = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);

/** Certificates of a PEM text. @throws Error when there is none, or one that cannot be read */
export function certificatesOf(pem: string): X509Certificate[] {
  const found = (pem.match(PEM) ?? []).map((block) => new X509Certificate(block));
  if (found.length === 0) throw new Error('expected at least one certificate as PEM');
  return found;
}

/**
 * Whether the server at the other end of a TLS connection is to be trusted; undefined when it is, otherwise one
 * sentence. Dates never count.
 */
export function trustMistake(socket: TLSSocket, host: string, trust: FallbackTrust): string | undefined {
  const chain = chainOf(socket);
  if (trust.kind === 'fingerprint') return certificateMistake(chain, host, trust.fingerprint, 'the configuration');
  if (trust.kind === 'ca') {
    const mistakes = certificatesOf(trust.pem).map((authority) =>
      certificateMistake(chain, host, fingerprintOf(authority), 'the configuration'),
    );
    return mistakes.includes(undefined) ? undefined : mistakes[0];
  }
  const fault = socket.authorizationError as unknown as string | null;
  if (!socket.authorized && fault !== null && !ONLY_DATES.has(fault)) {
    return `its certificate is not trusted (${fault})`;
  }
  if (isIP(host) !== 0) return chain[0]?.checkIP(host) === undefined ? `its certificate is not for ${host}` : undefined;
  return checkServerIdentity(host, socket.getPeerCertificate()) && `its certificate is not for ${host}`;
}
