import type { CipherId } from '../primitives.js';

/**
 * Why a handshake datagram was not followed; names of counters. Nothing of it reaches the network but `cipher` and
 * `version`, which a proven caller is told.
 */
export type HandshakeRefusal =
  /** Not shaped like a handshake datagram, or nonsense inside it. */
  | 'malformed'
  /** mac1 is wrong: the sender does not know whom it talks to. */
  | 'bad-mac'
  /** The gateway was not told of this static key. */
  | 'unknown-key'
  /** A seal does not match. */
  | 'not-authentic'
  /** Too many from one source while under load, or more than the gateway looks at. */
  | 'rate-limited'
  /** An initiation that was answered before and is too old to be answered again. */
  | 'replayed'
  /** A response or cookie reply to nothing that is under way. */
  | 'no-handshake'
  /** The gateway does not speak the vehicle's protocol version. */
  | 'version'
  /** The two ends share no cipher. */
  | 'cipher';

/** What both ends hold when a handshake is through. */
export interface Established {
  /** By which the peer addresses this end. */
  readonly localIndex: number;
  /** By which this end addresses the peer. */
  readonly remoteIndex: number;
  readonly cipher: CipherId;
  /** 8 bytes that name this run of the peer's engine: another instance begins its flow sequences afresh. */
  readonly peerInstance: Uint8Array;
  /** 32 bytes each. */
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}

/** Session indices are never 0: a refusal carries 0 in its place. */
export const NO_INDEX = 0;
