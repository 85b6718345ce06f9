import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { fingerprintOf } from './certificate.js';
import { certificatesOf, chainMistake } from './trust.js';

const pem = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../../test/certificates/${name}`, import.meta.url)), 'utf8');
const past = certificatesOf(pem('past.pem'));
const [authority] = certificatesOf(pem('authority.pem'));

describe('among many authorities', () => {
  const roots = new Set([...rootCertificates.flatMap(certificatesOf), authority].map(fingerprintOf));

  test('one that is known vouches, whatever the dates', () => {
    expect(chainMistake(past, '203.0.113.10', roots)).toBeUndefined();
    expect(chainMistake(past, 'gateway.test', roots)).toBeUndefined();
    expect(chainMistake(past, 'elsewhere.test', roots)).toMatch(/not for elsewhere\.test/);
  });

  test('the others do not', () => {
    const foreign = certificatesOf(pem('foreign.pem'));
    expect(chainMistake(foreign, '203.0.113.10', roots)).toMatch(/not of the authority/);
    // The known one stands in the chain, but has signed nothing there.
    expect(chainMistake([foreign[0], authority], '203.0.113.10', roots)).toMatch(/is not signed by/);
    expect(chainMistake([], '203.0.113.10', roots)).toBe('the server showed no certificate');
  });
});

test('a text without certificates is none', () => {
  expect(() => certificatesOf('nothing')).toThrow('at least one certificate');
  expect(certificatesOf(pem('foreign.pem'))).toHaveLength(2);
});
