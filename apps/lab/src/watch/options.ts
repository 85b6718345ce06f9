/** Command line of the live view. */
import { parseArgs } from 'node:util';

export interface WatchOptions {
  readonly vehicles: number;
  readonly seed: number;
  /** Lines of text even on a terminal. */
  readonly plain: boolean;
  /** Ends by itself after so long; undefined: runs until told to stop. */
  readonly seconds: number | undefined;
}

/** A city in which some operator carries the video nearly everywhere, and single ones fail every now and then. */
const DEFAULT_SEED = '17';

export const WATCH_USAGE = `Usage: npm run lab -- watch [OPTIONS]

A gateway, a hospital and vehicles on a drive through a synthetic city, on real packets in network
namespaces of their own, shown live.

  --vehicles N   how many vehicles, 1 to 3 (default 3)
  --seed N       another drive (default ${DEFAULT_SEED})
  --plain        lines of text instead of the live view, as when the output is not a terminal
  --seconds N    end after N seconds (default: run until q or Ctrl-C)
  --help         this text
`;

/** @throws Error with one sentence for what makes no sense. */
export function parseWatchOptions(args: readonly string[]): WatchOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      vehicles: { type: 'string', default: '3' },
      seed: { type: 'string', default: DEFAULT_SEED },
      seconds: { type: 'string' },
      plain: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    vehicles: wholeNumber('--vehicles', values.vehicles, 1, 3),
    seed: wholeNumber('--seed', values.seed, 0, 2 ** 31),
    plain: values.plain,
    seconds: values.seconds === undefined ? undefined : wholeNumber('--seconds', values.seconds, 1, 86_400),
  };
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${name} takes a whole number from ${least} to ${most}, not "${text}".`);
}
