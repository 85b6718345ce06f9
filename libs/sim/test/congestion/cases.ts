/**
 * What the congestion control must do, as data: a link, what flows over it, and bounds. `evaluation.test.ts` runs them all;
 * with CORRIDOR_TABLE=1 it prints the figures, too.
 */
import type { DirectionSpec } from '../../src/index.js';
import type { FlowOptions, Load } from './flow.js';
import { carried, cellular } from './profiles.js';
import type { RunSpec } from './run.js';

export interface CongestionCase {
  readonly name: string;
  readonly spec: RunSpec;
  readonly bounds: Bounds;
}

export interface Bounds {
  /** What the link carries in the measured time, bit/s, and the least share of it that must arrive. */
  readonly offeredBps?: number;
  readonly share?: number;
  /** Longest p99 of the vital signs' one-way delay above the empty link, ms; the same for p50 of all data. */
  readonly vitalMs?: number;
  readonly medianMs?: number;
  /** Most packets lost, as a share. */
  readonly loss?: number;
  /** Least share of what arrives that is the first flow's, and most. */
  readonly fair?: readonly [least: number, most: number];
  /** Longest p99 of the wait for pacer and window, ms. */
  readonly waitMs?: number;
}

const PACKET_BITS = 1400 * 8;

function link(mbit: number, rttMs: number, bufferSeconds: number, more: Partial<DirectionSpec> = {}): DirectionSpec {
  const queueBytes = Math.max(3_000, Math.round((mbit * 1e6 * bufferSeconds) / 8));
  return { rateBps: mbit * 1e6, delayUs: rttMs * 500, queueBytes, ...more };
}

function flow(rttMs: number, more: Partial<FlowOptions> = {}): FlowOptions {
  return { backUs: rttMs * 500, backJitterUs: 3_000, vitalEveryUs: 20_000, timerLateUs: 200, ...more };
}

function stream(bps: number, everyUs: number): Load {
  return { bytes: (bps / 8e6) * everyUs, everyUs };
}

/** A second of buffer, saturated: found within 3 s and ten round trips, the queue stays short from then on. */
function deepBuffers(): CongestionCase[] {
  return [0.3, 2, 20, 200].flatMap((mbit) =>
    [5, 50, 200, 600].map((rttMs) => {
      const fromSeconds = 3 + (rttMs >= 200 ? 14 : 10) * (rttMs / 1e3);
      return {
        name: `${mbit} Mbit/s, ${rttMs} ms, buffer 1 s`,
        spec: { seconds: fromSeconds + 8, fromSeconds, link: link(mbit, rttMs, 1), flows: [flow(rttMs)] },
        // At 0.3 Mbit/s one packet takes 37 ms: the one under way, and one more.
        bounds: {
          offeredBps: mbit * 1e6,
          share: 0.95,
          vitalMs: mbit < 1 ? 30 + (2 * PACKET_BITS) / (mbit * 1e3) : 30,
          loss: 0,
        },
      };
    }),
  );
}

function randomLoss(): CongestionCase[] {
  const kinds: [string, Partial<DirectionSpec>, number][] = [
    ['1 %', { lossRatio: 0.01 }, 0.01],
    ['5 %', { lossRatio: 0.05 }, 0.05],
    ['15 %', { lossRatio: 0.15 }, 0.15],
    ['bursts of 8 (1.4 %)', { burst: { enterRatio: 0.002, leaveRatio: 0.125, lossRatio: 0.9 } }, 0.014],
    ['bursts of 10 (3.8 %)', { burst: { enterRatio: 0.005, leaveRatio: 0.1, lossRatio: 0.8 } }, 0.038],
  ];
  return kinds.flatMap(([name, more, loss]) =>
    [20, 100].map((rttMs) => ({
      name: `20 Mbit/s, ${rttMs} ms, loss ${name}`,
      spec: { seconds: 20, fromSeconds: 4, link: link(20, rttMs, 1, more), flows: [flow(rttMs)] },
      bounds: { offeredBps: 20e6 * (1 - loss), share: 0.93, vitalMs: 35 },
    })),
  );
}

