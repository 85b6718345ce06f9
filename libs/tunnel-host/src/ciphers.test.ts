import { CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305 } from '@corridor/tunnel';
import { expect, test } from 'vitest';
import { measureCiphers, orderCiphers } from './ciphers.js';

test.each([
  [1, 3, CIPHER_AES_256_GCM],
  [3, 1, CIPHER_CHACHA20_POLY1305],
  [1, 1, CIPHER_CHACHA20_POLY1305],
  [1, 1.05, CIPHER_CHACHA20_POLY1305],
])('AES takes %d, ChaCha20 takes %d: %d first', (aes, chacha, first) => {
  expect(orderCiphers(aes, chacha)[0]).toBe(first);
});

test('the measurement offers both', () => {
  expect(measureCiphers().sort()).toEqual([CIPHER_CHACHA20_POLY1305, CIPHER_AES_256_GCM].sort());
});
