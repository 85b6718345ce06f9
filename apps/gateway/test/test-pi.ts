import { randomBytes } from 'node:crypto';
import { type EnrolmentRequest, type ProofOfPossession, parseClaim, type SigningKey } from '@corridor/contracts';
import { CompactSign, type CryptoKey, exportJWK, generateKeyPair, type JWK } from 'jose';

/** An Ed25519 identity as a Pi makes it. */
export interface TestIdentity {
  readonly privateKey: CryptoKey;
  readonly jwk: SigningKey;
}

export async function testIdentity(): Promise<TestIdentity> {
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const { x } = await exportJWK(publicKey);
  return { privateKey, jwk: { kty: 'OKP', crv: 'Ed25519', x: x! } };
}

/** 32 random bytes: any is an X25519 public key. */
export function testTunnelKey(): string {
  return randomBytes(32).toString('base64');
}

/** JWS with the signer's own key in its header, as devices sign everything. */
export function signed(identity: TestIdentity, document: object): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(document)))
    .setProtectedHeader({ alg: 'EdDSA', jwk: identity.jwk as JWK })
    .sign(identity.privateKey);
}

/** The signing half of a vehicle's Pi: keys, and what it says with them. */
export class TestPi {
  private constructor(
    readonly identity: TestIdentity,
    readonly tunnelPublicKey: string,
  ) {}

  static async make(): Promise<TestPi> {
    return new TestPi(await testIdentity(), testTunnelKey());
  }

  /** @param claim as people carry it, "corridor1.…" */
  enrolment(claim: string, other: Partial<EnrolmentRequest> = {}): Promise<string> {
    const { claimId, secret } = parseClaim(claim)!;
    const request: EnrolmentRequest = {
      kind: 'enrolment-request',
      v: 1,
      claimId,
      secret,
      tunnelPublicKey: this.tunnelPublicKey,
      hostname: 'pi',
      model: 'Raspberry Pi 5 Model B Rev 1.0',
      agentVersion: '0.1.0',
      ...other,
    };
    return signed(this.identity, request);
  }

  /** Signed with the Pi's own key, or with `by`. */
  proof(
    deviceId: string,
    challenge: string,
    next: Partial<ProofOfPossession> = {},
    by = this.identity,
  ): Promise<string> {
    return signed(by, { kind: 'proof-of-possession', v: 1, deviceId, challenge, ...next });
  }
}
