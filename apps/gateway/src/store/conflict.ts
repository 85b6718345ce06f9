import { DomainError } from '../kernel/domain-error.js';

/** Prisma's codes of broken constraints: https://www.prisma.io/docs/orm/reference/error-reference */
const UNIQUE = 'P2002';
const FOREIGN_KEY = 'P2003';

/** Whether the database refused a row because another has the same value in a unique column. */
export function isUniqueViolation(error: unknown): boolean {
  return codeOf(error) === UNIQUE;
}

/** Whether the database refused a row because what it refers to is not there. */
export function isForeignKeyViolation(error: unknown): boolean {
  return codeOf(error) === FOREIGN_KEY;
}

/** Runs `work`; where the database finds the name taken, the refusal says so in the caller's words. */
export async function refuseTaken<T>(code: string, message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isUniqueViolation(error)) throw new DomainError('conflict', code, message);
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? (error as Error & { code?: unknown }).code : undefined;
}
