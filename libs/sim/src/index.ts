export * from './link-direction.js';
export * from './random.js';
export { DEFAULT_QUEUE_BYTES } from './rate-limiter.js';
export * from './scenario.js';
