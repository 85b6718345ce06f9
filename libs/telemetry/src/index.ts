export * from './event.js';
export * from './frame.js';
export * from './intake.js';
export * from './spool.js';
