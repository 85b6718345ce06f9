export { type BareRun, runBareTcp } from './bare-link.js';
export { Bbr } from './bbr.js';
export { AckSample, type TcpControl } from './control.js';
export { Cubic } from './cubic.js';
export type { TcpAddresses, TcpNetwork } from './endpoint.js';
export { TcpReceiver } from './receiver.js';
export { isTcp, readSegment, TcpSegment, writeSegment } from './segment.js';
export { TcpSender } from './sender.js';
export { TcpFlow, type TcpPlace } from './tcp-flow.js';
