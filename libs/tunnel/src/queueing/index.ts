export { ClassQueues, DROPPED_CODEL, DROPPED_DEADLINE, DROPPED_LIMIT, type QueueOptions } from './class-queues.js';
export type { QueueClass } from './class-table.js';
export { CODEL_TARGET_US } from './codel.js';
export { QueuePool } from './queue-pool.js';
