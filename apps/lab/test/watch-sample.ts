import type { AppView, LinkView, VehicleView, WatchView } from '../src/watch/view.js';

/** A made-up moment of the demo, for the tests of the renderers. */
export function sampleView(change: Partial<WatchView> = {}): WatchView {
  return {
    elapsedMs: 134_000,
    phase: undefined,
    statusCommand: 'status: corridor-tunnel status --control /tmp/lab/gw.sock',
    gateway: { state: 'up', sessions: 3 },
    vehicles: [sampleVehicle(0), sampleVehicle(1), sampleVehicle(2)],
    notice: undefined,
    help: false,
    ...change,
  };
}

/** Waves with a period of `period` samples between `low` and `high`. */
function wave(period: number, low: number, high: number): number[] {
  return Array.from({ length: 60 }, (_, i) => low + ((high - low) * (1 + Math.sin((2 * Math.PI * i) / period))) / 2);
}

export function sampleLink(number: number, index: number, change: Partial<LinkView> = {}): LinkView {
  const rtts = wave(17 + index * 5, 30 + index * 15, 60 + index * 40);
  return {
    key: String(number * 3 + index + 1),
    name: `w${index}`,
    operator: ['Nordnetz', 'Citycell', 'Landfunk'][index] as string,
    state: 'up',
    reason: 'answers',
    stateMs: 12_000,
    cut: false,
    carries: index === 0 ? ['video', 'web'] : [],
    rttMs: rtts.at(-1) as number,
    rttHistory: rtts,
    lossRatio: index === 1 ? 0.012 : 0,
    lossHistory: index === 1 ? wave(9, 0, 0.05) : wave(9, 0, 0),
    upBps: index === 0 ? 6.2e6 : 84_000,
    upHistory: index === 0 ? wave(30, 4e6, 6.5e6) : wave(30, 60e3, 90e3),
    downBps: index === 0 ? 1.3e6 : 12_000,
    downHistory: index === 0 ? wave(12, 0, 2e6) : wave(30, 6e3, 9e3),
    ...change,
  };
}

export function sampleApps(): AppView[] {
  return [
    {
      kind: 'flow',
      name: 'vitals',
      paths: ['w0', 'w1', 'w2'],
      mode: 'copies',
      strategy: 'redundant',
      delayMs: 21.4,
      delayHistory: wave(11, 20, 40),
      longestGapMs: 27,
      recentGapMs: 22,
      sent: 6_410,
      lost: 0,
    },
    {
      kind: 'flow',
      name: 'video',
      paths: ['w0', 'w1', 'w2'],
      mode: 'single',
      strategy: 'smallest-delay',
      delayMs: 31,
      delayHistory: wave(13, 20, 160),
      longestGapMs: 91,
      recentGapMs: 14,
      sent: 67_010,
      lost: 3,
    },
    {
      kind: 'web',
      name: 'web',
      paths: ['w0', 'w1', 'w2'],
      mode: 'single',
      strategy: 'active-standby',
      lastMs: 312,
      medianMs: 290,
      p95Ms: 1_240,
      history: wave(7, 200, 900),
      pages: 48,
      failed: 0,
    },
  ];
}

export function sampleVehicle(number: number, change: Partial<VehicleView> = {}): VehicleView {
  return {
    number,
    session: 'established',
    sessionMs: 131_000,
    cipher: 'aes-256-gcm',
    place: {
      progress: number * 0.3 + 0.2,
      name: ['river bank', 'old town', 'ring road'][number] ?? '',
      speedKmh: 52,
      coverage: wave(23, 0.1, 1),
    },
    links: [
      sampleLink(number, 0),
      sampleLink(number, 1, number === 1 ? { state: 'suspect' } : {}),
      sampleLink(
        number,
        2,
        number === 0
          ? { state: 'down', cut: true }
          : number === 2
            ? { state: 'down', reason: 'no answer to 5 probes' }
            : {},
      ),
    ],
    apps: sampleApps(),
    events: [
      {
        atMs: 131_000,
        tone: 'switch',
        subject: 'video, web',
        text: 'w2 → w0, 14 packets sent again: w2 went silent, w0 is next',
      },
      { atMs: 130_940, tone: 'bad', text: 'w2 up → suspect: silent for 61 ms' },
      { atMs: 110_000, tone: 'good', text: 'w1 gated → up: 4 probes answered' },
      { atMs: 96_000, tone: 'info', text: 'policy 4 acknowledged by the gateway' },
    ],
    ...change,
  };
}
