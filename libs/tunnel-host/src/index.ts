export {
  type Endpoint,
  type Family,
  parseEndpoint,
  parseWrittenPrefix,
  prefixContains,
  prefixesOverlap,
} from './address.js';
export { UsageFile, type UsageStore } from './conditions/usage-store.js';
export { ControlClient, type ControlWatcher } from './control/client.js';
export * from './control/protocol.js';
export { ControlServer, type ControlTarget } from './control/server.js';
export * from './decision-text.js';
export * from './errors.js';
export { eventLevel, eventSentence, peerSentence } from './event-line.js';
export { FALLBACK_PATH } from './fallback/constants.js';
export type { Remote as FallbackRemote } from './fallback/door.js';
export { TunnelHost } from './host.js';
export { LOG_LEVELS, Log, type LogLevel } from './log.js';
export { nodeHandshakePrimitives, nodeRandom } from './node-primitives.js';
export * from './options.js';
export { processStatus, VERSION } from './process-status.js';
export * from './status.js';
export { loadStrategies } from './strategies.js';
export { certificateMistake, chainOf, fingerprintOf } from './tls/certificate.js';
export { pathTags, uplinkLine } from './uplink-text.js';
