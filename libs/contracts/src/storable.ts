/** Deeper than any document of ours; PostgreSQL's parser of JSON is recursive, and its stack ends. */
const MAX_DEPTH = 64;

/**
 * Why a value that JSON.parse made cannot be kept, as a sentence; undefined when it can. JSON allows two kinds of text that
 * PostgreSQL does not: U+0000, and surrogates without their other half. One such character in one document would fail
 * the statement that it is written with, and the documents of everybody else in it.
 */
export function unstorable(value: unknown): string | undefined {
  if (typeof value === 'string') return isStorable(value) ? undefined : NOT_TEXT;
  // Level by level instead of recursion: how deep the value is, its sender decides.
  let level = isObject(value) ? [value] : [];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth === MAX_DEPTH) return `expected at most ${MAX_DEPTH} levels`;
    const below: object[] = [];
    for (const one of level) {
      for (const [key, item] of Object.entries(one)) {
        if (!isStorable(key) || (typeof item === 'string' && !isStorable(item))) return NOT_TEXT;
        if (isObject(item)) below.push(item);
      }
    }
    level = below;
  }
  return undefined;
}

const NOT_TEXT = 'expected text without U+0000 and without half characters';
const HALF_CHARACTER = /[\uD800-\uDFFF]/u;

function isStorable(text: string): boolean {
  return !text.includes('\0') && !HALF_CHARACTER.test(text);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
