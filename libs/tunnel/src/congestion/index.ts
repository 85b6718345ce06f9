export { AckReport } from './ack-report.js';
export { type CongestionPhase, type CongestionStatus, PathCongestion } from './path-congestion.js';
