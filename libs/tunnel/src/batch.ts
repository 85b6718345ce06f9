/**
 * Batches: structures of arrays that carry many packets through one call, allocated once and reused.
 *
 * All byte positions are offsets into one slab, a contiguous buffer of slots of {@link SLOT_BYTES}. A packet starts at
 * its slot's base + {@link SLOT_HEADROOM}, so that headers can be put in front of it without moving it.
 */

/** Bytes of one slot of a slab; a power of two, so that offset >> SLOT_SHIFT is the slot number. */
export const SLOT_BYTES = 2048;
export const SLOT_SHIFT = 11;
/** Free bytes in front of a packet in its slot. */
export const SLOT_HEADROOM = 64;
/** Largest inner packet that fits a slot with headers, tag and some air. */
export const MAX_INNER_PACKET = 1900;

/** Inner IP packets on their way from or to the TUN device. */
export class PacketBatch {
  /** Entries in use. */
  count = 0;
  readonly capacity: number;
  /** Slab offset of the first byte of the IP packet. */
  readonly offset: Int32Array;
  /** Bytes of the IP packet. */
  readonly length: Int32Array;
  /**
   * Packets with equal non-zero group came out of one TUN read: neighbours of one TCP or UDP flow that differ only in
   * position. 0: on its own. A consumer may classify the first of a group and reuse the answer.
   */
  readonly group: Int32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.offset = new Int32Array(capacity);
    this.length = new Int32Array(capacity);
    this.group = new Int32Array(capacity);
  }
}

/** Bytes of one address record, see {@link AddressRecord}. */
export const ADDRESS_BYTES = 40;

/**
 * Where a datagram came from or goes to, 40 bytes: family u8 (4 or 6), transport u8 (0 UDP, 1 WebSocket over
 * TLS), remote port u16 LE, zero u32 (IPv6 scope id LE), remote address 16 bytes (IPv4 in the first 4, rest zero),
 * local address 16 bytes likewise (zero: let the kernel choose).
 */
export type AddressRecord = Uint8Array;

/** Datagrams as they came from the network, still sealed. */
export class DatagramBatch {
  count = 0;
  readonly capacity: number;
  /** The buffer that `offset` points into: the receiver's arena, valid until the next receive call. */
  bytes: Uint8Array;
  readonly offset: Int32Array;
  readonly length: Int32Array;
  /** Socket on which each one arrived. */
  readonly socket: Int32Array;
  /** Monotonic arrival time, microseconds (from the kernel where it tells). */
  readonly receivedAtUs: Float64Array;
  /** {@link AddressRecord} of each one, ADDRESS_BYTES apart. */
  readonly address: Uint8Array;

  constructor(capacity: number, bytes: Uint8Array) {
    this.capacity = capacity;
    this.bytes = bytes;
    this.offset = new Int32Array(capacity);
    this.length = new Int32Array(capacity);
    this.socket = new Int32Array(capacity);
    this.receivedAtUs = new Float64Array(capacity);
    this.address = new Uint8Array(capacity * ADDRESS_BYTES);
  }
}

/** Sealed datagrams that wait to be sent; `bytes` is a slab of its own, one slot per entry. */
export class DatagramOutbox {
  count = 0;
  readonly capacity: number;
  readonly bytes: Uint8Array;
  readonly offset: Int32Array;
  readonly length: Int32Array;
  /** Route (see `RouteTable`) on which each one goes out. */
  readonly route: Int32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.bytes = new Uint8Array(capacity * SLOT_BYTES);
    this.offset = new Int32Array(capacity);
    this.length = new Int32Array(capacity);
    this.route = new Int32Array(capacity);
  }
}

/** Work for the AEAD, sealing: plaintext in a packet slab, header apart, ciphertext into the outbox. */
export class SealBatch {
  count = 0;
  readonly capacity: number;
  /** Handle from {@link AeadBatch.addKey}. */
  readonly key: Int32Array;
  /** 24 bytes an entry: 12 of outer header (sent in clear, authenticated), 12 of inner header (sealed). */
  readonly header: Uint8Array;
  /** The same bytes as little-endian words, 6 an entry. */
  readonly headerWords: Uint32Array;
  /** Offset of the payload in the packet slab; the 12 bytes before it may be overwritten. */
  readonly source: Int32Array;
  readonly sourceLength: Int32Array;
  /** Where the datagram starts in the destination; it will be 24 + sourceLength + 16 bytes. */
  readonly target: Int32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.key = new Int32Array(capacity);
    this.headerWords = new Uint32Array(capacity * 6);
    this.header = new Uint8Array(this.headerWords.buffer);
    this.source = new Int32Array(capacity);
    this.sourceLength = new Int32Array(capacity);
    this.target = new Int32Array(capacity);
  }
}

/** Work for the AEAD, opening: datagrams in the arena, plaintext (inner header + payload) into a packet slab. */
export class OpenBatch {
  count = 0;
  readonly capacity: number;
  readonly key: Int32Array;
  readonly source: Int32Array;
  /** Bytes of the whole datagram. */
  readonly sourceLength: Int32Array;
  /** Where the payload goes (the inner header goes into the 12 bytes before it). */
  readonly target: Int32Array;
  /** Answer: bytes of payload after the inner header, or -1 when the datagram is not authentic. */
  readonly result: Int32Array;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.key = new Int32Array(capacity);
    this.source = new Int32Array(capacity);
    this.sourceLength = new Int32Array(capacity);
    this.target = new Int32Array(capacity);
    this.result = new Int32Array(capacity);
  }
}
