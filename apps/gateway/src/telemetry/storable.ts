import type { WriteEntry } from './telemetry-writer.js';

export const DAY_MS = 86_400_000;

/** PostgreSQL's text and jsonb cannot hold U+0000 and halves of surrogate pairs; JSON can. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what we look for
const UNSTORABLE = /[\u0000\p{Cs}]/gu;

/** The same rows with U+FFFD in place of what the database cannot store. */
export function withoutUnstorable(entry: WriteEntry): WriteEntry {
  return JSON.parse(
    JSON.stringify(entry, (_, value: unknown) =>
      typeof value === 'string' ? value.replace(UNSTORABLE, '\ufffd') : value,
    ),
  ) as WriteEntry;
}
