import { parseArgs } from 'node:util';
import { ControlError, VERSION } from '@corridor/tunnel-host';
import { loadConfig } from './config/load.js';
import type { AgentConfig } from './config/schema.js';
import { AgentError, UsageError } from './errors.js';
import { USAGE } from './usage.js';

interface Arguments {
  readonly config: () => AgentConfig;
  readonly flags: ReadonlySet<string>;
  readonly rest: readonly string[];
}

interface CommandLine {
  readonly flags: readonly string[];
  readonly operands: readonly string[];
  readonly run: (args: Arguments) => Promise<number> | number;
}

/** Each command loads what it needs: the running agent must not carry what only `enroll` uses. */
const COMMANDS: Record<string, CommandLine> = {
  enroll: {
    flags: ['replace', 'no-wait'],
    operands: ['URL', 'CLAIM'],
    run: async ({ config, flags, rest: [url = '', claim = ''] }) => {
      const { enroll } = await import('./commands/enroll.js');
      return enroll(config(), url, claim, { replace: flags.has('replace'), wait: !flags.has('no-wait') });
    },
  },
  run: {
    flags: [],
    operands: [],
    run: async ({ config }) => (await import('./commands/run.js')).run(config()),
  },
  status: {
    flags: ['json'],
    operands: [],
    run: async ({ config, flags }) => (await import('./commands/status.js')).status(config(), flags.has('json')),
  },
  unenroll: {
    flags: ['stop'],
    operands: [],
    run: async ({ config, flags }) =>
      (await import('./commands/unenroll.js')).unenroll(config(), { stop: flags.has('stop') }),
  },
  version: { flags: [], operands: [], run: () => print(`corridor-agent ${VERSION}\n`) },
  help: { flags: [], operands: [], run: () => print(USAGE) },
};

/** Does what the command line asks; answers the exit code. Mistakes are told in sentences, never in a stack trace. */
export async function main(argv: readonly string[]): Promise<number> {
  // Whoever reads our output may go at any time (`| head`, a log collector that restarts): that must end nothing.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  try {
    const [name = 'help', ...rest] = argv;
    const command = COMMANDS[name.replace(/^--?(help|version)$/, '$1').replace(/^-h$/, 'help')];
    if (command === undefined) throw new UsageError(`unknown command "${name}"\nTry "corridor-agent help".`);
    return await command.run(parse(name, rest, command));
  } catch (error) {
    return explain(error);
  }
}

function explain(error: unknown): number {
  if (error instanceof UsageError || error instanceof AgentError || error instanceof ControlError) {
    process.stderr.write(`corridor-agent: ${error.message}\n`);
    if (error instanceof UsageError) return 2;
    return error instanceof AgentError ? error.exitCode : 1;
  }
  throw error;
}

function parse(name: string, argv: readonly string[], { flags, operands }: CommandLine): Arguments {
  let parsed: { values: Record<string, string | boolean | undefined>; positionals: string[] };
  try {
    parsed = parseArgs({
      args: [...argv],
      options: {
        config: { type: 'string' },
        ...Object.fromEntries(flags.map((flag) => [flag, { type: 'boolean' as const }])),
      },
      allowPositionals: true,
    });
  } catch (error) {
    throw new UsageError(`${name}: ${(error as Error).message.split('. ')[0]}\nTry "corridor-agent help".`);
  }
  if (parsed.positionals.length !== operands.length) {
    const expected = operands.length === 0 ? 'no further arguments' : operands.join(' ');
    throw new UsageError(`${name}: expected ${expected}\nTry "corridor-agent help".`);
  }
  const file = parsed.values.config;
  return {
    config: () => loadConfig(typeof file === 'string' ? file : undefined),
    flags: new Set(flags.filter((flag) => parsed.values[flag] === true)),
    rest: parsed.positionals,
  };
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}