function jitter(): CongestionCase[] {
  return [2, 20, 100].flatMap((mbit) =>
    [5, 15].map((jitterMs) => ({
      name: `${mbit} Mbit/s, 40 ms, jitter ${jitterMs} ms`,
      spec: {
        seconds: 20,
        fromSeconds: 4,
        link: link(mbit, 40, 1, { jitterUs: jitterMs * 1e3 }),
        flows: [flow(40, { backJitterUs: jitterMs * 1e3 })],
      },
      bounds: { offeredBps: mbit * 1e6, share: 0.95, vitalMs: 30 + 2 * jitterMs, loss: 0 },
    })),
  );
}

function shortBuffers(): CongestionCase[] {
  return [20, 200].flatMap((mbit) =>
    [10, 50, 200].flatMap((rttMs) =>
      [5, 10, 30].map((bufferMs) => ({
        name: `${mbit} Mbit/s, ${rttMs} ms, buffer ${bufferMs} ms`,
        spec: {
          seconds: 16,
          fromSeconds: 4 + rttMs / 50,
          link: link(mbit, rttMs, bufferMs / 1e3),
          flows: [flow(rttMs)],
        },
        bounds: { offeredBps: mbit * 1e6, share: 0.9, vitalMs: bufferMs + 5, loss: bufferMs < 10 ? 0.06 : 0.03 },
      })),
    ),
  );
}

/**
 * After fourteen seconds at the lower rate: what was under way when it fell takes up to nine to drain at 0.3 Mbit/s. And four
 * seconds after the higher one is back.
 */
function cliffs(): CongestionCase[] {
  const steps: [number, number][] = [
    [20, 0.3],
    [20, 2],
    [100, 10],
  ];
  return steps.flatMap(([high, low]) =>
    [20, 100].flatMap((rttMs) => {
      const changes = [
        { atSeconds: 8, link: { rateBps: low * 1e6 } },
        { atSeconds: 28, link: { rateBps: high * 1e6 } },
      ];
      const spec = { link: link(high, rttMs, 1), flows: [flow(rttMs)], changes };
      return [
        {
          name: `cliff ${high} -> ${low} Mbit/s, ${rttMs} ms, after 14 s`,
          spec: { ...spec, seconds: 28, fromSeconds: 22 },
          bounds: { offeredBps: low * 1e6, share: 0.9, vitalMs: low < 1 ? 30 + (2 * PACKET_BITS) / (low * 1e3) : 30 },
        },
        {
          name: `back to ${high} Mbit/s, ${rttMs} ms, after 4 s`,
          spec: { ...spec, seconds: 40, fromSeconds: 32 },
          bounds: { offeredBps: high * 1e6, share: 0.92, vitalMs: 35 },
        },
      ];
    }),
  );
}

/** A route that is longer from then on, and a receiver's clock that drifts: from 20 s on all is as before. */
function routes(): CongestionCase[] {
  return [5, 50].flatMap((mbit) =>
    [15, 100, 300].map((longerMs) => ({
      name: `${mbit} Mbit/s, 40 ms, ${longerMs} ms more after 8 s`,
      spec: {
        seconds: 60,
        fromSeconds: 20,
        link: link(mbit, 40, 1),
        flows: [flow(40, { driftPpm: 50 })],
        changes: [{ atSeconds: 8, link: { delayUs: 20_000 + longerMs * 1e3 } }],
      },
      bounds: { offeredBps: mbit * 1e6, share: 0.95, vitalMs: longerMs + 30, loss: 0 },
    })),
  );
}

function radio(): CongestionCase[] {
  return [2, 10, 40].flatMap((mbit) =>
    [0, 6, 20].map((fades) => {
      const rateProfile = cellular(7, 60, mbit * 1e6, fades);
      return {
        name: `cellular ${mbit} Mbit/s, ${fades} fades a minute`,
        spec: {
          seconds: 60,
          fromSeconds: 5,
          link: { rateProfile, delayUs: 20_000, jitterUs: 5_000, queueBytes: mbit * 125_000 },
          flows: [flow(40)],
        },
        bounds: { offeredBps: carried(rateProfile, 5, 60), share: fades === 20 ? 0.9 : 0.92, medianMs: 40 },
      };
    }),
  );
}

