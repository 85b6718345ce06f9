export { ControlClient, type ControlWatcher } from './control/client.js';
export * from './control/protocol.js';
export { ControlServer, type ControlTarget } from './control/server.js';
export * from './options.js';
export * from './status.js';
