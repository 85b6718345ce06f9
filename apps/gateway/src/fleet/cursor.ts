import { Id, unstorable } from '@corridor/contracts';
import { DomainError } from '../kernel/domain-error.js';

/**
 * Pages are cut by the key of the last row shown, never by a count of rows: what is added or removed before it shifts
 * nothing. The cursor is that key in base64url, so that nobody is tempted to make one up.
 */
export function writeCursor(key: string): string {
  return Buffer.from(key, 'utf8').toString('base64url');
}

/** @throws DomainError `cursor-invalid` for text that `writeCursor` did not make */
export function readCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  const key = Buffer.from(cursor, 'base64url').toString('utf8');
  if (key === '' || writeCursor(key) !== cursor || unstorable(key) !== undefined) throw cursorInvalid();
  return key;
}

/** Likewise of a list that is in order of its ids. */
export function readIdCursor(cursor: string | undefined): string | undefined {
  const key = readCursor(cursor);
  if (key !== undefined && !Id.safeParse(key).success) throw cursorInvalid();
  return key;
}

function cursorInvalid(): DomainError {
  return new DomainError('invalid', 'cursor-invalid', 'Expected the cursor of the page before.');
}
