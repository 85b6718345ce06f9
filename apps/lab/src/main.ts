/** The lab's command line: enters the sandbox, then runs the command in it. */
import { fileURLToPath } from 'node:url';
import { UsageError } from './commands/options.js';
import { insideSandbox, runInSandbox, SandboxError, settleInSandbox } from './sandbox/enter.js';
import { ScenarioError } from './scenario/check.js';

interface Command {
  readonly usage: string;
  readonly what: string;
  /** Needs no sandbox. */
  readonly outside?: boolean;
  /** What has to stand outside before the inside runs; an exit code when there is nothing to run. */
  open?(args: readonly string[]): Promise<{ door: { close(): void }; env: Record<string, string> } | number>;
  run(args: readonly string[]): Promise<number>;
}

/** Loaded when they are called, so that `list` does not open the native addon. */
const COMMANDS: Readonly<Record<string, Command>> = {
  list: {
    usage: 'list',
    what: 'the scenarios that there are',
    outside: true,
    run: async () => (await import('./commands/list.js')).list(),
  },
  run: {
    usage: 'SCENARIO|FILE.json [--runs N] [--at-once N] [--seed N] [--json FILE] [--fleet]',
    what: 'runs a scenario on real packets, prints its figures beside the prediction',
    run: async (args) => (await import('./commands/scenario.js')).runScenarioCommand(args),
  },
  check: {
    usage: 'check [--json FILE]',
    what: 'a short walk through everything: tunnel over three links, ping, bytes, a cut, cleaning up',
    run: async (args) => (await import('./commands/check.js')).check(args),
  },
  bytes: {
    usage: 'bytes [--megabytes N] [--seed N] [--family 4|6]',
    what: 'what goes in comes out: files, fragments, every packet size, while links come and go at random',
    run: async (args) => (await import('./commands/bytes.js')).bytes(args),
  },
  hostile: {
    usage: 'hostile [--seconds N] [--rate N] [--seed N]',
    what: 'floods of broken, replayed and forged datagrams against a gateway at work',
    run: async (args) => (await import('./commands/hostile.js')).hostile(args),
  },
  chaos: {
    usage: 'chaos [--kills N] [--seed N]',
    what: 'kill -9 of gateway and agents at random moments: nothing confirmed is lost, the fleet comes back',
    run: async (args) => (await import('./faults/chaos.js')).chaos(args),
  },
  outages: {
    usage: 'outages [OUTAGE...] [--seconds N]',
    what: 'database frozen or dead, gateway wedged: no packet of a tunnel is lost, all heals',
    run: async (args) => (await import('./faults/outages.js')).outages(args),
  },
  pushes: {
    usage: 'pushes [--count N] [--seed N]',
    what: 'policies from the request that saves them to applied on real vehicles: how long it takes',
    run: async (args) => (await import('./faults/pushes.js')).pushes(args),
  },
  accuracy: {
    usage: 'accuracy [--links N] [--mbps N] [--seconds N]',
    what: 'how precisely the emulated links keep their times',
    run: async (args) => (await import('./commands/accuracy.js')).accuracy(args),
  },
  fleet: {
    usage: 'fleet',
    what: 'the demo fleet: gateway, agents and console (npm start)',
    open: async (args) => (await import('./fleet/index.js')).openFrontDoor(args),
    run: async (args) => (await import('./fleet/index.js')).runFleet(args),
  },
  enrol: {
    usage: 'enrol CLAIM [--data DIR]',
    what: 'gives a claim to the spare ambulance of a running demo fleet',
    outside: true,
    run: async (args) => (await import('./fleet/enrol.js')).enrol(args),
  },
  watch: {
    usage: 'watch',
    what: 'tunnels of vehicles on a drive, live in the terminal, without gateway and agents',
    run: async (args) => (await import('./watch/index.js')).runWatch(args),
  },
  bench: {
    usage: 'bench',
    what: 'throughput, latency and footprint beside other tunnels (npm run bench)',
    run: async (args) => (await import('./bench/index.js')).runBench(args),
  },
};

async function main(args: readonly string[]): Promise<number> {
  const [name = 'help', ...rest] = args;
  if (name === 'help' || name === '--help') {
    console.log(help());
    return 0;
  }
  const command = name !== 'run' && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : COMMANDS.run;
  const given = command === COMMANDS.run && name !== 'run' ? args : rest;
  if (command.outside) return command.run(given);
  if (!insideSandbox()) return enter(command, args, given);
  settleInSandbox(() => process.exit(1));
  return command.run(given);
}

async function enter(command: Command, args: readonly string[], given: readonly string[]): Promise<number> {
  const opened = await command.open?.(given);
  if (typeof opened === 'number') return opened;
  try {
    return await runInSandbox(fileURLToPath(import.meta.url), args, opened?.env);
  } finally {
    opened?.door.close();
  }
}

function help(): string {
  const width = Math.max(...Object.values(COMMANDS).map(({ usage }) => usage.length));
  const lines = Object.values(COMMANDS).map(({ usage, what }) => `  npm run lab -- ${usage.padEnd(width)}  ${what}`);
  return ['The lab: real packets over emulated links, in namespaces of its own.', '', ...lines].join('\n');
}

/** Mistakes of the caller and of the machine are one sentence; anything else is a bug and shows its stack. */
function report(error: unknown): number {
  const told = error instanceof SandboxError || error instanceof UsageError || error instanceof ScenarioError;
  console.error(told ? error.message : error);
  return 1;
}

// A tunnel or a thread of the lab died: what it said is worth more than our stack. The sandbox ends with us.
process.on('uncaughtException', (error) => {
  console.error(error.message);
  process.exit(1);
});

const code = await main(process.argv.slice(2)).catch(report);
process.exit(code);
