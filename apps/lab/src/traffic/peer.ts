/** The helper process in a host of the lab: its end of TCP streams, and small servers. Steered over Node's IPC channel. */
import { serveParent } from '../thread/rpc.js';
import { serviceMethods } from './services.js';
import { streamMethods } from './streams.js';

const methods = { ...streamMethods, ...serviceMethods };

export type PeerMethods = typeof methods;

serveParent(methods);
