import { NativeAead, nowUs } from '@corridor/packet-io';
import { CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305, type CipherId, SealBatch, SLOT_BYTES } from '@corridor/tunnel';

/** What is measured: one batch of full-sized packets, sealed as the tunnel seals them. */
const PACKETS = 32;
const PACKET_BYTES = 1400;
const HEADER_BYTES = 24;
/** Rounds of each cipher: 0.4 ms a round where there are no AES instructions, a few microseconds where there are. */
const ROUNDS = 16;
/** AES is the choice unless ChaCha20 is faster by this factor: without AES instructions it is by three and more. */
const CLEARLY_FASTER = 1.25;

/**
 * Ciphers in order of speed on this CPU, measured in some milliseconds (Pi 4 and older have no AES instructions). The
 * two take turns, so that whatever else the machine does hits both, and the shortest time of each counts.
 */
export function measureCiphers(): CipherId[] {
  const aead = new NativeAead();
  const batch = new SealBatch(PACKETS);
  const source = new Uint8Array(PACKETS * SLOT_BYTES);
  const target = new Uint8Array(PACKETS * SLOT_BYTES);
  const aes = aead.addKey(CIPHER_AES_256_GCM, new Uint8Array(32).fill(1));
  const chacha = aead.addKey(CIPHER_CHACHA20_POLY1305, new Uint8Array(32).fill(1));
  const sealingTime = (key: number) => {
    fill(batch, key);
    const start = nowUs();
    aead.seal(batch, source, target);
    return nowUs() - start;
  };
  let aesTime = Number.POSITIVE_INFINITY;
  let chachaTime = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    aesTime = Math.min(aesTime, sealingTime(aes));
    chachaTime = Math.min(chachaTime, sealingTime(chacha));
  }
  aead.dropKey(aes);
  aead.dropKey(chacha);
  return orderCiphers(aesTime, chachaTime);
}

/** Pure part of {@link measureCiphers}: times for the same work. */
export function orderCiphers(aesTime: number, chachaTime: number): CipherId[] {
  return aesTime > chachaTime * CLEARLY_FASTER
    ? [CIPHER_CHACHA20_POLY1305, CIPHER_AES_256_GCM]
    : [CIPHER_AES_256_GCM, CIPHER_CHACHA20_POLY1305];
}

function fill(batch: SealBatch, key: number): void {
  batch.count = PACKETS;
  for (let i = 0; i < PACKETS; i++) {
    batch.key[i] = key;
    batch.source[i] = i * SLOT_BYTES + HEADER_BYTES;
    batch.sourceLength[i] = PACKET_BYTES;
    batch.target[i] = i * SLOT_BYTES;
  }
}
