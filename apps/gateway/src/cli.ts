import { readFileSync } from 'node:fs';
import { GatewayConfig } from './config/gateway-config.js';
import { settingsTable } from './config/table.js';
import { explain } from './explain.js';

const USAGE = `corridor-gateway: ends the tunnels of a fleet, keeps its registry and policies, serves its console

  corridor-gateway                          run until SIGTERM or SIGINT; the second signal ends it at once
  corridor-gateway check                    check the configuration and say what is wrong with it
  corridor-gateway reset-password USER      give an operator a new password, printed once; ends all of the operator's sessions
  corridor-gateway --help | --version

Exit codes: 0 done, 1 failed, 2 wrong use or wrong configuration.

Configuration, by environment variables:
`;

/** Does what the command line asks; answers the exit code. */
export async function cli(args: readonly string[]): Promise<number> {
  // Whoever reads our output may go at any time (`| head`, a log collector that restarts): that must end nothing.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  const [command, ...rest] = args;
  // Loaded when needed: the application is large, and a mistake in the configuration is told without it.
  if (command === undefined) return (await import('./main.js')).main();
  if (command === '--help' || command === '-h' || command === 'help') return print(`${USAGE}\n${settingsTable()}`);
  if (command === '--version' || command === 'version') return print(`corridor-gateway ${version()}\n`);
  if (command === 'check' && rest.length === 0) return check();
  if (command === 'reset-password' && rest.length === 1) {
    const { resetPassword } = await import('./reset-password.js');
    return guarded(() => resetPassword(rest[0]!, process.env));
  }
  process.stderr.write('corridor-gateway: unknown command. Try "corridor-gateway --help".\n');
  return 2;
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function check(): Promise<number> {
  return guarded(async () => {
    const { unknownVariables } = new GatewayConfig(process.env);
    for (const name of unknownVariables) process.stderr.write(`${name} is no variable of this gateway\n`);
    return print('the configuration is in order\n');
  });
}

async function guarded(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    return explain(error);
  }
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}
