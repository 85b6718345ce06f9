/**
 * What a tunnel is told and how that is checked: addresses, prefixes, policies, classes. Without the engine, so that a
 * process that runs the engine in another thread does not load it twice (three megabytes of memory on a vehicle).
 */
export * from './address.js';
export * from './batch.js';
export { builtInPolicy } from './built-in-policy.js';
export * from './classify.js';
export * from './flow-hash.js';
export * from './ip-packet.js';
export * from './policy.js';
export * from './policy-check.js';
export * from './prefixes.js';
