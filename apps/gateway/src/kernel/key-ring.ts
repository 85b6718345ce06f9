import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { SigningKey } from '@corridor/contracts';
import { nodeHandshakePrimitives } from '@corridor/tunnel-host';
import {
  CompactSign,
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  exportPKCS8,
  generateKeyPair,
  importJWK,
  importPKCS8,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from 'jose';
import type { GatewayConfig } from '../config/gateway-config.js';
import { Authority } from './authority.js';
import { makePrivateDirectory, SecretFileError, secretFile } from './secret-file.js';

const ISSUER = 'corridor-gateway';
export const POLICY_TYPE = 'corridor-policy+jws';

interface SigningPair {
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  /** JWK thumbprint (RFC 7638): names the key by what it is. */
  readonly kid: string;
  readonly jwk: SigningKey;
}

/**
 * The gateway's own keys: files in `CORRIDOR_DATA/keys`, made at the first start, never in the database and never
 * replaced: vehicles have pinned them. Losing them means enrolling every vehicle again.
 */
export class KeyRing {
  private constructor(
    readonly directory: string,
    private readonly policy: SigningPair,
    private readonly token: SigningPair,
    /** X25519, 32 bytes. */
    readonly tunnelPrivateKey: Uint8Array,
    private readonly ownAuthority: Authority | null,
  ) {}

  /** @throws SecretFileError when a file is damaged or open to others. */
  static async open(config: GatewayConfig): Promise<KeyRing> {
    const directory = join(config.dataDirectory, 'keys');
    makePrivateDirectory(config.dataDirectory);
    makePrivateDirectory(directory);
    return new KeyRing(
      directory,
      await signingPair(join(directory, 'policy-signing.pem')),
      await signingPair(join(directory, 'token-signing.pem')),
      await tunnelKey(join(directory, 'tunnel.key')),
      config.tls === null ? await Authority.open(join(directory, 'authority.pem'), config.organisation) : null,
    );
  }

  /** Compact JWS (EdDSA) of a policy document. */
  signPolicy(payload: object): Promise<string> {
    return new CompactSign(Buffer.from(JSON.stringify(payload)))
      .setProtectedHeader({ alg: 'EdDSA', kid: this.policy.kid, typ: POLICY_TYPE })
      .sign(this.policy.privateKey);
  }

  /** What agents pin. */
  policyKeys(): (SigningKey & { kid: string })[] {
    return [{ ...this.policy.jwk, kid: this.policy.kid }];
  }

  /** JWT (EdDSA) of this gateway, good from now on. */
  signToken(claims: JWTPayload, options: { audience: string; expiresInSeconds: number }): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', kid: this.token.kid, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setAudience(options.audience)
      .setIssuedAt(now)
      .setExpirationTime(now + options.expiresInSeconds)
      .sign(this.token.privateKey);
  }

  /** @throws jose's errors for anything but a token of this key, issuer, audience and algorithm that has not expired. */
  async verifyToken(token: string, options: { audience: string }): Promise<JWTPayload> {
    const { payload } = await jwtVerify(token, this.token.publicKey, {
      // Named, so that a token can never choose: "none" and HMAC with the public key as its secret are old tricks.
      algorithms: ['EdDSA'],
      issuer: ISSUER,
      audience: options.audience,
      typ: 'JWT',
      requiredClaims: ['exp', 'iat'],
    });
    return payload;
  }

  /** Base64, as credentials carry it. */
  get tunnelPublicKey(): string {
    return Buffer.from(nodeHandshakePrimitives.x25519PublicKey(this.tunnelPrivateKey)).toString('base64');
  }

  /** null where certificates were given: then vehicles verify by public authorities. */
  get authority(): Authority | null {
    return this.ownAuthority;
  }
}

async function signingPair(path: string): Promise<SigningPair> {
  const pem = await secretFile(path, async () => {
    const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
    return exportPKCS8(privateKey);
  });
  try {
    const privateKey = await importPKCS8(pem, 'EdDSA', { extractable: true });
    const { x = '' } = await exportJWK(privateKey);
    const jwk = { kty: 'OKP', crv: 'Ed25519', x } as const;
    const publicKey = (await importJWK(jwk, 'EdDSA')) as CryptoKey;
    return { privateKey, publicKey, jwk, kid: await calculateJwkThumbprint(jwk) };
  } catch {
    throw new SecretFileError(`${path} is damaged: expected an Ed25519 private key as PEM; restore it from a backup`);
  }
}

async function tunnelKey(path: string): Promise<Uint8Array> {
  const text = await secretFile(path, () => `${randomBytes(32).toString('base64')}\n`);
  const bytes = new Uint8Array(Buffer.from(text.trim(), 'base64'));
  if (!/^[A-Za-z0-9+/]{43}=$/.test(text.trim()) || bytes.length !== 32) {
    throw new SecretFileError(`${path} is damaged: expected 32 bytes in base64; restore it from a backup`);
  }
  return bytes;
}
