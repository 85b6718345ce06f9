/**
 * The TCP model over one bare link: what is known of CUBIC and BBR there. 1,348 of 1,400 bytes are payload, so 20 Mbit/s
 * are 19.26 of goodput at most.
 */
import { describe, expect, it } from 'vitest';
import type { LinkDirection } from '../link-direction.js';
import { type DirectionSpec, goodputBps, type LinkSpec, type TcpCongestion, type TrafficSpec } from '../scenario.js';
import { runBareTcp } from './bare-link.js';

const PAYLOAD = 1348 / 1400;
const RATE = 20e6;
const clean: DirectionSpec = { rateBps: RATE, delayUs: 20_000 };

function link(way: DirectionSpec): LinkSpec {
  return { name: 'w0', up: way, down: { delayUs: way.delayUs } };
}

function tcp(congestion: TcpCongestion, more: Partial<TrafficSpec> = {}): TrafficSpec {
  return { kind: 'tcp', direction: 'up', bytes: 0, congestion, ...more };
}

interface More {
  readonly seconds?: number;
  readonly seed?: number;
  readonly steps?: { atUs: number; apply(up: LinkDirection): void }[];
  readonly traffic?: Partial<TrafficSpec>;
}

/** One flow, with its share of what the link carries. */
function run(
  way: DirectionSpec,
  congestion: TcpCongestion,
  { seconds = 20, seed = 1, steps = [], traffic }: More = {},
) {
  const durationUs = seconds * 1e6;
  const [flow] = runBareTcp(link(way), [tcp(congestion, traffic)], { seed, durationUs, steps });
  const { rateBps, tcp: detail } = flow;
  if (rateBps === undefined || detail === undefined) throw new Error('a TCP flow has goodput and detail');
  return { ...flow, rateBps, detail, share: rateBps / ((way.rateBps ?? 0) * PAYLOAD) };
}

describe('over a clean link', () => {
  it.each(['cubic', 'bbr'] as const)('%s fills it', (congestion) => {
    const { share, detail } = run(clean, congestion);
    expect(share).toBeGreaterThan(0.95);
    expect(share).toBeLessThanOrEqual(1);
    expect(detail.timeouts).toBe(0);
    expect(detail.minRttUs).toBeGreaterThanOrEqual(40_000);
    expect(detail.minRttUs).toBeLessThan(41_000);
  });

  it.each(['cubic', 'bbr'] as const)('%s fills 200 Mbit/s too', (congestion) => {
    const { share } = run({ ...clean, rateBps: 200e6, queueBytes: 2e6 }, congestion, { seconds: 12 });
    expect(share).toBeGreaterThan(0.88);
  });

  it('cubic fills a deep buffer, bbr does not', () => {
    const deep = { ...clean, queueBytes: 2_500_000 };
    expect(run(deep, 'cubic').detail.rttP50Us).toBeGreaterThan(200_000);
    expect(run(deep, 'bbr').detail.rttP50Us).toBeLessThan(60_000);
  });

  it('a way that becomes longer is no loss: a tail loss probe is something new', () => {
    const steps = [{ atUs: 200_000, apply: (up: LinkDirection) => up.set({ delayUs: 180_000 }) }];
    const { detail } = run({ ...clean, queueBytes: 1e6 }, 'cubic', { seconds: 2, steps });
    expect(detail).toMatchObject({ retransmitted: 0, recoveries: 0, timeouts: 0 });
  });

  it('two connections share it, the later one gets its part', () => {
    for (const congestion of ['cubic', 'bbr'] as const) {
      const flows = [tcp(congestion), tcp(congestion, { startUs: 5_000_000 })];
      const [first, second] = runBareTcp(link(clean), flows, { seed: 2, durationUs: 60e6 });
      if (first.tcp === undefined || second.tcp === undefined) throw new Error('no detail');
      const late = [goodputBps(first.tcp, 30e6, 60e6), goodputBps(second.tcp, 25e6, 55e6)];
      expect(Math.min(...late) / Math.max(...late), `${congestion} ${late}`).toBeGreaterThan(0.3);
      expect((late[0] + late[1]) / (RATE * PAYLOAD)).toBeGreaterThan(0.94);
    }
  });

  it('every byte arrives in order once, and the series adds up to all of them', () => {
    const { bytes, detail, received, duplicates } = run({ ...clean, lossRatio: 0.02 }, 'bbr');
    expect(detail.seriesBytes.reduce((sum, step) => sum + step, 0)).toBe(bytes);
    expect(bytes).toBeGreaterThan(0);
    expect((bytes ?? 0) % detail.mss).toBe(0);
    expect(received * detail.mss).toBeGreaterThanOrEqual(bytes ?? 0);
    expect(duplicates).toBe(detail.spurious);
  });
});

