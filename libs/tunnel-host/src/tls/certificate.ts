import { createHash, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { TLSSocket } from 'node:tls';

/**
 * Whether a server's certificates lead to the pinned authority; undefined when they do, otherwise one sentence. Signatures,
 * the right to sign and the host name count; dates do not: whoever boots without a clock cannot judge them, and the
 * fingerprint came from the hand of the operator.
 *
 * @param chain as the server sent it, leaf first
 * @param fingerprint base64url SHA-256 of the authority's certificate (DER)
 * @param source where the fingerprint stands, for people: "the claim"
 */
export function certificateMistake(
  chain: readonly X509Certificate[],
  host: string,
  fingerprint: string,
  source: string,
): string | undefined {
  const [leaf] = chain;
  if (leaf === undefined) return 'the server showed no certificate';
  const pinned = chain.findIndex((certificate) => fingerprintOf(certificate) === fingerprint);
  if (pinned < 0) {
    return `its certificate is not of the authority that ${source} names: is this the right gateway?`;
  }
  for (let at = 0; at < pinned; at++) {
    const [certificate, issuer] = [chain[at]!, chain[at + 1]!];
    if (!issuer.ca) return `its certificate was signed by "${oneLine(issuer.subject)}", which may sign none`;
    if (!certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) {
      return `its certificate is not signed by "${oneLine(issuer.subject)}" as it says`;
    }
  }
  const named = isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host);
  return named === undefined ? `its certificate is for ${names(leaf)}, not for ${host}` : undefined;
}

/** What the other end of a connection sent, leaf first; issuers that are known here stand in for those it left out. */
export function chainOf(socket: TLSSocket): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let at = socket.getPeerCertificate(true);
  while (at?.raw !== undefined && chain.length < 8) {
    chain.push(new X509Certificate(at.raw));
    if (at.issuerCertificate === undefined || at.issuerCertificate === at) break;
    at = at.issuerCertificate;
  }
  return chain;
}

/** base64url SHA-256 of a certificate (DER). */
export function fingerprintOf(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('base64url');
}

function names(leaf: X509Certificate): string {
  return leaf.subjectAltName?.replaceAll(/DNS:|IP Address:/g, '') ?? oneLine(leaf.subject);
}

function oneLine(subject: string): string {
  return subject.replaceAll('\n', ', ');
}
