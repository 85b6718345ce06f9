import { createHash } from 'node:crypto';
import {
  type Credentials,
  canonicalJson,
  EffectivePolicy,
  type PolicyRefusal,
  readDocument,
} from '@corridor/contracts';
import { checkPolicy, PolicyError, type TunnelPolicy } from '@corridor/tunnel/config';
import { loadStrategies } from '@corridor/tunnel-host';
import { compactVerify, errors, importJWK } from 'jose';
import { engineTerms } from './engine-terms.js';

const POLICY_TYPE = 'corridor-policy+jws';

export interface Judge {
  /** Public keys that were pinned at enrolment. */
  readonly keys: Credentials['policyKeys'];
  readonly vehicleId: string;
}

export type Verdict =
  | { readonly ok: true; readonly document: EffectivePolicy; readonly policy: TunnelPolicy }
  /** `version` 0: it could not be read. */
  | { readonly ok: false; readonly version: number; readonly refusal: PolicyRefusal; readonly reason: string };

/**
 * Whether a signed policy is genuine, for this vehicle, and can be followed here. What depends on the moment (version,
 * expiry) is judged by {@link timelyMistake}: a policy that is in force stays genuine when it has expired.
 */
export async function judgePolicy(jws: string, judge: Judge): Promise<Verdict> {
  const signed = await readSigned(jws, judge.keys);
  if (!signed.ok) return signed;
  const read = readDocument(EffectivePolicy, signed.text);
  if (!read.ok) {
    const refusal = read.code === 'unknown-version' ? 'unknown-version' : 'invalid';
    return refuse(versionIn(signed.text), refusal, read.reason);
  }
  const document = read.value;
  const { version } = document;
  if (document.vehicleId !== judge.vehicleId) {
    return refuse(version, 'other-vehicle', 'the policy is for another vehicle');
  }
  if (createHash('sha256').update(canonicalJson(document.policy)).digest('hex') !== document.digest) {
    return refuse(version, 'invalid', 'digest: expected the SHA-256 of the policy');
  }
  try {
    return { ok: true, document, policy: checkPolicy(engineTerms(version, document.policy), await loadStrategies([])) };
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return refuse(version, 'not-applicable', error.message.slice(0, 500));
  }
}

/**
 * Why a genuine policy must not be taken now; undefined when it may.
 * @param notBeforeMs UTC milliseconds that are surely over by the gateway's time; undefined: nobody knows any
 */
export function timelyMistake(
  { version, expiresAt }: EffectivePolicy,
  inForce: number,
  notBeforeMs: number | undefined,
): { refusal: PolicyRefusal; reason: string } | undefined {
  if (version < inForce) {
    return { refusal: 'older-version', reason: `version ${version} is older than ${inForce}, which is in force` };
  }
  if (notBeforeMs !== undefined && Date.parse(expiresAt) <= notBeforeMs) {
    return { refusal: 'expired', reason: `expired at ${expiresAt}, by the gateway's time` };
  }
  return undefined;
}

async function readSigned(
  jws: string,
  keys: Judge['keys'],
): Promise<{ ok: true; text: string } | Extract<Verdict, { ok: false }>> {
  let kid: string | undefined;
  try {
    const { payload, protectedHeader } = await compactVerify(
      jws,
      async (header) => {
        ({ kid } = header);
        const key = keys.find((known) => known.kid === kid);
        if (key === undefined) throw new UnknownKey();
        return importJWK({ kty: key.kty, crv: key.crv, x: key.x }, 'EdDSA');
      },
      // Named, so that the document cannot choose how it is verified.
      { algorithms: ['EdDSA'] },
    );
    if (protectedHeader.typ !== POLICY_TYPE) return refuse(0, 'invalid', `typ: expected "${POLICY_TYPE}"`);
    return { ok: true, text: Buffer.from(payload).toString('utf8') };
  } catch (error) {
    if (error instanceof UnknownKey)
      return refuse(0, 'unknown-key', 'signed by a key that was not pinned at enrolment');
    if (error instanceof errors.JOSEError) return refuse(0, 'bad-signature', 'the signature does not hold');
    throw error;
  }
}

class UnknownKey extends Error {}

/** The version of a document that is otherwise not understood, so that the refusal can name it. */
function versionIn(text: string): number {
  try {
    const { version } = JSON.parse(text) as { version?: unknown };
    return Number.isInteger(version) && (version as number) > 0 ? (version as number) : 0;
  } catch {
    return 0;
  }
}

function refuse(version: number, refusal: PolicyRefusal, reason: string): Extract<Verdict, { ok: false }> {
  return { ok: false, version, refusal, reason };
}
