/**
 * Packet I/O in batches: TUN devices, UDP sockets, AEAD, deadlines and link changes, on the native addon. Who owns
 * which bytes, and for how long, stands in the README.
 */
export { AEAD_IMPLEMENTATIONS, type AeadImplementation, NativeAead, type NativeCipherId } from './aead.js';
export {
  ADDRESS_BYTES,
  type DatagramBatchLike,
  MAX_PACKET_BYTES,
  type OpenBatchLike,
  type OutboxLike,
  type PacketBatchLike,
  type SealBatchLike,
} from './batches.js';
export { AEAD_COUNTERS, readCounters, SENDER_COUNTERS, TUN_COUNTERS, UDP_COUNTERS } from './counters.js';
export { PacketIoError, type PacketIoErrorCode, type SystemError } from './errors.js';
export { type Gf256Operations, nativeGf256 } from './gf256.js';
export { type InterfaceAddress, type NetworkInterface, networkInterfaces } from './interfaces.js';
export { LinkWatch, type LinkWatchOptions } from './link-watch.js';
export { DatagramSender, ELSEWHERE } from './sender.js';
export { openStreamSocket, type StreamOptions, tuneStreamSocket } from './stream.js';
export { DeadlineTimer, nowUs } from './timer.js';
export { TunDevice, type TunOptions } from './tun.js';
export { ReceiveBatch, receiveBatch, type UdpOptions, UdpSocket } from './udp.js';
