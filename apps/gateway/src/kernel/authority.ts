// x509 asks for the Reflect API when it is loaded.
import 'reflect-metadata';
import { createHash, createPrivateKey, createPublicKey, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { SecretFileError, secretFile } from './secret-file.js';

const P256 = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
/** The authority lives as long as the fleet: vehicles know it by its fingerprint, not by its dates. */
const AUTHORITY_DAYS = 36_525;
/** Browsers and iOS refuse leaves that live longer than 398 days. */
export const LEAF_DAYS = 397;

/** A certificate and its private key, both PEM. */
export interface CertificateAndKey {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** The gateway's own certificate authority: ECDSA P-256, signs nothing but the gateway's own certificate. */
export class Authority {
  private constructor(
    readonly certificatePem: string,
    /** SHA-256 of the certificate (DER), base64url: every claim carries it. */
    readonly fingerprint: string,
    private readonly certificate: x509.X509Certificate,
    private readonly key: webcrypto.CryptoKey,
  ) {}

  /** @throws SecretFileError when the file is damaged. */
  static async open(path: string, organisation: string): Promise<Authority> {
    const pem = await secretFile(path, () => makeAuthority(organisation));
    try {
      const certificatePem = block(pem, 'CERTIFICATE');
      const certificate = new x509.X509Certificate(certificatePem);
      const keyPem = block(pem, 'PRIVATE KEY');
      if (!samePublicKey(certificate, keyPem)) throw new Error('certificate and key do not belong together');
      const fingerprint = createHash('sha256').update(new Uint8Array(certificate.rawData)).digest('base64url');
      return new Authority(certificatePem, fingerprint, certificate, await importKey(keyPem));
    } catch {
      throw new SecretFileError(
        `${path} is damaged: expected a certificate and its key as PEM; restore it from a backup`,
      );
    }
  }

  /** A certificate for a server with these host names and addresses, good for LEAF_DAYS from `nowMs`. */
  async issue(names: readonly string[], nowMs: number): Promise<CertificateAndKey> {
    const keys = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.create(
      {
        serialNumber: serialNumber(),
        issuer: this.certificate.subject,
        subject: [{ CN: [names[0]!.slice(0, 64)] }],
        // A day earlier: clocks of browsers are late, too.
        notBefore: new Date(nowMs - DAY_MS),
        notAfter: new Date(nowMs + (LEAF_DAYS - 1) * DAY_MS),
        signingAlgorithm: P256,
        publicKey: keys.publicKey,
        signingKey: this.key,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension(
            names.map((name) => ({ type: isIP(name) ? ('ip' as const) : ('dns' as const), value: name })),
          ),
          await x509.AuthorityKeyIdentifierExtension.create(this.certificate.publicKey, false, provider),
        ],
      },
      provider,
    );
    return { certificatePem: `${certificate.toString('pem')}\n`, keyPem: await exportKey(keys.privateKey) };
  }
}

/** x509 speaks of the browser's type of the same thing. */
const provider = webcrypto as NonNullable<Parameters<typeof x509.X509CertificateGenerator.create>[1]>;

async function makeAuthority(organisation: string): Promise<string> {
  const keys = await makeKeys();
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      name: [{ CN: [`${organisation} gateway authority`.slice(0, 64)] }],
      notBefore: new Date(now - DAY_MS),
      notAfter: new Date(now + AUTHORITY_DAYS * DAY_MS),
      signingAlgorithm: P256,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, provider),
      ],
    },
    provider,
  );
  return `${certificate.toString('pem')}\n${await exportKey(keys.privateKey)}`;
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(pem).export({ format: 'der', type: 'pkcs8' });
  return webcrypto.subtle.importKey('pkcs8', der, P256, false, ['sign']);
}

function samePublicKey(certificate: x509.X509Certificate, keyPem: string): boolean {
  const own = createPublicKey(createPrivateKey(keyPem)).export({ format: 'der', type: 'spki' });
  return own.equals(Buffer.from(certificate.publicKey.rawData));
}

function block(pem: string, label: string): string {
  const match = new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----\n?`).exec(pem);
  if (!match) throw new Error(`no ${label}`);
  return match[0];
}

/** 16 random bytes, positive (RFC 5280, section 4.1.2.2). */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = (bytes[0]! & 0x7f) | 0x40;
  return bytes.toString('hex');
}
