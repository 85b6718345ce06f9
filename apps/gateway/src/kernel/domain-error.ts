/** Kinds of refusal that a caller can tell apart; each has one HTTP status. */
export const STATUS_OF = {
  invalid: 422,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  gone: 410,
  'too-many': 429,
  unavailable: 503,
} as const;

/**
 * A refusal with a stable code (`claim-expired`) and one sentence for people. Services throw it; the HTTP edge turns it
 * into a problem document. Never for broken invariants: those are plain errors and end as 500.
 */
export class DomainError extends Error {
  override readonly name = 'DomainError';

  constructor(
    readonly kind: keyof typeof STATUS_OF,
    readonly code: string,
    message: string,
    /** Sent as `Retry-After`, where waiting helps. */
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
  }
}
