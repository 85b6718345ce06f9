/** Every number of forward repair, with its unit and reason. What both ends must agree on stands in `@corridor/wire`. */
import { MAX_REPAIR_WINDOW, SYMBOL_LENGTH_BYTES } from '@corridor/wire';

/** Room of one symbol: the largest inner packet with its length fits. */
export const SYMBOL_ROOM = 2048;
export const SYMBOL_SHIFT = 11;
export const LONGEST_REPAIRABLE = SYMBOL_ROOM - SYMBOL_LENGTH_BYTES;

/** A system is solved over so many consecutive sequences: two windows, so that neighbouring repairs help each other. */
export const HORIZON = 2 * MAX_REPAIR_WINDOW;

// --- sender -------------------------------------------------------------------------------------------------------

/**
 * Combinations of one flow that are open at a time, thus how often each packet is multiplied and added. So many repairs
 * cover every packet: a burst up to this long can be restored.
 */
export const MAX_OPEN = 16;
/** Combinations of one peer, open or waiting: 32 KB when the first flow is protected, doubling up to 128 KB. */
export const FIRST_SYMBOLS = 16;
export const MAX_SYMBOLS = 64;
/** Repairs that wait to be sent, of one peer; the oldest gives way. */
export const MAX_WAITING = 16;
/** Flows of one peer that are protected at a time. */
export const MAX_SENT_FLOWS = 16;
/** A flow that sends nothing for so long gets a repair for its last packets: five packets of 5 Mbit/s video. */
export const FLUSH_AFTER_US = 10_000;
/** Packets older than this are not worth a repair: retransmission has been quicker, or the deadline has passed. */
export const WINDOW_SPAN_US = 250_000;
/** A flow that pauses for so long leaves its place to another. */
export const FLOW_IDLE_US = 1_000_000;

// --- receiver -----------------------------------------------------------------------------------------------------

/** Kept packets of one peer: 64 KB at first, doubled while packets younger than the second have to go. */
export const FIRST_KEPT_BYTES = 65_536;
export const MAX_KEPT_BYTES = 524_288;
export const KEEP_US = 200_000;
export const MAX_KEPT_PACKETS = 512;
/** Repairs of one peer that cannot be used yet: 16 KB at first, doubling up to 128 KB. */
export const FIRST_EQUATIONS = 8;
export const MAX_EQUATIONS = 64;
/** The same of one flow: as many packets can be restored together. */
export const MAX_FLOW_EQUATIONS = 32;
/** Missing packets that one system may be about. */
export const MAX_UNKNOWNS = 64;
/** Flows of one peer whose packets are kept. */
export const MAX_RECEIVED_FLOWS = 32;
/**
 * A packet beyond the newest that arrived is taken for lost only when the flow has been silent for so long, or a newer one
 * comes: a repair over a faster path is here before the packets that it covers.
 */
export const IN_FLIGHT_US = 5_000;
/** A repair that found no use for so long is given up. */
export const EQUATION_AGE_US = 1_000_000;
/** A decoder that kept nothing for so long gives back its memory when asked to. */
export const DECODER_IDLE_US = 5_000_000;
/**
 * Steps of elimination (one product each, about 1 ns) that one peer may cause in each {@link WORK_PERIOD_US}: 2 to 3 % of
 * a core. A burst of 16 packets takes 8,000 steps; only a peer that means harm comes near.
 */
export const WORK_LIMIT = 200_000;
export const WORK_PERIOD_US = 10_000;

// --- both ---------------------------------------------------------------------------------------------------------

/** Memory for the repair of all peers of an engine: about 300 vehicles that send video at a time. */
export const REPAIR_MEMORY_BYTES = 67_108_864;
