/**
 * Packet I/O in batches: TUN devices, UDP sockets, AEAD, timers, on the native addon.
 *
 * The contract (types only here; the implementation follows).
 */

/** A structural twin of the engine's PacketBatch. */
export interface PacketBatchLike {
  count: number;
  readonly capacity: number;
  readonly offset: Int32Array;
  readonly length: Int32Array;
  readonly group: Int32Array;
}
