/** The tunnel alone, from one config file: what the `corridor-tunnel` command does, as functions. */
export { main } from './cli.js';
export { ConfigError, type LoadedConfig, loadConfig } from './config/load.js';
export { runTunnel } from './run.js';
