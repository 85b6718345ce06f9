import { nodeHandshakePrimitives, nodeRandom } from '@corridor/tunnel-host';

/** A fresh X25519 private key (RFC 7748: any 32 random bytes) as base64. */
export function generatePrivateKey(): string {
  return Buffer.from(nodeRandom(32)).toString('base64');
}

/** The public key of a private key, both base64. */
export function publicKeyOf(privateKey: string): string {
  const bytes = new Uint8Array(Buffer.from(privateKey, 'base64'));
  return Buffer.from(nodeHandshakePrimitives.x25519PublicKey(bytes)).toString('base64');
}
