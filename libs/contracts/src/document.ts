import { z } from 'zod';
import { unstorable } from './storable.js';

/**
 * Documents cross a boundary between programs of different age, so each says what it is and in which version:
 *
 *     { "kind": "metric-frame", "v": 1, … }
 *
 * Fields that a reader does not know survive a round through it; a version that it does not know is refused with a
 * reason. A version is raised only when an older reader would misunderstand the document; new optional fields need none.
 */
export function document<Kind extends string, Version extends number, Shape extends z.ZodRawShape>(
  kind: Kind,
  version: Version,
  shape: Shape,
) {
  return z.looseObject({ kind: z.literal(kind), v: z.literal(version), ...shape });
}

export type RefusalCode = 'not-json' | 'wrong-kind' | 'unknown-version' | 'invalid';

export type Read<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: RefusalCode; readonly reason: string };

interface DocumentSchema<T> extends z.ZodType<T> {
  readonly shape: { readonly kind: z.ZodLiteral<string>; readonly v: z.ZodLiteral<number> };
}

/** Made once: zod compiles a schema at its first use, which costs more than reading a document does. */
const Head = z.looseObject({ kind: z.string(), v: z.number() });

/**
 * Reads a document from text (or from a value that JSON.parse made). Never throws: what comes from another program is
 * either the document or a code with one sentence that can be shown and logged. The sentence repeats no content.
 */
export function readDocument<T>(schema: DocumentSchema<T>, input: unknown): Read<T> {
  const parsed = typeof input === 'string' ? parseJson(input) : { ok: true as const, value: input };
  if (!parsed.ok) return parsed;
  const kind = [...schema.shape.kind.values][0];
  const version = [...schema.shape.v.values][0];
  const head = Head.safeParse(parsed.value);
  if (!head.success || head.data.kind !== kind) {
    return refuse('wrong-kind', `expected a document of kind "${kind}"`);
  }
  if (head.data.v !== version) {
    return refuse('unknown-version', `"${kind}" version ${head.data.v} is not known here; expected version ${version}`);
  }
  const reason = unstorable(parsed.value);
  if (reason !== undefined) return refuse('invalid', reason);
  const result = schema.safeParse(parsed.value);
  return result.success ? { ok: true, value: result.data } : refuse('invalid', sentence(result.error));
}

/** The first problem of a zod error as `key: what was expected`. */
export function sentence(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue === undefined) return 'invalid document';
  return issue.path.length > 0 ? `${keyOf(issue.path)}: ${issue.message}` : issue.message;
}

/** `classes[0].match` of a path of keys. */
export function keyOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    '',
  );
}

function parseJson(text: string): Read<unknown> {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return refuse('not-json', 'expected JSON');
  }
}

function refuse(code: RefusalCode, reason: string) {
  return { ok: false as const, code, reason };
}
