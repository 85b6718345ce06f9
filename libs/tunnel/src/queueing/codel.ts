/** CoDel (RFC 8289), per flow queue, one packet at a time: the state lies in the pool. */
import type { Clock } from '../clock.js';
import { TCP_FLOW } from '../flow-hash.js';
import type { ClassTable } from './class-table.js';
import type { QueuePool } from './queue-pool.js';

/** Coming back into dropping within so many intervals goes on at the rate reached before (RFC 8289 section 5.4). */
const RECENT_INTERVALS = 16;
/** CoDel's target and interval without a reason for others (RFC 8289 section 4.4), microseconds. */
export const CODEL_TARGET_US = 5_000;
export const CODEL_INTERVAL_US = 100_000;
/** The interval follows a raised target, which is at most a tenth of it (RFC 8289 section 4.3). */
const INTERVALS_PER_TARGET = 10;
const MAX_COUNT = 1 << 20;
/** A backlog of a class that is no larger behind the packet is no standing queue, but a packet that is being sent. */
const NO_QUEUE_BYTES = 1_500;

/**
 * Whether the packet at the head of `flow` of class `index` is to be dropped or marked now. To be asked once for each
 * packet, in their order.
 */
export function shouldDrop(pool: QueuePool, flow: number, table: ClassTable, index: number, clock: Clock): boolean {
  const { nowUs } = clock;
  const intervalUs = Math.max(CODEL_INTERVAL_US, INTERVALS_PER_TARGET * targetOf(pool, flow, table, index));
  if (!isAboveForLong(pool, flow, table, index, clock)) {
    pool.dropping[flow] = 0;
    return false;
  }
  if (pool.dropping[flow] === 1) {
    if (nowUs < pool.dropNextUs[flow]) return false;
    if (pool.count[flow] < MAX_COUNT) pool.count[flow]++;
    pool.dropNextUs[flow] += intervalUs / Math.sqrt(pool.count[flow]);
    return true;
  }
  pool.dropping[flow] = 1;
  const delta = pool.count[flow] - pool.lastCount[flow];
  const isRecent = nowUs - pool.dropNextUs[flow] < RECENT_INTERVALS * intervalUs;
  pool.count[flow] = delta > 1 && isRecent ? delta : 1;
  pool.lastCount[flow] = pool.count[flow];
  pool.dropNextUs[flow] = nowUs + intervalUs / Math.sqrt(pool.count[flow]);
  return true;
}

/** The target of the class; what is not TCP may answer to no drop, and then only loses by it: see {@link QueuePool.patientUs}. */
function targetOf(pool: QueuePool, flow: number, table: ClassTable, index: number): number {
  const targetUs = table.targetsUs[index];
  return (pool.keyOf(flow) & TCP_FLOW) === 0 && pool.patientUs > targetUs ? pool.patientUs : targetUs;
}

/** `dodequeue` of RFC 8289 section 5.6: the sojourn time has been above target for an interval. */
function isAboveForLong(pool: QueuePool, flow: number, table: ClassTable, index: number, clock: Clock): boolean {
  const { nowUs } = clock;
  const slot = pool.head[flow];
  const behind = table.bytes(index) - pool.slots.length[slot];
  const targetUs = targetOf(pool, flow, table, index);
  const isBelow = nowUs - pool.enqueuedUs[slot] < targetUs;
  if (isBelow || behind <= NO_QUEUE_BYTES || table.isPardoned(clock)) {
    pool.firstAboveUs[flow] = 0;
    return false;
  }
  if (pool.firstAboveUs[flow] === 0) {
    pool.firstAboveUs[flow] = nowUs + Math.max(CODEL_INTERVAL_US, INTERVALS_PER_TARGET * targetUs);
    return false;
  }
  return nowUs >= pool.firstAboveUs[flow];
}
