export { AckReport } from './ack-report.js';
export type { CongestionPhase, CongestionStatus } from './congestion-status.js';
export { PathCongestion } from './path-congestion.js';
