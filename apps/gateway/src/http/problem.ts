import { STATUS_CODES } from 'node:http';
import { keyOf, type Problem } from '@corridor/contracts';
import { StandardSchemaValidationPipe } from '@nestjs/common';

export type { Problem } from '@corridor/contracts';

/** A problem document of ours: `code` tells programs apart what `type` would, which stays "about:blank" (RFC 9457, 4.2.1). */
export function problem(status: number, code: string, detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, code };
}

/** A request that its schema refuses: every wrong key, and what was expected there. */
export class ValidationError extends Error {
  override readonly name = 'ValidationError';

  constructor(readonly errors: readonly { readonly key: string; readonly expected: string }[]) {
    super(errors.map(({ key, expected }) => (key === '' ? expected : `${key}: ${expected}`)).join('; '));
  }
}

/** More than these help nobody; a large body of nonsense must not draw a larger answer. */
const MAX_ERRORS = 20;

/** Checks every parameter against the schema that its decorator names. */
export const validationPipe = new StandardSchemaValidationPipe({
  exceptionFactory: (issues) =>
    new ValidationError(
      issues.slice(0, MAX_ERRORS).map(({ path = [], message }) => ({
        key: keyOf(path.map((part) => (typeof part === 'object' ? part.key : part))),
        expected: message,
      })),
    ),
});
