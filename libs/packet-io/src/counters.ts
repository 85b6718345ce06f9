/**
 * Counters: one Float64Array over a SharedArrayBuffer an object, written by native code, readable from any thread
 * without a call. The index of a name in its list is the index in the array; values only grow while the object lives.
 */

/** Counters of a TUN device. */
export const TUN_COUNTERS = [
  'readCalls', // packets and super-packets taken from the kernel
  'readPackets', // after the split
  'readBytes',
  'readSuperPackets', // reads that brought more than one packet
  'readMalformed', // super-packets whose header made no sense
  'readOversize', // packets longer than a slot
  'writeCalls', // packets and super-packets given to the kernel
  'writtenPackets', // before the merge
  'writtenBytes',
  'writtenMerged', // packets that went inside a super-packet
  'writeBadChecksum', // packets that were not merged because their own checksum is wrong
  'writeDropped', // refused by the kernel (queue full, device down, not an IP packet)
] as const;

/** Counters of a UDP socket, both directions. */
export const UDP_COUNTERS = [
  'receiveCalls',
  'receivedDatagrams',
  'receivedBytes',
  'receivedMerged', // datagrams that came in a GRO run
  'receiveTruncated', // longer than the buffer: dropped
  'receiveErrors', // errors that the socket reported instead of data
  'sendCalls',
  'sentDatagrams',
  'sentBytes',
  'sentMerged', // datagrams that left in a GSO run
  'dropFull', // EAGAIN, ENOBUFS: socket or device queue full
  'dropUnreachable', // no route, device down or gone, address not usable
  'dropTooLong', // EMSGSIZE
  'dropDenied', // EPERM, EACCES: a firewall
  'dropOther',
  'segmentationOff', // 1 once the device refused GSO
] as const;

/** Counters of a sender: what never reached a socket. */
export const SENDER_COUNTERS = ['datagrams', 'dropNoRoute', 'dropNoSocket'] as const;

/** Counters of an AEAD. */
export const AEAD_COUNTERS = ['sealed', 'opened', 'rejected'] as const;

/** Makes a zeroed counter array for a list of names. */
export function makeCounters(names: readonly string[]): Float64Array {
  return new Float64Array(new SharedArrayBuffer(names.length * Float64Array.BYTES_PER_ELEMENT));
}

/** Names and values, for status pages (slow path). */
export function readCounters<N extends string>(names: readonly N[], values: Float64Array): Record<N, number> {
  return Object.fromEntries(names.map((name, index) => [name, values[index]])) as Record<N, number>;
}
