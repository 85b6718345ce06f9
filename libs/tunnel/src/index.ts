export * from './batch.js';
export * from './engine.js';
export * from './events.js';
export * from './policy.js';
export * from './primitives.js';
export * from './status.js';
