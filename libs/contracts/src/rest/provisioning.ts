import { z } from 'zod';
import { Id, Instant } from '../primitives.js';

export const ClaimState = z.enum(['open', 'used', 'expired', 'revoked']);
export type ClaimState = z.infer<typeof ClaimState>;

export const ClaimInfo = z.looseObject({
  id: Id,
  vehicleId: Id,
  state: ClaimState,
  createdAt: Instant,
  expiresAt: Instant,
  createdBy: z.string(),
  usedByDeviceId: Id.nullable(),
});
export type ClaimInfo = z.infer<typeof ClaimInfo>;

export const CreateClaim = z.looseObject({
  /** An hour to thirty days. */
  expiresInSeconds: z
    .int()
    .min(60)
    .max(30 * 86_400)
    .default(86_400),
});

/** The claim itself is shown once, here: the gateway keeps a hash. */
export const CreatedClaim = ClaimInfo.extend({
  claim: z.string(),
  /** What to type on the Pi, such as "corridor-agent enroll https://… corridor1.…". */
  command: z.string(),
  /** QR code of `command`'s URL and claim, an SVG document. */
  qrSvg: z.string(),
});
export type CreatedClaim = z.infer<typeof CreatedClaim>;
