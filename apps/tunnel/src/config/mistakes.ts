import type { z } from 'zod';

/** One mistake in a config: where, and what was expected there. */
export interface Mistake {
  /** Such as `vehicles[1].addresses[0]`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
}

export function mistakeSentence({ key, message }: Mistake): string {
  return key === '' ? message : `${key}: ${message}`;
}

/** `['vehicles', 1, 'name']` as people write it: `vehicles[1].name`. */
export function keyText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    return text === '' ? String(part) : `${text}.${String(part)}`;
  }, '');
}

/** The mistakes that a schema found in `input`, one sentence each. */
export function schemaMistakes(error: z.ZodError, schema: z.ZodType): Mistake[] {
  return error.issues.flatMap((issue) => {
    if (issue.code !== 'unrecognized_keys') return [{ key: keyText(issue.path), message: lowerFirst(issue.message) }];
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((key) => ({ key: keyText([...issue.path, key]), message: unknownKey(key, known) }));
  });
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = known.find((candidate) => distance(candidate, key) <= 2);
  return near ? `unknown key: did you mean "${near}"?` : `unknown key: expected one of ${known.join(', ')}`;
}

/** Keys of the object that `path` leads to in a schema made of objects, arrays, defaults and optionals. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at = schema as unknown as SchemaNode;
  for (const part of path) {
    at = unwrap(at);
    at = (typeof part === 'number' ? at.element : at.shape?.[String(part)]) ?? at;
  }
  return Object.keys(unwrap(at).shape ?? {});
}

interface SchemaNode {
  readonly shape?: Record<string, SchemaNode>;
  readonly element?: SchemaNode;
  readonly unwrap?: () => SchemaNode;
}

function unwrap(node: SchemaNode): SchemaNode {
  return node.shape === undefined && node.element === undefined && node.unwrap ? unwrap(node.unwrap()) : node;
}

/** Edit distance (Levenshtein), for short words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
