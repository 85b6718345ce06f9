/** `npm run bench -- throughput|footprint|failover|list`. Runs inside the lab's sandbox. */
import { parseArgs } from 'node:util';
import { AGGREGATE_USAGE, prepareAggregate } from './aggregate.js';
import { BUFFERBLOAT_USAGE, prepareBufferbloat } from './bufferbloat.js';
import { FAILOVER_SCENARIOS, failover } from './failover.js';
import { footprint } from './footprint.js';
import { IMPAIR_USAGE, prepareImpair } from './impair.js';
import { choices, FLAG, numbers, TEXT, TEXTS } from './options.js';
import { PROFILES_USAGE, prepareProfiles } from './profiles.js';
import { CONTENDERS, throughput } from './throughput.js';
import { prepareTraces, TRACES_USAGE } from './traces.js';

export const BENCH_USAGE = `Usage: npm run bench -- BENCH [OPTIONS]

  throughput   one TCP stream and added latency: raw veth, Corridor, OpenVPN, wireguard-go in turns
               --rounds N (5)  --seconds N (5)  --congestion cubic|bbr|... (the system's)
               --contender NAME (all; may be given more than once)
  footprint    memory, CPU time and bytes per link of a tunnel that idles
               --seconds N (60)
  failover     losses and longest gaps when links die, beside the simulator's prediction
               --runs N (20)  --at-once N (4)  --scenario NAME (all; may be given more than once)
               --fleet  with the gateway and real agents in place of corridor-tunnel
               --no-rivals  without MPTCP  --plot  draws the gaps into docs/plots
${AGGREGATE_USAGE}
${PROFILES_USAGE}
${BUFFERBLOAT_USAGE}
${TRACES_USAGE}
${IMPAIR_USAGE}
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

type Prepare = (args: readonly string[]) => () => Promise<number>;

const BENCHES: Readonly<Record<string, Prepare>> = {
  throughput: prepareThroughput,
  footprint: prepareFootprint,
  failover: prepareFailover,
  aggregate: prepareAggregate,
  bufferbloat: prepareBufferbloat,
  profiles: prepareProfiles,
  traces: prepareTraces,
  impair: prepareImpair,
  list: () => async () => {
    process.stdout.write(`${BENCH_USAGE}\nScenarios of failover: ${FAILOVER_SCENARIOS.join(', ')}\n`);
    return 0;
  },
};

/** Undefined for a name that is none. @throws Error with one sentence for options that make no sense. */
function chooseBench(name: string | undefined, args: readonly string[]): (() => Promise<number>) | undefined {
  return name !== undefined && Object.hasOwn(BENCHES, name) ? BENCHES[name]?.(args) : undefined;
}

function prepareThroughput(args: readonly string[]): () => Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { rounds: TEXT, seconds: TEXT, congestion: TEXT, contender: TEXTS },
  });
  const names = CONTENDERS.map(({ name }) => name);
  const options = {
    ...numbers(values, { rounds: 5, seconds: 5 }),
    congestion: values.congestion,
    contenders: choices('contender', values.contender, names),
  };
  return () => throughput(options);
}

function prepareFootprint(args: readonly string[]): () => Promise<number> {
  const { values } = parseArgs({ args: [...args], options: { seconds: TEXT } });
  const options = numbers(values, { seconds: 60 });
  return () => footprint(options);
}

function prepareFailover(args: readonly string[]): () => Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { runs: TEXT, 'at-once': TEXT, scenario: TEXTS, fleet: FLAG, 'no-rivals': FLAG, plot: FLAG },
  });
  const counts = numbers(values, { runs: 20, 'at-once': 4 });
  const scenarios = values.scenario ?? FAILOVER_SCENARIOS;
  const runner = values.fleet ? 'fleet' : 'tunnel';
  const { plot } = values;
  const rivals = !values['no-rivals'];
  return () => failover({ runs: counts.runs, atOnce: counts['at-once'], scenarios, runner, rivals, plot });
}
