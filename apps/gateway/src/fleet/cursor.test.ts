import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCursor, readIdCursor, writeCursor } from './cursor.js';

describe('a cursor', () => {
  it('gives back the key that it was made of', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 80, unit: 'grapheme' }), (key) => {
        fc.pre(!key.includes('\0'));
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

  it.each(['', 'a\0', 'no id'])('of a list by ids is an id, not %j', (key) => {
    expect(() => readIdCursor(writeCursor(key))).toThrow('Expected the cursor');
    const id = '0192d3a0-0000-7000-8000-000000000001';
    expect(readIdCursor(writeCursor(id))).toBe(id);
  });
});
