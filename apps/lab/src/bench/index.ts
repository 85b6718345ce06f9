/** `npm run bench -- throughput|footprint|failover|list`. Runs inside the lab's sandbox. */
import { parseArgs } from 'node:util';
import { FAILOVER_SCENARIOS, failover } from './failover.js';
import { footprint } from './footprint.js';
import { CONTENDERS, throughput } from './throughput.js';

export const BENCH_USAGE = `Usage: npm run bench -- BENCH [OPTIONS]

  throughput   one TCP stream and added latency: raw veth, Corridor, OpenVPN, wireguard-go in turns
               --rounds N (5)  --seconds N (5)  --congestion cubic|bbr|... (the system's)
               --contender NAME (all; may be given more than once)
  footprint    memory, CPU time and bytes per link of a tunnel that idles
               --seconds N (60)
  failover     losses and longest gaps when links die, beside the simulator's prediction
               --runs N (20)  --at-once N (4)  --scenario NAME (all; may be given more than once)
               --fleet  with the gateway and real agents in place of corridor-tunnel
  list         these benches and the scenarios of failover

Tables go to standard output, all figures with facts of the machine to results/*.json.
Nothing else should run meanwhile.
`;

/** Runs a bench and answers the exit code: 0 done, 1 failed, 2 wrong use. */
export async function runBench(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  let bench: (() => Promise<number>) | undefined;
  try {
    bench = chooseBench(name, rest);
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : error}\n`);
    return 2;
  }
  if (bench === undefined) {
    process.stderr.write(BENCH_USAGE);
    return name === undefined || name === '--help' ? 0 : 2;
  }
  try {
    return await bench();
  } catch (error) {
    process.stderr.write(`bench ${name}: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  }
}

const text = { type: 'string' } as const;

/** @throws Error with one sentence for options that make no sense. */
function chooseBench(name: string | undefined, args: readonly string[]): (() => Promise<number>) | undefined {
  switch (name) {
    case 'throughput': {
      const { values } = parseArgs({
        args: [...args],
        options: { rounds: text, seconds: text, congestion: text, contender: { ...text, multiple: true } },
      });
      const options = {
        ...numbers(values, { rounds: 5, seconds: 5 }),
        congestion: values.congestion,
        contenders: knownContenders(values.contender),
      };
      return () => throughput(options);
    }
    case 'footprint': {
      const { values } = parseArgs({ args: [...args], options: { seconds: text } });
      const options = numbers(values, { seconds: 60 });
      return () => footprint(options);
    }
    case 'failover': {
      const { values } = parseArgs({
        args: [...args],
        options: {
          runs: text,
          'at-once': text,
          scenario: { ...text, multiple: true },
          fleet: { type: 'boolean', default: false },
        },
      });
      const counts = numbers(values, { runs: 20, 'at-once': 4 });
      const scenarios = values.scenario ?? FAILOVER_SCENARIOS;
      const runner = values.fleet ? 'fleet' : 'tunnel';
      return () => failover({ runs: counts.runs, atOnce: counts['at-once'], scenarios, runner });
    }
    case 'list':
      return async () => {
        process.stdout.write(`${BENCH_USAGE}\nScenarios of failover: ${FAILOVER_SCENARIOS.join(', ')}\n`);
        return 0;
      };
    default:
      return undefined;
  }
}

function knownContenders(names: readonly string[] | undefined): readonly string[] | undefined {
  const known = CONTENDERS.map(({ name }) => name);
  const stranger = names?.find((name) => !known.includes(name));
  if (stranger !== undefined) throw new Error(`--contender takes one of "${known.join('", "')}", not "${stranger}".`);
  return names;
}

/** Whole numbers from 1 to 10,000 by their option names, with their defaults. */
function numbers<Name extends string>(
  values: Readonly<Record<string, unknown>>,
  defaults: Readonly<Record<Name, number>>,
): Record<Name, number> {
  const chosen: Record<Name, number> = { ...defaults };
  for (const name of Object.keys(defaults) as Name[]) {
    if (values[name] === undefined) continue;
    const value = Number(values[name]);
    if (!Number.isInteger(value) || value < 1 || value > 10_000) {
      throw new Error(`--${name} takes a whole number from 1 to 10000, not "${String(values[name])}".`);
    }
    chosen[name] = value;
  }
  return chosen;
}
