import { nodeHandshakePrimitives, nodeRandom } from '@corridor/tunnel-host';
import { CompactSign, exportJWK, generateKeyPair, importJWK } from 'jose';
import type { KeyPair, PrivateSigningKey } from '../store/state.js';

export async function makeKeyPair(): Promise<KeyPair> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const { x, d } = await exportJWK(privateKey);
  return {
    identity: { kty: 'OKP', crv: 'Ed25519', x: x!, d: d! },
    tunnel: Buffer.from(nodeRandom(32)).toString('base64'),
  };
}

/** Public half of a tunnel key, both base64. */
export function tunnelPublicKey(privateKey: string): string {
  const bytes = new Uint8Array(Buffer.from(privateKey, 'base64'));
  return Buffer.from(nodeHandshakePrimitives.x25519PublicKey(bytes)).toString('base64');
}

export function publicJwk({ kty, crv, x }: PrivateSigningKey) {
  return { kty, crv, x };
}

/** Compact JWS (EdDSA) of a document, with the public key in its protected header. */
export async function signWith(identity: PrivateSigningKey, document: object): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(document)))
    .setProtectedHeader({ alg: 'EdDSA', jwk: publicJwk(identity) })
    .sign(await importJWK({ ...identity }, 'EdDSA'));
}
