import type { DirectionMetrics, MetricFrame, PathMetrics } from '@corridor/contracts';

/** Frames for tests: complete, with what a test says differently. */
export function testFrame(change: Partial<MetricFrame> = {}): MetricFrame {
  const tunnel = {
    session: 'established' as const,
    establishedSeconds: 1,
    packetsSent: 0,
    packetsDelivered: 0,
    bytesSent: 0,
    bytesDelivered: 0,
    copiesSent: 0,
    replaysSent: 0,
    policyVersion: 1,
  };
  return { kind: 'metric-frame', v: 1, tunnel, paths: [testPath('wwan0')], classes: [], ...change };
}

export function testPath(name: string, change: Partial<PathMetrics> = {}): PathMetrics {
  return { name, state: 'up', rttUs: 30_000, minRttUs: 20_000, send: DIRECTION, receive: DIRECTION, ...change };
}

export const DIRECTION: DirectionMetrics = {
  delayVariationUs: 0,
  jitterUs: 0,
  lossRatio: 0,
  rateBps: 1_000_000,
  packets: 0,
  bytes: 0,
  lost: 0,
};
