export { DEFAULT_HOLD_US, MAX_HOLD_US, REORDER_SLOTS } from './limits.js';
export { ReorderPool } from './pool.js';
export { type PacketSink, Reordering } from './reordering.js';
