/**
 * What the engine needs from outside and does not do itself. In production these are Node's crypto and packet-io; on
 * the virtual clock the simulator passes its own.
 */
import type { AddressRecord, OpenBatch, SealBatch } from './batch.js';
import type { Gf256 } from './repair/index.js';

/** Transport ciphers, by their number on the wire. */
export const CIPHER_CHACHA20_POLY1305 = 1;
export const CIPHER_AES_256_GCM = 2;
export type CipherId = typeof CIPHER_CHACHA20_POLY1305 | typeof CIPHER_AES_256_GCM;

/** Transport AEAD over batches. Nonce of a datagram: path id u32 LE, then packet number u64 LE. */
export interface AeadBatch {
  /** Takes a key of 32 bytes (copied) and answers a handle, a small non-negative integer. */
  addKey(cipher: CipherId, key: Uint8Array): number;
  /** Forgets a key; its handle may be given out again. */
  dropKey(handle: number): void;
  /** Seals every entry of `batch` from `source` to `target`; cannot fail for valid handles. */
  seal(batch: SealBatch, source: Uint8Array, target: Uint8Array): void;
  /** Opens every entry of `batch` from `source` to `target` and fills `batch.result`. */
  open(batch: OpenBatch, source: Uint8Array, target: Uint8Array): void;
}

/** One-shot primitives of the handshake; all synchronous, outputs are fresh arrays. */
export interface HandshakePrimitives {
  /** X25519 (RFC 7748): 32-byte private and public keys. Answers undefined for a low-order public key. */
  x25519(privateKey: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined;
  x25519PublicKey(privateKey: Uint8Array): Uint8Array;
  /** BLAKE2s-256 of the concatenation of `parts`. */
  blake2s(...parts: Uint8Array[]): Uint8Array;
  /** HMAC (RFC 2104) over BLAKE2s-256 of the concatenation of `parts`. */
  hmacBlake2s(key: Uint8Array, ...parts: Uint8Array[]): Uint8Array;
  /** ChaCha20-Poly1305 (RFC 8439): ciphertext with the 16-byte tag behind it. */
  chachaSeal(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Uint8Array;
  /** Answers undefined when the tag does not match. */
  chachaOpen(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, sealed: Uint8Array): Uint8Array | undefined;
}

/** Random bytes: a cryptographic source in production, a seeded one in a simulation. */
export type RandomBytes = (length: number) => Uint8Array;

/**
 * Where routes lead. A route is a small integer that stands for (local socket, remote address); the engine makes and
 * changes routes here, the host sends by them.
 */
export interface RouteTable {
  /** Points `route` at `address` through `socket` from now on. The record is copied. */
  set(route: number, socket: number, address: AddressRecord): void;
  delete(route: number): void;
}

export interface EnginePrimitives {
  readonly aead: AeadBatch;
  readonly handshake: HandshakePrimitives;
  readonly random: RandomBytes;
  readonly routes: RouteTable;
  /** Arithmetic of repair packets. Default: the plain one. */
  readonly gf256?: Gf256;
}
