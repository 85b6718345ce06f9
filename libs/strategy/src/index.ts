export { activeStandby } from './active-standby.js';
export * from './conformance.js';
export { redundant } from './redundant.js';
export { builtInStrategies } from './registry.js';
export * from './sdk.js';
export { smallestDelay } from './smallest-delay.js';
