/** Numbers of the fallback, with unit and reason. What both ends must agree on stands in docs/protocol.md, section 5.2. */

/** Where the gateway's HTTPS server takes the tunnel's WebSocket connections. */
export const FALLBACK_PATH = '/tunnel';
/** Offered and answered as WebSocket subprotocol (RFC 6455 section 1.9): a server that does not know it is no gateway. */
export const SUBPROTOCOL = 'corridor.1';
/** Longest message, bytes: a slot of the engine. A longer one ends the connection. */
export const MAX_MESSAGE = 2048;
/** Socket numbers from here on are streams; below are UDP sockets. */
export const FIRST_STREAM_SOCKET = 1 << 20;
/** Added to an uplink's priority for its path over TLS: any UDP path comes first. */
export const PRIORITY_OFFSET = 256;

// --- a stream's queue ------------------------------------------------------------------------------------------------

/**
 * Bytes of one stream that wait for the kernel, and the longest time that the oldest of them may have waited: beyond
 * either, new datagrams are dropped. TCP repairs what the network loses, so waiting is the only sign of congestion that
 * the engine gets from it, and a loss within 100 ms is a better one than a second of queue.
 */
export const BACKLOG_BYTES = 64 * 1024;
export const BACKLOG_MS = 100;
/** All streams together, towards the network and towards the engine: a wedged thread must not eat the memory. Bytes. */
export const TOTAL_BACKLOG_BYTES = 32 * 1024 * 1024;
export const INBOUND_BACKLOG_BYTES = 4 * 1024 * 1024;
/** What the kernel may hold unsent (TCP_NOTSENT_LOWAT), bytes: the rest waits here, where it is counted. */
export const NOT_SENT_BYTES = 16 * 1024;
/** A connection whose bytes nobody acknowledged for this long is gone (TCP_USER_TIMEOUT, RFC 5482), milliseconds. */
export const USER_TIMEOUT_MS = 10_000;

// --- keepalive -------------------------------------------------------------------------------------------------------

/** Proxies end connections that are silent for a minute. Milliseconds. */
export const PING_MS = 15_000;

// --- the gateway's door ----------------------------------------------------------------------------------------------

/** A stream that carries no authentic datagram is closed after this time, milliseconds. */
export const UNPROVEN_MS = 10_000;
/** Datagrams that a stream may bring before it is authentic: what a vehicle sends until the engine has seen the first. */
export const UNPROVEN_DATAGRAMS = 256;
export const MOST_STREAMS = 4096;
/** Streams that are not authentic (yet): in total, and from one address (an IPv6 /64). */
export const MOST_UNPROVEN = 256;
export const MOST_UNPROVEN_FROM_ONE = 16;
/** Accepts a second, and at once: from one address (a carrier's NAT hides many vehicles), and from everywhere. */
export const ACCEPTS_FROM_ONE = { perSecond: 4, burst: 32 } as const;
export const ACCEPTS = { perSecond: 100, burst: 400 } as const;
/** Addresses whose rate is remembered. */
export const MOST_ADDRESSES = 4096;

// --- the vehicle -----------------------------------------------------------------------------------------------------

/** How often the state of the paths is looked at, milliseconds. */
export const LOOK_MS = 500;
/** UDP over an uplink got nowhere for this long while no other uplink's UDP works: TLS is tried. Milliseconds. */
export const DEAD_ALONE_MS = 3_000;
/** The same while the UDP of another uplink works: nobody waits. */
export const DEAD_BESIDE_MS = 10_000;
/** UDP must have worked for this long before TLS is left again; it doubles when UDP fails again soon. Milliseconds. */
export const RETURN_MS = 5_000;
export const LONGEST_RETURN_MS = 60_000;
/** UDP that fails within this time after TLS was left was not well yet. */
export const RELAPSE_MS = 60_000;
/** A stream over which nothing authentic came for this long is closed and dialled again later. */
export const STREAM_DEAD_MS = 8_000;
/** Pauses between attempts, doubling; each is drawn between three and five quarters of it. */
export const FIRST_PAUSE_MS = 1_000;
export const LONGEST_PAUSE_MS = 60_000;
/** For TCP, TLS and the WebSocket handshake together, milliseconds. */
export const DIAL_MS = 8_000;
/** For looking up the gateway's name; after that the tunnel's endpoints are tried. Milliseconds. */
export const LOOKUP_MS = 3_000;
