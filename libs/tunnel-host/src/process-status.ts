import { AEAD_IMPLEMENTATIONS } from '@corridor/packet-io';
import type { ProcessStatus } from './status.js';

/** Version of Corridor, as `corridor-tunnel version` prints it. */
export const VERSION = '0.1.0';

export function processStatus(): ProcessStatus {
  const memory = process.memoryUsage();
  const cpu = process.cpuUsage();
  return {
    pid: process.pid,
    version: VERSION,
    uptimeSeconds: Math.round(process.uptime() * 1000) / 1000,
    rssBytes: memory.rss,
    heapUsedBytes: memory.heapUsed,
    arrayBufferBytes: memory.arrayBuffers,
    cpuUserUs: cpu.user,
    cpuSystemUs: cpu.system,
    aead: AEAD_IMPLEMENTATIONS[0],
  };
}
