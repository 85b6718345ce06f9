import { z } from 'zod';
import { document } from './document.js';
import { CidrPrefix, CompactJws, Id, Instant, LinkName, Name, SigningKey, TunnelKey } from './primitives.js';

/**
 * A claim as people carry it, on paper, as QR code or on the command line:
 *
 *     corridor1.<claim id>.<secret>.<fingerprint>
 *
 * The id is a UUID as 22 base64url characters, the secret 32 random bytes (the gateway keeps their SHA-256), and the
 * fingerprint the SHA-256 of the authority's certificate (DER), so that the very first connection is verified without a
 * clock and without any certificate store. It is `-` where the gateway uses certificates of a public authority.
 */
export interface Claim {
  readonly claimId: string;
  /** base64url, 43 characters. */
  readonly secret: string;
  /** base64url, 43 characters; null: verify by the system's certificates. */
  readonly fingerprint: string | null;
}

// The last 4 of the id's 132 bits are zero: each claim has one form only.
const CLAIM = /^corridor1\.([A-Za-z0-9_-]{21}[AQgw])\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43}|-)$/;

/** Reads a claim; undefined when it is none (white space around it is allowed: it may have been pasted). */
export function parseClaim(text: string): Claim | undefined {
  const match = CLAIM.exec(text.trim());
  if (!match) return undefined;
  const [, id, secret, fingerprint] = match as unknown as [string, string, string, string];
  return { claimId: uuidOf(id), secret, fingerprint: fingerprint === '-' ? null : fingerprint };
}

export function formatClaim({ claimId, secret, fingerprint }: Claim): string {
  return `corridor1.${shortId(claimId)}.${secret}.${fingerprint ?? '-'}`;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** 22 base64url characters (132 bits, the last 4 zero) of a UUID. */
function shortId(uuid: string): string {
  const digits = `${uuid.replaceAll('-', '')}0`;
  let text = '';
  for (let at = 0; at < 33; at += 3) {
    const bits = Number.parseInt(digits.slice(at, at + 3), 16);
    text += ALPHABET[bits >> 6]! + ALPHABET[bits & 63]!;
  }
  return text;
}

function uuidOf(short: string): string {
  let digits = '';
  for (let at = 0; at < 22; at += 2) {
    const bits = ALPHABET.indexOf(short[at]!) * 64 + ALPHABET.indexOf(short[at + 1]!);
    digits += bits.toString(16).padStart(3, '0');
  }
  return digits.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/**
 * Payload of the JWS with which a Pi enrols: signed (EdDSA) with the identity key that it just made, whose public half
 * stands in the protected header as `jwk`. `POST /api/v1/enrolment` carries `{ "jws": … }`.
 */
export const EnrolmentRequest = document('enrolment-request', 1, {
  claimId: Id,
  secret: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 32 bytes in base64url'),
  tunnelPublicKey: TunnelKey,
  hostname: Name,
  /** Such as "Raspberry Pi 5 Model B Rev 1.0". */
  model: z.string().max(120),
  agentVersion: z.string().max(40),
});
export type EnrolmentRequest = z.infer<typeof EnrolmentRequest>;

/** Body of every request that a device signs itself. */
export const SignedRequest = z.looseObject({ jws: CompactJws });
export type SignedRequest = z.infer<typeof SignedRequest>;

/** Everything that an agent needs to reach its gateway: answered by enrolment and by each renewal. Stored 0600. */
export const Credentials = document('credentials', 1, {
  deviceId: Id,
  vehicleId: Id,
  vehicleName: Name,
  organisation: Name,
  /** The gateway's time when it answered: the agent's clock may be years off and trusts this one. */
  issuedAt: Instant,
  /** JWT (EdDSA), audience "corridor-device". */
  accessToken: CompactJws,
  /** Counted by the agent on its monotonic clock from the answer on. */
  expiresInSeconds: z.int().min(1),
  /** Base URLs of the REST API in the order to try: through the tunnel first. */
  api: z.array(z.url()).min(1),
  /** PEM of the authority that the fingerprint of the claim named; null with public certificates. */
  authority: z.string().nullable(),
  mqtt: z.looseObject({
    /** Such as "mqtt://10.77.0.1:1883", through the tunnel, in the order to try. */
    urls: z.array(z.url()).min(1),
    /** Equal to the device id, always. */
    clientId: Id,
    username: z.string().min(1),
    /** null: the access token is the password. */
    password: z.string().nullable(),
  }),
  tunnel: z.looseObject({
    gatewayPublicKey: TunnelKey,
    /** "address:port" or "[address]:port" of the gateway's UDP sockets. */
    endpoints: z.array(z.string().min(1)).min(1),
    /** The vehicle's overlay addresses with the length of the overlay, such as "10.77.0.2/16". */
    addresses: z.array(CidrPrefix).min(1),
    /** What the vehicle reaches through the tunnel. */
    routes: z.array(CidrPrefix),
  }),
  /** Data volumes of the registry, of a calendar month (UTC), both directions; for uplinks whose own configuration has none. */
  uplinks: z.array(z.looseObject({ name: LinkName, monthlyCapBytes: z.int().min(0) })).optional(),
  /** Public keys that policies are signed with; pinned: a later answer may add keys only when a pinned key signed it. */
  policyKeys: z.array(SigningKey.extend({ kid: z.string().min(1).max(100) })).min(1),
});
export type Credentials = z.infer<typeof Credentials>;

/** Answer to an enrolment and to a request for a token. */
export const EnrolmentAnswer = document('enrolment-answer', 1, {
  deviceId: Id,
  /** `pending`: an operator has to approve; ask again (challenge, token) after `retryAfterSeconds`. */
  state: z.enum(['active', 'pending']),
  retryAfterSeconds: z.int().min(1).optional(),
  credentials: Credentials.optional(),
});
export type EnrolmentAnswer = z.infer<typeof EnrolmentAnswer>;

/** `POST /api/v1/device/challenge` */
export const ChallengeRequest = z.looseObject({ deviceId: Id });
export const Challenge = document('challenge', 1, {
  /** Random, single use. */
  challenge: z.string().min(22).max(200),
  expiresInSeconds: z.int().min(1),
});
export type Challenge = z.infer<typeof Challenge>;

/**
 * Payload of the JWS that proves possession of the identity key: `POST /api/v1/device/token`. No time in it, as the
 * device may not know it: the challenge makes it fresh. With `nextIdentityKey` and `nextTunnelPublicKey` it rotates: both
 * old and new identity keys are good until the first proof with the new one; the header's `jwk` is the signing key.
 */
export const ProofOfPossession = document('proof-of-possession', 1, {
  deviceId: Id,
  challenge: z.string().min(22).max(200),
  nextIdentityKey: SigningKey.optional(),
  nextTunnelPublicKey: TunnelKey.optional(),
  /** The one that runs now: it may be another than the one that enrolled. */
  agentVersion: z.string().max(40).optional(),
});
export type ProofOfPossession = z.infer<typeof ProofOfPossession>;
