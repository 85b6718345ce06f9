import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { readDocument } from './document.js';
import * as contracts from './index.js';

type Document = Record<string, unknown> & { kind: string; v: number };
type Schema = Parameters<typeof readDocument>[0];

/** One golden example a line: what programs of this version write, and what all later ones have to understand. */
const EXAMPLES = JSON.parse(
  readFileSync(new URL('../vectors/documents.json', import.meta.url), 'utf8'),
) as readonly Document[];

const SCHEMAS = new Map(
  (Object.values(contracts) as readonly unknown[])
    .filter((value): value is z.ZodObject<{ kind: z.ZodLiteral<string>; v: z.ZodLiteral<number> }> => isDocument(value))
    .map((schema) => [[...schema.shape.kind.values][0]!, schema as unknown as Schema]),
);

function isDocument(value: unknown): boolean {
  const shape = (value as { shape?: Record<string, unknown> } | undefined)?.shape;
  return shape !== undefined && 'kind' in shape && 'v' in shape;
}

describe('every document', () => {
  it('has an example, and every example is of a document', () => {
    expect(new Set(EXAMPLES.map(({ kind }) => kind))).toEqual(new Set(SCHEMAS.keys()));
  });

  describe.each(EXAMPLES.map((example) => [example.kind, example] as const))('%s', (kind, example) => {
    const schema = SCHEMAS.get(kind)!;

    it('is read as it was written', () => {
      expect(readDocument(schema, JSON.stringify(example))).toEqual({ ok: true, value: example });
    });

    it('keeps what this version does not know, at every depth', () => {
      const extended = withUnknownFields(example, schema as unknown as z.ZodType);
      expect(readDocument(schema, extended)).toEqual({ ok: true, value: extended });
    });

    it('is refused in another version, with a reason', () => {
      expect(readDocument(schema, { ...example, v: 2 })).toEqual({
        ok: false,
        code: 'unknown-version',
        reason: `"${kind}" version 2 is not known here; expected version 1`,
      });
    });

    it('is refused as another kind, as no object and as no JSON', () => {
      const wrongKind = { ok: false, code: 'wrong-kind', reason: `expected a document of kind "${kind}"` };
      for (const input of [
        { ...example, kind: 'other' },
        [example],
        null,
        7,
        '"text"',
        { ...example, kind: undefined },
      ]) {
        expect(readDocument(schema, input)).toEqual(wrongKind);
      }
      expect(readDocument(schema, `${JSON.stringify(example)},`)).toMatchObject({ ok: false, code: 'not-json' });
    });

    const required = Object.keys(example).filter((key) => key !== 'kind' && key !== 'v' && isRequired(schema, key));
    it.runIf(required.length > 0).each(required)('is refused without %s, and the reason names it', (key) => {
      const { [key]: _removed, ...rest } = example;
      const refusal = readDocument(schema, rest);
      expect(refusal).toMatchObject({ ok: false, code: 'invalid' });
      expect((refusal as { reason: string }).reason).toMatch(new RegExp(`^${key}: `));
    });
  });
});

function isRequired(schema: Schema, key: string): boolean {
  return !(schema.shape as unknown as Record<string, z.ZodType>)[key]!.safeParse(undefined).success;
}

/** Puts a field from the future into every object whose keys the contracts list; free-form records stay. */
function withUnknownFields<T>(value: T, schema: z.ZodType): T {
  const inner = unwrap(schema);
  if (Array.isArray(value)) {
    const element = (inner as unknown as { element?: z.ZodType }).element;
    return (element === undefined ? value : value.map((item) => withUnknownFields(item, element))) as T;
  }
  const shape = (inner as unknown as { shape?: Record<string, z.ZodType> }).shape;
  if (shape === undefined || value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    shape[key] === undefined ? item : withUnknownFields(item, shape[key]),
  ]);
  return { ...Object.fromEntries(entries), fromTheFuture: { nested: [1, 'two'] } } as T;
}

function unwrap(schema: z.ZodType): z.ZodType {
  const inner = (schema as unknown as { def: { innerType?: z.ZodType } }).def.innerType;
  return inner === undefined ? schema : unwrap(inner);
}

describe('what a refusal says', () => {
  it('names the key and what was expected, and repeats no content', () => {
    const [frame] = EXAMPLES.filter(({ kind }) => kind === 'metric-frame') as [Document & { paths: unknown[] }];
    const secret = 'hunter2-hunter2-hunter2';
    const refusal = readDocument(contracts.MetricFrame, {
      ...frame,
      paths: [{ ...(frame.paths[0] as object), name: secret }],
    });
    expect(refusal).toEqual({
      ok: false,
      code: 'invalid',
      reason: 'paths[0].name: expected an interface name of at most 15 characters, with or without "/tls"',
    });
  });
});
