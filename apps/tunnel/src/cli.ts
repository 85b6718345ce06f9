import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import {
  ControlClient,
  ControlError,
  eventLevel,
  type PolicyDocument,
  peerSentence,
  VERSION,
} from '@corridor/tunnel-host';
import { ConfigError, loadConfig } from './config/load.js';
import { reasonOf } from './config/reason.js';
import { isKey } from './config/schema.js';
import { generatePrivateKey, publicKeyOf } from './keys.js';
import { runTunnel } from './run.js';
import { statusText } from './status-text.js';
import { USAGE, UsageError } from './usage.js';

interface Arguments {
  readonly config: string | undefined;
  readonly control: string | undefined;
  readonly vehicle: string | undefined;
  readonly json: boolean;
  readonly rest: readonly string[];
}

type Command = (args: Arguments) => Promise<number> | number;

/** Options that each command takes, and how it is done. */
const COMMANDS: Record<string, { options: readonly string[]; operands: number; run: Command }> = {
  keygen: { options: [], operands: 0, run: () => print(`${generatePrivateKey()}\n`) },
  pubkey: { options: [], operands: 0, run: pubkey },
  run: {
    options: ['config'],
    operands: 0,
    run: async ({ config }) => runTunnel(await loadConfig(needed(config, 'config'))),
  },
  check: { options: ['config'], operands: 0, run: check },
  status: { options: ['control', 'json'], operands: 0, run: status },
  watch: { options: ['control', 'json'], operands: 0, run: watch },
  policy: { options: ['control'], operands: 1, run: policy },
  link: { options: ['control', 'vehicle'], operands: 2, run: link },
  version: { options: [], operands: 0, run: () => print(`corridor-tunnel ${VERSION}\n`) },
  help: { options: [], operands: 0, run: () => print(USAGE) },
};

/** Does what the command line asks; answers the exit code. Mistakes are told in sentences, never in a stack trace. */
export async function main(argv: readonly string[]): Promise<number> {
  // Whoever reads our output may go at any time (`| head`, a log collector that restarts): that must end nothing.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  try {
    const [name = 'help', ...rest] = argv;
    const command = COMMANDS[name.replace(/^--?(help|version)$/, '$1').replace(/^-h$/, 'help')];
    if (!command) throw new UsageError(`unknown command "${name}"`);
    return await command.run(parse(name, rest, command.options, command.operands));
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): number {
  if (error instanceof UsageError)
    process.stderr.write(`corridor-tunnel: ${error.message}\nTry "corridor-tunnel help".\n`);
  else if (error instanceof ConfigError) process.stderr.write(`${error.message}\n`);
  else if (error instanceof ControlError) process.stderr.write(`corridor-tunnel: ${error.message}\n`);
  else throw error;
  return error instanceof ControlError ? 1 : 2;
}

function parse(name: string, argv: readonly string[], options: readonly string[], operands: number): Arguments {
  const types = { config: 'string', control: 'string', vehicle: 'string', json: 'boolean' } as const;
  const allowed = Object.fromEntries(Object.entries(types).filter(([key]) => options.includes(key)));
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({
      args: [...argv],
      options: Object.fromEntries(Object.entries(allowed).map(([key, type]) => [key, { type }])),
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError(`${name}: ${(error as Error).message.split('. ')[0]}`);
  }
  if (parsed.positionals.length !== operands) {
    throw new UsageError(
      `${name}: expected ${operands === 0 ? 'no' : operands} further argument${operands === 1 ? '' : 's'}`,
    );
  }
  const { config, control, vehicle, json } = parsed.values as {
    config?: string;
    control?: string;
    vehicle?: string;
    json?: boolean;
  };
  return { config, control, vehicle, json: json ?? false, rest: parsed.positionals };
}

function needed(value: string | undefined, option: string): string {
  if (value === undefined || value === '') throw new UsageError(`--${option} is missing`);
  return value;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function pubkey(): number {
  const key = readFileSync(0, 'utf8').trim();
  if (!isKey(key))
    throw new UsageError('pubkey: expected a private key on standard input: 32 bytes as one base64 line');
  return print(`${publicKeyOf(key)}\n`);
}

async function check({ config }: Arguments): Promise<number> {
  const file = needed(config, 'config');
  await loadConfig(file);
  return print(`${file}: in order\n`);
}

async function withClient(control: string | undefined, use: (client: ControlClient) => Promise<void>): Promise<number> {
  const client = await ControlClient.connect(needed(control, 'control'));
  try {
    await use(client);
  } finally {
    client.close();
  }
  return 0;
}

function status({ control, json }: Arguments): Promise<number> {
  return withClient(control, async (client) => {
    const answer = await client.status();
    print(json ? `${JSON.stringify(answer, null, 2)}\n` : statusText(answer));
  });
}

function watch({ control, json }: Arguments): Promise<number> {
  return withClient(control, async (client) => {
    await client.watch({
      event: (event) => {
        print(json ? `${JSON.stringify(event)}\n` : `${eventLevel(event).padEnd(5)} ${peerSentence(event)}\n`);
      },
    });
    await client.closed;
  });
}

function policy({ control, rest: [file = ''] }: Arguments): Promise<number> {
  let document: PolicyDocument;
  try {
    document = JSON.parse(readFileSync(file, 'utf8')) as PolicyDocument;
  } catch (error) {
    throw new UsageError(
      `${file}: ${error instanceof SyntaxError ? `is not JSON: ${error.message}` : `cannot be read: ${reasonOf(error)}`}`,
    );
  }
  return withClient(control, async (client) => {
    const { version } = await client.request('policy', { policy: document });
    print(`policy ${version} is in force here\n`);
  });
}

function link({ control, vehicle, rest: [direction = '', name = ''] }: Arguments): Promise<number> {
  if (direction !== 'down' && direction !== 'up')
    throw new UsageError(`link: expected "down" or "up", not "${direction}"`);
  return withClient(control, async (client) => {
    const blocked = direction === 'down';
    await client.request('link', { name, blocked, ...(vehicle === undefined ? {} : { vehicle }) });
    print(`${name} is ${blocked ? 'out of use' : 'in use again'}\n`);
  });
}
