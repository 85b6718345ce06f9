/**
 * The rooms of the house and who may import whom: the table of docs/architecture.md as data. Imports go down the
 * levels only; `why` is what a person reads when the test fails.
 */
export interface Room {
  /** Folder below the root. */
  readonly folder: string;
  /** Name of the package, as others import it. */
  readonly name: string;
  readonly level: 0 | 1 | 2 | 3;
  /** Packages of ours that it may import. */
  readonly mayImport: readonly string[];
  readonly why: string;
  /** No I/O, no clock, no randomness, no ambient types: the same inputs give the same outputs everywhere. */
  readonly pure: boolean;
}

export const ROOMS: readonly Room[] = [
  {
    folder: 'libs/wire',
    name: '@corridor/wire',
    level: 0,
    mayImport: [],
    why: 'datagram formats stand alone, so that any tool can decode a capture with them',
    pure: true,
  },
  {
    folder: 'libs/strategy',
    name: '@corridor/strategy',
    level: 0,
    mayImport: [],
    why: 'a strategy author needs this package and nothing else',
    pure: true,
  },
  {
    folder: 'libs/contracts',
    name: '@corridor/contracts',
    level: 0,
    mayImport: [],
    why: 'documents between programs: a browser, a Pi and the gateway read the same schemas',
    pure: true,
  },
  {
    folder: 'libs/packet-io',
    name: '@corridor/packet-io',
    level: 0,
    mayImport: [],
    why: 'moves bytes; what the bytes mean is decided above it',
    pure: false,
  },
  {
    folder: 'libs/tunnel',
    name: '@corridor/tunnel',
    level: 1,
    mayImport: ['@corridor/wire', '@corridor/strategy'],
    why: 'the engine has no I/O: packets, time and primitives are passed in',
    pure: true,
  },
  {
    folder: 'libs/telemetry',
    name: '@corridor/telemetry',
    level: 1,
    mayImport: ['@corridor/contracts'],
    why: 'turns what an end of the tunnel measures into documents; both ends share it',
    pure: true,
  },
  {
    folder: 'libs/sim',
    name: '@corridor/sim',
    level: 2,
    mayImport: ['@corridor/wire', '@corridor/strategy', '@corridor/tunnel'],
    why: 'runs engines on a virtual clock: anything real in here would make it lie',
    pure: true,
  },
  {
    folder: 'libs/tunnel-host',
    name: '@corridor/tunnel-host',
    level: 2,
    mayImport: ['@corridor/packet-io', '@corridor/tunnel', '@corridor/wire', '@corridor/strategy'],
    why: 'the one loop that puts an engine on real packets; it knows no simulator and no application',
    pure: false,
  },
  {
    folder: 'apps/tunnel',
    name: 'corridor-tunnel',
    level: 3,
    mayImport: [
      '@corridor/packet-io',
      '@corridor/strategy',
      '@corridor/tunnel',
      '@corridor/tunnel-host',
      '@corridor/wire',
    ],
    why: 'what runs in a vehicle carries no simulator',
    pure: false,
  },
  {
    folder: 'apps/agent',
    name: 'corridor-agent',
    level: 3,
    mayImport: [
      '@corridor/contracts',
      '@corridor/packet-io',
      '@corridor/strategy',
      '@corridor/telemetry',
      '@corridor/tunnel',
      '@corridor/tunnel-host',
      '@corridor/wire',
    ],
    why: 'what runs in a vehicle carries no simulator and nothing of the gateway',
    pure: false,
  },
  {
    folder: 'apps/gateway',
    name: 'corridor-gateway',
    level: 3,
    mayImport: [
      '@corridor/contracts',
      '@corridor/packet-io',
      '@corridor/strategy',
      '@corridor/telemetry',
      '@corridor/tunnel',
      '@corridor/tunnel-host',
      '@corridor/wire',
    ],
    why: 'knows vehicles by their documents and their tunnels only',
    pure: false,
  },
  {
    folder: 'apps/console',
    name: '@corridor/console',
    level: 3,
    mayImport: ['@corridor/contracts'],
    why: 'a browser sees what the documents say, nothing behind them',
    pure: false,
  },
  {
    folder: 'apps/lab',
    name: '@corridor/lab',
    level: 3,
    mayImport: [
      '@corridor/contracts',
      '@corridor/packet-io',
      '@corridor/sim',
      '@corridor/strategy',
      '@corridor/tunnel',
      '@corridor/tunnel-host',
      '@corridor/wire',
    ],
    why: 'the lab may use every library; it runs the applications as processes, it does not import them',
    pure: false,
  },
];

/** What a pure room must not touch, matched in code without comments and string contents. */
export const IMPURE: readonly { readonly pattern: RegExp; readonly what: string; readonly why: string }[] = [
  { pattern: /(?<![.\w$])Date\b(?=\s*[.(])/, what: 'Date', why: 'time is an argument (nowUs)' },
  {
    pattern: /(?<![.\w$])(?:setTimeout|setInterval|setImmediate|queueMicrotask)\b/,
    what: 'timers',
    why: 'the host calls tick() at nextDeadlineUs()',
  },
  { pattern: /\bMath\s*\.\s*random\b/, what: 'Math.random', why: 'randomness is passed in, seeded in simulations' },
  { pattern: /(?<![.\w$])performance\s*\./, what: 'performance', why: 'time is an argument (nowUs)' },
  { pattern: /(?<![.\w$])(?:console|process)\s*\./, what: 'console or process', why: 'what happened is an event' },
  {
    pattern: /(?<![.\w$])(?:globalThis|fetch|require)\b(?=\s*[.(])/,
    what: 'ambient I/O',
    why: 'a pure room has no I/O',
  },
];
