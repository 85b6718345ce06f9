import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readDocument } from './document.js';
import { unstorable } from './storable.js';
import { VehicleEvent } from './telemetry.js';

describe('what can be kept', () => {
  it('is any JSON of characters, to 64 levels', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6, stringUnit: 'grapheme' }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('\\u0000'));
        expect(unstorable(value)).toBeUndefined();
      }),
    );
    expect(unstorable(JSON.parse('['.repeat(64) + ']'.repeat(64)))).toBeUndefined();
    expect(unstorable('🚑')).toBeUndefined();
  });

  it.each([
    ['U+0000', '"a\\u0000b"'],
    ['U+0000 in a key', '{"a": [{"\\u0000": 1}]}'],
    ['the first half of a character', '["\\ud83d"]'],
    ['the second half', '"\\ude91 "'],
    ['halves in the wrong order', '"\\ude91\\ud83d"'],
    ['65 levels', '['.repeat(65) + ']'.repeat(65)],
    ['a hundred thousand levels', '['.repeat(100_000) + ']'.repeat(100_000)],
  ])('is not %s', (_, text) => {
    expect(unstorable(JSON.parse(text))).toMatch(/^expected /);
  });

  it('is asked of every document that comes from another program', () => {
    const event = { kind: 'event', v: 1, type: 'agent', reason: 'started' };
    expect(readDocument(VehicleEvent, JSON.stringify(event))).toMatchObject({ ok: true });
    const poison = JSON.stringify({ ...event, note: { from: 'a\0b' } });
    expect(readDocument(VehicleEvent, poison)).toMatchObject({ ok: false, code: 'invalid' });
  });
});
