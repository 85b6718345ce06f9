/** Every number that tunes the restoring of order, with its unit and reason. */
import { HOLD_MS } from '@corridor/wire';

/** How long a packet waits for the ones before it when its header does not say (0 in the flags): a radio retransmits
 * within 10 to 60 ms, two paths rarely differ by more. */
export const DEFAULT_HOLD_US = 80_000;
/** Longest hold that a header can ask for. */
export const MAX_HOLD_US = HOLD_MS[HOLD_MS.length - 1] * 1_000;
/** Least time that a hole is waited for, however few holes were ever filled: scheduling of both ends, one radio slot. */
export const MIN_WAIT_US = 4_000;

/** After so long without a packet, what is missing before the next one was given up by its sender long ago. */
export const IDLE_US = 1_000_000;
/**
 * A step of the sequence further than this, either way, is no reordering: no sender has so many packets under way
 * (`MAX_SENT_LOG`). The flow starts over there.
 */
export const MAX_STEP = 32_768;

/** Slots of an engine's pool: 8 MB, of which only what was ever in use at a time is touched; 50 ms of 1 Gbit/s. */
export const REORDER_SLOTS = 4096;
/** Flows that one peer can make this end remember, 60 bytes each. */
export const MAX_FLOWS = 1024;
