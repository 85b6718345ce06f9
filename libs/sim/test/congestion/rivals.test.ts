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
  const rate = more.rateProfile === undefined ? { rateBps: mbit * 1e6 } : {};
  return { ...rate, delayUs: RTT_MS * 500, queueBytes: mbit * 125_000 * bufferSeconds, ...more };
}

const links: [name: string, link: DirectionSpec, offeredBps: number][] = [
  ['20 Mbit/s, buffer 1 s', link(20, 1), 20e6],
  ['2 Mbit/s, buffer 1 s', link(2, 1), 2e6],
  ['20 Mbit/s, buffer 10 ms', link(20, 0.01), 20e6],
  ['1 % loss', link(20, 1, { lossRatio: 0.01 }), 19.8e6],
  ['5 % loss', link(20, 1, { lossRatio: 0.05 }), 19e6],
  ['jitter 15 ms', link(20, 1, { jitterUs: 15_000 }), 20e6],
  ['cellular 10 Mbit/s', link(10, 1, { rateProfile: profile }), carried(profile, 5, 30)],
];

describe('the congestion control and those that were not chosen', () => {
  it('it alone fills every one of these links, with a median wait below 30 ms', () => {
    const passed = new Map(Object.keys(rivals).map((who) => [who, true]));
    for (const [name, spec, offeredBps] of links) {
      const cells = [name];
      for (const [who, congestion] of Object.entries(rivals)) {
        const { share, p50, p99 } = figures(spec, offeredBps, congestion);
        if (share < 0.9 || p50 > 30) passed.set(who, false);
        cells.push(`${(100 * share).toFixed(0)} % / ${p50.toFixed(0)} / ${p99.toFixed(0)} ms`);
      }
      if (process.env.CORRIDOR_TABLE === '1') process.stdout.write(`| ${cells.join(' | ')} |\n`);
    }
    expect(Object.fromEntries(passed)).toEqual({ ours: true, CUBIC: false, BBRv1: false, Copa: false, LEDBAT: false });
  });
});

/** Share of what the link carries, and how much later vital signs arrive than over the empty link, ms. */
function figures(spec: DirectionSpec, offeredBps: number, congestion: (() => FlowCongestion) | undefined) {
  const { totalBps, flows } = run({
    seconds: 30,
    fromSeconds: 5,
    link: spec,
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
  return { share: totalBps / offeredBps, p50: flows[0].vitalUs.p50 / 1e3, p99: flows[0].vitalUs.p99 / 1e3 };
}