function competition(): CongestionCase[] {
  const own = [20, 50, 150].flatMap((rttMs) =>
    [5, 50].map((mbit) => ({
      name: `two of ours, ${mbit} Mbit/s, ${rttMs} ms`,
      spec: {
        seconds: rttMs > 100 ? 60 : 40,
        fromSeconds: rttMs > 100 ? 40 : 20,
        link: link(mbit, rttMs, 1),
        flows: [flow(rttMs), flow(rttMs, { startUs: 5e6 })],
      },
      // At 150 ms they swing about equal shares for long.
      bounds: {
        offeredBps: mbit * 1e6,
        share: 0.94,
        fair: rttMs > 100 ? ([0.25, 0.75] as const) : ([0.4, 0.6] as const),
        loss: 0,
      },
    })),
  );
  const cubic = [5, 20, 50].flatMap((mbit) =>
    [20, 60].flatMap((rttMs) =>
      [0.1, 1].map((buffer) => ({
        name: `beside CUBIC, ${mbit} Mbit/s, ${rttMs} ms, buffer ${buffer * 1e3} ms`,
        spec: {
          seconds: 90,
          fromSeconds: 20,
          link: link(mbit, rttMs, buffer),
          flows: [flow(rttMs)],
          cubicFromSeconds: 5,
        },
        bounds: { offeredBps: mbit * 1e6, share: 0.94, fair: [0.25, 0.75] as const },
      })),
    ),
  );
  return [...own, ...cubic];
}

/** An application that sends less than the path carries, or nothing for a while. */
function limited(): CongestionCase[] {
  return [20, 100].flatMap((rttMs) => {
    const one = (name: string, mbit: number, options: Partial<FlowOptions>, bounds: Bounds, more = {}) => ({
      name: `${name}, ${mbit} Mbit/s, ${rttMs} ms`,
      spec: { seconds: 15, fromSeconds: 3, link: link(mbit, rttMs, 1), flows: [flow(rttMs, options)], ...more },
      bounds,
    });
    const paused = (seconds: number) => ({
      seconds: 7 + seconds,
      fromSeconds: 5 + seconds,
      changes: [
        { atSeconds: 5, act: ([first]: { offer(load: Load): void }[]) => first.offer('nothing') },
        { atSeconds: 5 + seconds, act: ([first]: { offer(load: Load): void }[]) => first.offer(stream(10e6, 20_000)) },
      ],
    });
    return [
      one('video 6 Mbit/s', 20, { load: stream(6e6, 40_000) }, { waitMs: 40, vitalMs: 10, loss: 0 }),
      one('video 6 Mbit/s', 8, { load: stream(6e6, 40_000) }, { waitMs: 45, vitalMs: 25, loss: 0 }),
      one(
        'video 5 Mbit/s expected on a path never used',
        20,
        { load: stream(5e6, 20_000), expectBps: 5e6, startUs: 1e6 },
        { waitMs: 30, vitalMs: 10 },
        { seconds: 3, fromSeconds: 0 },
      ),
      one('10 Mbit/s after 2.5 s of nothing', 20, {}, { waitMs: 25, vitalMs: 25 }, paused(2.5)),
      one('10 Mbit/s after 10 s of nothing', 20, {}, { waitMs: 80, vitalMs: 25 }, paused(10)),
    ];
  });
}

/** Nothing but processors limits, or a link as fast as they are: acknowledgements come 5 ms apart, or every 256 packets. */
function fast(): CongestionCase[] {
  const flows = [{ backUs: 50, timerLateUs: 200 }];
  return [
    {
      name: '5 Gbit/s, 0.1 ms',
      spec: { seconds: 1.6, fromSeconds: 1.3, link: { rateBps: 5e9, queueBytes: 60e6, delayUs: 50 }, flows },
      bounds: { offeredBps: 5e9, share: 0.95, medianMs: 10, loss: 0 },
    },
  ];
}

export const congestionCases: readonly CongestionCase[] = [
  ...deepBuffers(),
  ...randomLoss(),
  ...jitter(),
  ...shortBuffers(),
  ...cliffs(),
  ...routes(),
  ...radio(),
  ...competition(),
  ...limited(),
  ...fast(),
];
