export { REPAIR_MEMORY_BYTES } from './constants.js';
export * from './decoder.js';
export * from './encoder.js';
export { type Gf256, plainGf256 } from './gf256.js';
export { RepairMemory } from './memory.js';
