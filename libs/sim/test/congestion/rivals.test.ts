/** What decision 16 compares. With CORRIDOR_TABLE=1 the figures are printed. */
import { describe, expect, it } from 'vitest';
import type { DirectionSpec } from '../../src/index.js';
import type { FlowCongestion } from './flow.js';
import { carried, cellular } from './profiles.js';
import { BbrRival, CopaRival, CubicRival, LedbatRival } from './rivals.js';
import { run } from './run.js';

const RTT_MS = 50;
const rivals: Record<string, (() => FlowCongestion) | undefined> = {
  ours: undefined,
  CUBIC: () => new CubicRival(),
  BBRv1: () => new BbrRival(),
  Copa: () => new CopaRival(),
  LEDBAT: () => new LedbatRival(),
};
const profile = cellular(7, 60, 10e6, 6);

function link(mbit: number, bufferSeconds: number, more: Partial<DirectionSpec> = {}): DirectionSpec {
  return { rateBps: mbit * 1e6, delayUs: RTT_MS * 500, queueBytes: mbit * 125_000 * bufferSeconds, ...more };
}

const links: [name: string, link: DirectionSpec, offeredBps: number][] = [
  ['20 Mbit/s, buffer 1 s', link(20, 1), 20e6],
  ['2 Mbit/s, buffer 1 s', link(2, 1), 2e6],
  ['20 Mbit/s, buffer 10 ms', link(20, 0.01), 20e6],
  ['1 % loss', link(20, 1, { lossRatio: 0.01 }), 19.8e6],
  ['5 % loss', link(20, 1, { lossRatio: 0.05 }), 19e6],
  ['jitter 15 ms', link(20, 1, { jitterUs: 15_000 }), 20e6],
  [
    'cellular 10 Mbit/s',
    { ...link(10, 1), rateBps: undefined, rateProfile: profile } as never,
    carried(profile, 5, 30),
  ],
];

describe('beside the congestion controls that were not chosen', () => {
  it.each(links)('%s', (name, spec, offeredBps) => {
    const { rateBps, ...rest } = spec;
    const figures = Object.entries(rivals).map(([who, congestion]) => {
      const result = run({
        seconds: 30,
        fromSeconds: 5,
        link: rateBps === undefined ? rest : spec,
        flows: [
          {
            backUs: RTT_MS * 500,
            backJitterUs: 3_000,
            timerLateUs: 200,
            vitalEveryUs: 20_000,
            ...(congestion === undefined ? {} : { congestion }),
          },
        ],
      });
      const share = result.totalBps / offeredBps;
      return { who, share, vitalMs: result.flows[0].vitalUs.p99 / 1e3, loss: result.flows[0].lossRatio };
    });
    if (process.env.CORRIDOR_TABLE === '1') {
      const cells = figures.map((one) => `${(100 * one.share).toFixed(0)} % / ${one.vitalMs.toFixed(0)} ms`);
      process.stdout.write(`| ${[name, ...cells].join(' | ')} |\n`);
    }
    const [ours, ...others] = figures;
    expect(ours.share).toBeGreaterThan(0.9);
    // Whoever fills the link as well as ours has vital signs wait longer.
    for (const other of others) {
      if (other.share >= ours.share - 0.02) expect(other.vitalMs, other.who).toBeGreaterThan(ours.vitalMs);
    }
  });
});
