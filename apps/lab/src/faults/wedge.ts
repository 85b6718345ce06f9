/**
 * Loaded into a gateway by the outage commands (NODE_OPTIONS=--import): on SIGUSR2 its main thread does nothing at all for
 * as long as CORRIDOR_LAB_WEDGE_MS says, as a bug in an endless loop would have it. Workers go on.
 */
import { isMainThread } from 'node:worker_threads';

const forMs = Number(process.env.CORRIDOR_LAB_WEDGE_MS);
if (isMainThread && forMs > 0) {
  delete process.env.CORRIDOR_LAB_WEDGE_MS;
  process.on('SIGUSR2', () => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
  });
}
