export * from './bytes.js';
export * from './constants.js';
export * from './frame-writer.js';
export * from './frames.js';
export * from './handshake.js';
export * from './header.js';
export * from './serial.js';
export * from './utf8.js';
