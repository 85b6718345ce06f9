import { type Read, readDocument, SigningKey } from '@corridor/contracts';
import { compactVerify, importJWK } from 'jose';
import { DomainError } from '../kernel/domain-error.js';

export interface SignedDocument<T> {
  readonly document: T;
  /** The Ed25519 key that signed it: `x` of its JWK, base64url in canonical form. Whose it is, the caller has to know. */
  readonly signer: string;
}

/**
 * Verifies a JWS with the key in its own header: it says that whoever made the document has that key, no more.
 *
 * @throws DomainError `bad-signature`, or `document-…` for what is signed and yet no such document
 */
export async function readSigned<T>(
  schema: Parameters<typeof readDocument<T>>[0],
  jws: string,
): Promise<SignedDocument<T>> {
  const { payload, signer } = await verify(jws);
  const read: Read<T> = readDocument(schema, payload);
  if (!read.ok) throw new DomainError('invalid', `document-${read.code}`, `The signed document: ${read.reason}.`);
  return { document: read.value, signer };
}

async function verify(jws: string): Promise<{ payload: string; signer: string }> {
  let x: string | undefined;
  try {
    const { payload } = await compactVerify(
      jws,
      (header) => {
        const key = SigningKey.parse(header.jwk);
        if ('d' in key) throw new TypeError('a private key has no place in a header');
        ({ x } = key);
        return importJWK({ kty: key.kty, crv: key.crv, x }, 'EdDSA');
      },
      // Named, so that the sender cannot choose "none", or HMAC with a public key as its secret.
      { algorithms: ['EdDSA'] },
    );
    return { payload: new TextDecoder().decode(payload), signer: canonicalX(x!) };
  } catch {
    throw new DomainError(
      'unauthenticated',
      'bad-signature',
      'Expected a JWS (EdDSA) signed by the Ed25519 key that its header names as "jwk".',
    );
  }
}

/** 43 characters hold two bits more than 32 bytes: the same key must have the same text. */
export function canonicalX(x: string): string {
  return Buffer.from(x, 'base64url').toString('base64url');
}

/** Likewise for keys of the tunnel, in base64. */
export function canonicalTunnelKey(key: string): string {
  return Buffer.from(key, 'base64').toString('base64');
}