describe('over a link that loses at random', () => {
  it('cubic collapses at 1 %: the response function of RFC 5681, about 1.2 / sqrt(p) segments a round trip', () => {
    const shares = [1, 2, 3].map((seed) => run({ ...clean, lossRatio: 0.01 }, 'cubic', { seed, seconds: 30 }).share);
    for (const share of shares) {
      expect(share).toBeGreaterThan(0.1);
      expect(share).toBeLessThan(0.25);
    }
  });

  it('bbr does not, at 1 % and at 10 %', () => {
    expect(run({ ...clean, lossRatio: 0.01 }, 'bbr').share).toBeGreaterThan(0.93);
    expect(run({ ...clean, lossRatio: 0.1 }, 'bbr').share).toBeGreaterThan(0.7);
  });

  it.each(['cubic', 'bbr'] as const)('%s recovers without timeouts', (congestion) => {
    const { detail } = run({ ...clean, lossRatio: 0.01 }, congestion);
    expect(detail.retransmitted).toBeGreaterThan(30);
    expect(detail.timeouts).toBe(0);
    expect(detail.spurious).toBeLessThan(detail.retransmitted / 20);
  });
});

describe('over a link that reorders or duplicates', () => {
  it.each(['cubic', 'bbr'] as const)('%s learns to wait', (congestion) => {
    const { share, detail } = run({ ...clean, reorderRatio: 0.05 }, congestion);
    expect(share).toBeGreaterThan(0.9);
    expect(detail.spurious).toBeLessThan(50);
  });

  it.each(['cubic', 'bbr'] as const)('%s takes duplicates for what they are', (congestion) => {
    const { share, detail } = run({ ...clean, duplicateRatio: 0.05 }, congestion);
    expect(share).toBeGreaterThan(0.9);
    expect(detail.spurious).toBeGreaterThan(500);
  });
});

describe('when the link changes', () => {
  const blackout = (isDark: boolean) => (up: LinkDirection) => {
    up.blackout = isDark;
  };
  const dark = [
    { atUs: 6_000_000, apply: blackout(true) },
    { atUs: 8_000_000, apply: blackout(false) },
  ];

  it.each(['cubic', 'bbr'] as const)('%s times out in a blackout, backs off, and is back afterwards', (congestion) => {
    const { detail } = run(clean, congestion, { steps: dark });
    expect(detail.timeouts).toBeGreaterThanOrEqual(2);
    expect(detail.timeouts).toBeLessThanOrEqual(5);
    expect(goodputBps(detail, 6_500_000, 8_000_000)).toBe(0);
    expect(goodputBps(detail, 14_000_000, 20_000_000) / (RATE * PAYLOAD)).toBeGreaterThan(0.9);
  });

  it.each(['cubic', 'bbr'] as const)('%s finds a rate that falls to a tenth and comes back', (congestion) => {
    const steps = [
      { atUs: 6_000_000, apply: (up: LinkDirection) => up.set({ rateBps: 2e6 }) },
      { atUs: 12_000_000, apply: (up: LinkDirection) => up.set({ rateBps: RATE }) },
    ];
    const { detail } = run({ ...clean, queueBytes: 100_000 }, congestion, { steps, seconds: 30 });
    expect(goodputBps(detail, 8_000_000, 12_000_000) / (2e6 * PAYLOAD)).toBeGreaterThan(0.85);
    expect(goodputBps(detail, 24_000_000, 30_000_000) / (RATE * PAYLOAD)).toBeGreaterThan(0.85);
  });
});

it('refuses traffic that is not tcp', () => {
  const udp: TrafficSpec = { kind: 'udp', direction: 'up', bytes: 100, rateBps: 1e6 };
  expect(() => runBareTcp(link(clean), [udp], { seed: 1, durationUs: 1e6 })).toThrow(/tcp was expected/);
});
