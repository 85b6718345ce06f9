import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCursor, writeCursor } from './cursor.js';

describe('a cursor', () => {
  it('gives back the key that it was made of', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 80, unit: 'grapheme' }), (key) => {
        expect(readCursor(writeCursor(key))).toBe(key);
      }),
    );
    expect(readCursor(undefined)).toBeUndefined();
  });

  it('is nothing else: text that no page ended with is refused', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), (text) => {
        let key: string | undefined;
        try {
          key = readCursor(text);
        } catch (error) {
          expect(error).toMatchObject({ kind: 'invalid', code: 'cursor-invalid' });
          return;
        }
        expect(writeCursor(key!)).toBe(text);
      }),
    );
  });
});
