import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from './canonical-json.js';

/** As it comes out of a parser: without negative zero, which JSON writes as 0. */
const json = fc.jsonValue({ maxDepth: 4 }).map((value): unknown => JSON.parse(JSON.stringify(value)));

/** The same content with the keys of every object in another order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

describe('canonical JSON', () => {
  it('is JSON of the same content', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(value);
      }),
    );
  });

  it('is one text whatever the order of keys was', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(canonicalJson(reversed(value))).toBe(canonicalJson(value));
      }),
    );
  });

  it('sorts keys by UTF-16 code units, writes no blanks and leaves out what is undefined', () => {
    expect(canonicalJson({ b: [1, 0.5, 'ü'], a: { z: null, y: true }, '€': '', u: undefined, B: 1e21 })).toBe(
      '{"B":1e+21,"a":{"y":true,"z":null},"b":[1,0.5,"ü"],"€":""}',
    );
  });

  it.each([[undefined], [() => 1], [Number.NaN], [[Number.POSITIVE_INFINITY]], [{ a: 10n }], [[undefined]]])(
    'throws for %s, which JSON cannot hold',
    (value) => {
      expect(() => canonicalJson(value)).toThrow(TypeError);
    },
  );
});
