/** Command line of the demo fleet. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

export interface FleetDemoOptions {
  /** Absolute path: the gateway's data and the vehicles' state. */
  readonly data: string;
  /** First port to try for the console; 0: any. */
  readonly port: number;
  readonly vehicles: number;
  readonly seed: number;
  /** Ends by itself after so long; undefined: runs until told to stop. */
  readonly seconds: number | undefined;
  /** Only says where things are, once everything runs. */
  readonly quiet: boolean;
}

/** A city in which some operator carries the video nearly everywhere, and single ones fail every now and then. */
const DEFAULT_SEED = '17';

export const FLEET_USAGE = `Usage: npm start [-- OPTIONS]

The gateway with its console, and ambulances with real agents on a drive through a synthetic city: real packets over
emulated operators, in network namespaces of their own. The console is on this machine's loopback only.

  --port N       console's port (default 8080, the next free one when taken; 0: any)
  --data DIR     where the fleet is kept between starts (default data/demo)
  --vehicles N   ambulances that are enrolled at the first start, 1 to 3 (default 3); one more waits for a claim
  --seed N       another city (default ${DEFAULT_SEED})
  --seconds N    end after N seconds (default: run until Ctrl-C)
  --quiet        no word about the steps
  --help         this text
`;

/** @throws Error with one sentence for what makes no sense. */
export function parseFleetOptions(args: readonly string[]): FleetDemoOptions | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: 'string', default: 'data/demo' },
      port: { type: 'string', default: '8080' },
      vehicles: { type: 'string', default: '3' },
      seed: { type: 'string', default: DEFAULT_SEED },
      seconds: { type: 'string' },
      quiet: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return 'help';
  return {
    data: resolve(values.data),
    port: wholeNumber('--port', values.port, 0, 65_535),
    vehicles: wholeNumber('--vehicles', values.vehicles, 1, 3),
    seed: wholeNumber('--seed', values.seed, 0, 2 ** 31),
    seconds: values.seconds === undefined ? undefined : wholeNumber('--seconds', values.seconds, 1, 86_400),
    quiet: values.quiet,
  };
}

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${name} takes a whole number from ${least} to ${most}, not "${text}".`);
}
