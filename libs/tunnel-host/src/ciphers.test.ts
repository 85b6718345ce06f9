import { CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305 } from '@corridor/tunnel';
import { expect, test } from 'vitest';
import { measureCiphers, orderCiphers } from './ciphers.js';

test.each([
  [1, 3, CIPHER_AES_256_GCM],
  [1, 1, CIPHER_AES_256_GCM],
  [1.2, 1, CIPHER_AES_256_GCM],
  [3, 1, CIPHER_CHACHA20_POLY1305],
])('AES takes %d, ChaCha20 takes %d: %d first', (aes, chacha, first) => {
  const order = orderCiphers(aes, chacha);
  expect(order[0]).toBe(first);
  expect(new Set(order).size).toBe(2);
});

test('the measurement offers both', () => {
  expect([...measureCiphers()].sort()).toEqual([CIPHER_CHACHA20_POLY1305, CIPHER_AES_256_GCM].sort());
});
