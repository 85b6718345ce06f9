/**
 * The numbers of the protocol, as docs/protocol.md specifies them. Tuning values that two ends need not agree on live
 * with the code that uses them, not here.
 */

/** Carried in the payload of handshake message 1; a gateway refuses what it does not speak. */
export const PROTOCOL_VERSION = 1;
/** Prologue of the Noise handshake: both ends must mean the same protocol. */
export const PROLOGUE = 'corridor 1';

/** First byte of a datagram. */
export const DATAGRAM_INITIATION = 1;
export const DATAGRAM_RESPONSE = 2;
export const DATAGRAM_COOKIE_REPLY = 3;
export const DATAGRAM_TRANSPORT = 4;

export const OUTER_HEADER_BYTES = 12;
export const INNER_HEADER_BYTES = 12;
export const TAG_BYTES = 16;
/** What a transport datagram adds to its payload. */
export const OVERHEAD_BYTES = OUTER_HEADER_BYTES + INNER_HEADER_BYTES + TAG_BYTES;
export const NONCE_BYTES = 12;
/** In front of each packet of a bundle but the first: an inner header without the stamp. */
export const BUNDLED_HEADER_BYTES = 8;

/** Kind of a sealed payload. */
export const KIND_PACKET = 1;
export const KIND_FRAMES = 2;
export const KIND_REPAIR = 3;
export const KIND_BUNDLE = 4;

/** Flag of frames: this end understands bundles. Ends that do not know it leave it 0, and ignore it. */
export const FLAG_READS_BUNDLES = 1;

/** Flag of an inner header: a copy that the plan asked for. */
export const FLAG_COPY = 1;
/** Flag of an inner header: sent again, as it was lost or its path is in doubt. */
export const FLAG_REPLAY = 2;
/** Flag of an inner header: the receiver shall restore the order of the flow, waiting no longer than the hold says. */
export const FLAG_ORDERED = 4;
/** Flag of an inner header: repair packets cover it, so receivers keep a copy for a while. */
export const FLAG_PROTECTED = 8;
/** The upper four bits of the flags: place in {@link HOLD_MS}. */
export const HOLD_SHIFT = 4;
/** How long a receiver may hold packets to restore the order of their flow, milliseconds. */
export const HOLD_MS = [0, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024] as const;

/** Packet numbers are 48 bits; a key is left long before they run out. */
export const MAX_PACKET_NUMBER = 2 ** 48 - 1;
/** Path ids are 8 bits. */
export const MAX_PATH_ID = 255;

export const FRAME_PROBE = 1;
export const FRAME_ACK = 2;
export const FRAME_SILENCE = 3;
export const FRAME_PATH_CHALLENGE = 4;
export const FRAME_PATH_RESPONSE = 5;
export const FRAME_PATH_INFO = 6;
export const FRAME_PATH_INFO_ACK = 7;
export const FRAME_POLICY = 8;
export const FRAME_POLICY_ACK = 9;
export const FRAME_CLOSE = 10;

/** Type u8 and body length u16 in front of every frame. */
export const FRAME_HEADER_BYTES = 3;
export const MAX_ACK_RANGES = 32;
/** Bytes of the opaque value in PATH_CHALLENGE and PATH_RESPONSE. */
export const CHALLENGE_BYTES = 8;

/** Flags of PATH_INFO. */
export const PATH_METERED = 1;
export const PATH_BLOCKED = 2;
export const PATH_GONE = 4;
export const PATH_ROAMING = 8;
export const PATH_CAPPED = 16;

/** Codes of CLOSE. */
export const CLOSE_SHUTDOWN = 0;
export const CLOSE_REMOVED = 1;
export const CLOSE_PROTOCOL = 2;

/** Rekeying: the vehicle starts a handshake when a session is this old, or has sent this many packets on a path. */
export const REKEY_AFTER_US = 120_000_000;
export const REKEY_AFTER_PACKETS = 2 ** 40;
/** No datagram is sent or accepted with a key older than this. */
export const REJECT_AFTER_US = 240_000_000;
/** How long the receive key of the epoch before is kept. */
export const KEEP_PREVIOUS_US = 10_000_000;
/** A gateway changes the secret behind its cookies this often; a vehicle uses a cookie no longer than this. */
export const COOKIE_LIFETIME_US = 120_000_000;
