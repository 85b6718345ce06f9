import { createCipheriv } from 'node:crypto';
import { CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305, type CipherId } from '@corridor/tunnel';

// Long enough that the cost of one call does not count: 16 KB is about 1 ms of work where there are no AES instructions.
const BLOCK = Buffer.alloc(16_384);
const ROUNDS = 24;
/** ChaCha20 is preferred unless AES is faster by this factor: differences below are noise of the measurement. */
const CLEARLY_FASTER = 1.1;

/** Ciphers in order of speed on this CPU, measured in a few milliseconds (Pi 4 and older have no AES instructions). */
export function measureCiphers(clock: () => number = () => performance.now()): CipherId[] {
  const seal = (name: 'aes-256-gcm' | 'chacha20-poly1305') => sealingTime(name, clock);
  // The first use of each loads and sets up code.
  seal('aes-256-gcm');
  seal('chacha20-poly1305');
  return orderCiphers(seal('aes-256-gcm'), seal('chacha20-poly1305'));
}

/** Pure part of {@link measureCiphers}: times for the same work. */
export function orderCiphers(aesTime: number, chachaTime: number): CipherId[] {
  return chachaTime > aesTime * CLEARLY_FASTER
    ? [CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305]
    : [CIPHER_CHACHA20_POLY1305, CIPHER_AES_256_GCM];
}

/** Shortest time of several: the one that nothing interrupted. */
function sealingTime(name: 'aes-256-gcm' | 'chacha20-poly1305', clock: () => number): number {
  const key = Buffer.alloc(32, 1);
  const nonce = Buffer.alloc(12, 2);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = clock();
    const cipher = createCipheriv(name as 'aes-256-gcm', key, nonce);
    cipher.update(BLOCK);
    cipher.final();
    best = Math.min(best, clock() - start);
  }
  return best;
}
