import type { OpenBatchLike, SealBatchLike } from './batches.js';
import { AEAD_COUNTERS, makeCounters } from './counters.js';
import { type AeadImplementation, type NativeAeadTable, native } from './native.js';

/** Cipher numbers as on the wire. */
export type NativeCipherId = 1 | 2;

export type { AeadImplementation };

/** What this machine has, the fastest first; 'openssl' is always among them. All of them understand each other. */
export const AEAD_IMPLEMENTATIONS: readonly AeadImplementation[] = native.aeadImplementations;

/**
 * Transport AEAD over batches: 1 ChaCha20-Poly1305, 2 AES-256-GCM. By the OpenSSL inside Node; AES by libIPSec_MB where
 * that is installed and the processor has VAES, in a quarter of the time. Fulfils the engine's `AeadBatch`. Nonce: path
 * id u32 LE, packet number u64 LE, both read from the outer header; the 12 bytes of the outer header are authenticated. A
 * sender must never use a packet number twice under one key.
 */
export class NativeAead {
  /** See AEAD_COUNTERS. */
  readonly counters: Float64Array = makeCounters(AEAD_COUNTERS);
  readonly #native: NativeAeadTable;

  /** @param implementation one of {@link AEAD_IMPLEMENTATIONS}; throws ERR_BAD_ARGUMENT when it is not here */
  constructor(implementation: AeadImplementation = AEAD_IMPLEMENTATIONS[0]) {
    this.#native = new native.Aead(this.counters, implementation);
  }

  /** Takes a key of 32 bytes (copied) and answers its handle, a small non-negative integer. */
  addKey(cipher: NativeCipherId, key: Uint8Array): number {
    return this.#native.addKey(cipher, key);
  }

  /** Erases a key; the handle may be given out again. Harmless for a handle already dropped. */
  dropKey(handle: number): void {
    this.#native.dropKey(handle);
  }

  /** Seals every entry from `source` to `target`. Inner headers are written in front of the payloads in `source`. */
  seal(batch: SealBatchLike, source: Uint8Array, target: Uint8Array): void {
    this.#native.seal(
      batch.count,
      batch.key,
      batch.header,
      batch.source,
      batch.sourceLength,
      batch.target,
      source,
      target,
    );
  }

  /** Opens every entry from `source` to `target`. Bytes of a target whose result is -1 are not to be used. */
  open(batch: OpenBatchLike, source: Uint8Array, target: Uint8Array): void {
    this.#native.open(
      batch.count,
      batch.key,
      batch.source,
      batch.sourceLength,
      batch.target,
      batch.result,
      source,
      target,
    );
  }
}
