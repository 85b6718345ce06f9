import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatClaim, parseClaim } from './enrolment.js';

const BASE64URL = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'];
const bytes32 = fc.array(fc.constantFrom(...BASE64URL), { minLength: 43, maxLength: 43 }).map((all) => all.join(''));
const claim = fc.record({
  claimId: fc.uuid(),
  secret: bytes32,
  fingerprint: fc.option(bytes32, { nil: null }),
});

describe('a claim', () => {
  it('is the same after it was written down and read again', () => {
    fc.assert(
      fc.property(claim, fc.constantFrom('', ' ', '\n', '\t '), (given, blank) => {
        expect(parseClaim(`${blank}${formatClaim(given)}${blank}`)).toEqual(given);
      }),
    );
  });

  it('has one form only: what reads, writes itself', () => {
    const almost = fc.tuple(
      fc.array(fc.constantFrom(...BASE64URL), { minLength: 22, maxLength: 22 }).map((all) => all.join('')),
      bytes32,
    );
    fc.assert(
      fc.property(almost, ([id, secret]) => {
        const text = `corridor1.${id}.${secret}.-`;
        const read = parseClaim(text);
        if (read !== undefined) expect(formatClaim(read)).toBe(text);
      }),
    );
  });

  it('looks as it always did', () => {
    const given = {
      claimId: '0192f4c8-6a10-7b3e-9c55-0d1a2b3c4d5e',
      secret: 'A'.repeat(43),
      fingerprint: null,
    };
    expect(formatClaim(given)).toBe(`corridor1.AZL0yGoQez6cVQ0aKzxNXg.${'A'.repeat(43)}.-`);
    // The id is the UUID's 16 bytes in base64url, as anybody would write it.
    expect(Buffer.from(given.claimId.replaceAll('-', ''), 'hex').toString('base64url')).toBe('AZL0yGoQez6cVQ0aKzxNXg');
  });

  it.each([
    ['nothing', ''],
    ['a word', 'corridor'],
    ['another version', `corridor2.${'A'.repeat(22)}.${'A'.repeat(43)}.-`],
    ['a short secret', `corridor1.${'A'.repeat(22)}.${'A'.repeat(42)}.-`],
    ['a long id', `corridor1.${'A'.repeat(23)}.${'A'.repeat(43)}.-`],
    ['no fingerprint', `corridor1.${'A'.repeat(22)}.${'A'.repeat(43)}`],
    ['two claims', `corridor1.${'A'.repeat(22)}.${'A'.repeat(43)}.- corridor1.${'A'.repeat(22)}.${'A'.repeat(43)}.-`],
    ['bits behind the end of the id', `corridor1.${'A'.repeat(21)}B.${'A'.repeat(43)}.-`],
  ])('is not %s', (_what, text) => {
    expect(parseClaim(text)).toBeUndefined();
  });

  it('is found in no text at random', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 150 }), (text) => {
        expect(parseClaim(text)).toBeUndefined();
      }),
    );
  });
});
