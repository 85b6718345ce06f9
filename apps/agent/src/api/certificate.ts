import { createHash, type X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/**
 * Whether a server's certificates lead to the pinned authority; undefined when they do, otherwise one sentence. Signatures,
 * the right to sign and the host name count; dates do not: whoever boots without a clock cannot judge them, and the
 * fingerprint came with the claim, from the hand of the operator.
 *
 * @param chain as the server sent it, leaf first
 * @param fingerprint base64url SHA-256 of the authority's certificate (DER)
 */
export function certificateMistake(
  chain: readonly X509Certificate[],
  host: string,
  fingerprint: string,
): string | undefined {
  const [leaf] = chain;
  if (leaf === undefined) return 'the server showed no certificate';
  const pinned = chain.findIndex((certificate) => fingerprintOf(certificate) === fingerprint);
  if (pinned < 0) {
    return 'its certificate is not of the authority that the claim names: is this the right gateway?';
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

export function fingerprintOf(certificate: X509Certificate): string {
  return createHash('sha256').update(certificate.raw).digest('base64url');
}

function names(leaf: X509Certificate): string {
  return leaf.subjectAltName?.replaceAll(/DNS:|IP Address:/g, '') ?? oneLine(leaf.subject);
}

function oneLine(subject: string): string {
  return subject.replaceAll('\n', ', ');
}
