/**
 * Shapes of the batches that packet-io fills and empties: structural twins of the engine's own, so that neither room
 * imports the other. All are structures of arrays, made once and reused; `count` entries are in use.
 */

/** Bytes of an address record: see the README, "Addresses". */
export const ADDRESS_BYTES = 40;

/**
 * Most bytes a packet read from a TUN device may have; a lent position must have this much room behind it. Longer
 * ones (possible only when somebody raised the device's MTU) are dropped and counted.
 */
export const MAX_PACKET_BYTES = 1984;

/** Inner IP packets in a slab. */
export interface PacketBatchLike {
  count: number;
  readonly capacity: number;
  /** Slab offset of each packet's first byte. */
  readonly offset: Int32Array;
  /** Bytes of each packet. */
  readonly length: Int32Array;
  /** Packets with equal non-zero group came out of one super-packet of one flow; 0: on its own. */
  readonly group: Int32Array;
}

/** Datagrams as they came from the network. */
export interface DatagramBatchLike {
  count: number;
  readonly capacity: number;
  /** Buffer that `offset` points into, valid until the next receive into the same batch. */
  bytes: Uint8Array;
  readonly offset: Int32Array;
  readonly length: Int32Array;
  /** Id of the socket on which each one arrived. */
  readonly socket: Int32Array;
  /** Arrival, CLOCK_MONOTONIC microseconds, by the kernel's stamp. */
  readonly receivedAtUs: Float64Array;
  /** Address record of each one, {@link ADDRESS_BYTES} apart. */
  readonly address: Uint8Array;
}

/** Datagrams that wait to be sent. */
export interface OutboxLike {
  count: number;
  readonly bytes: Uint8Array;
  readonly offset: Int32Array;
  readonly length: Int32Array;
  /** Route of each one, see `DatagramSender.set`. */
  readonly route: Int32Array;
}

/** Work for sealing: 24 bytes of header an entry (12 outer in clear, 12 inner sealed), payload in a slab. */
export interface SealBatchLike {
  count: number;
  readonly key: Int32Array;
  readonly header: Uint8Array;
  /** Offset of the payload; the 12 bytes before it are overwritten. */
  readonly source: Int32Array;
  readonly sourceLength: Int32Array;
  /** Offset of the datagram: 24 + sourceLength + 16 bytes are written. */
  readonly target: Int32Array;
}

/** Work for opening: whole datagrams in, inner header and payload out. */
export interface OpenBatchLike {
  count: number;
  readonly key: Int32Array;
  readonly source: Int32Array;
  readonly sourceLength: Int32Array;
  /** Offset for the payload; the inner header goes into the 12 bytes before it. */
  readonly target: Int32Array;
  /** Answer: bytes of payload, or -1 when the datagram is not authentic. */
  readonly result: Int32Array;
}
