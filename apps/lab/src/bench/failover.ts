/**
 * `npm run bench -- failover`: what the applications feel when a link dies, on real packets, beside what the simulator
 * says of the same scenarios. A run is one vehicle's whole scenario; several vehicles run it at once, each with links of
 * its own, a little out of step.
 */
import { type FlowResult, predict, type Scenario, scenarioNamed } from '@corridor/sim';
import { nodeHandshakePrimitives } from '@corridor/tunnel-host';
import type { RunnerName } from '../runner/index.js';
import { type RunResult, runBatch } from '../scenario/run.js';
import { extraBytes } from './extra-bytes.js';
import { drawGaps } from './failover-plot.js';
import { type RivalRuns, rivalFailover } from './failover-rivals.js';
import { mptcpMissing } from './ground/ground.js';
import { longestPauseUs, type Pause, PauseWatch } from './pauses.js';
import { describeMachine, machineFacts, writeResult } from './results.js';
import { percentile, spreadOf, spreadText } from './statistics.js';
import { digits, table } from './table.js';

export interface FailoverOptions {
  readonly runs: number;
  /** Runs at the same time in one lab. */
  readonly atOnce: number;
  readonly scenarios: readonly string[];
  /** What runs at the ends of the tunnels. */
  readonly runner: RunnerName;
  /** MPTCP through the same blackout. */
  readonly rivals: boolean;
  /** Draws the distribution of the gaps into docs/plots. */
  readonly plot: boolean;
}

export const FAILOVER_SCENARIOS = [
  'clean',
  'failover-default',
  'two-of-three',
  'blackout-active-standby',
  'blackout-smallest-delay',
  'blackout-redundant',
  'blackout-up-only',
  'blackout-down-only',
  'address-change',
  'nat-rebind',
  'gateway-restart',
  'policy-switch',
] as const;

/** Figures of one flow over all runs of a scenario; times in milliseconds. */
export interface FlowSummary {
  readonly scenario: string;
  readonly flow: string;
  /** Longest gap of every run. */
  readonly gapsMs: readonly number[];
  readonly runs: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly gapMedianMs: number;
  readonly gapP99Ms: number;
  readonly gapMaxMs: number;
  /** Runs whose longest gap fell into a pause of the machine that explains it; -1 when pauses could not be seen. */
  readonly paused: number;
  /** Longest gap of the other runs. */
  readonly gapMaxOthersMs: number;
  /** What the simulator expects of the median gap. */
  readonly predictedMedianMs: number;
  readonly predictedLost: number;
}

export async function failover(options: FailoverOptions): Promise<number> {
  const details: object[] = [];
  const summaries: FlowSummary[] = [];
  let rivals: RivalRuns | undefined;
  const watch = await PauseWatch.start();
  try {
    for (const name of options.scenarios) {
      const scenario = scenarioNamed(name);
      const results = await runAll(scenario, options);
      const flows = summarise(scenario, results, options.runs, watch?.pauses);
      summaries.push(...flows);
      const extra = results.map((result) => extraBytes(scenario, result.flows, result.wire));
      details.push({ scenario: name, flows, extra, recoveryMs: recoveries(results), runs: results.map(withoutEvents) });
      process.stdout.write(`${scenario.name}: ${scenario.description}\n${flowTable(flows)}\n`);
      process.stdout.write(`${recoveryLine(results)}\n${extraLine(extra)}\n\n`);
    }
    if (options.rivals) rivals = await measureRivals(options);
  } finally {
    watch?.close();
  }
  process.stdout.write(`${pauseLine(watch?.pauses)}\n`);
  process.stdout.write(`${describeMachine(machineFacts())}\n`);
  process.stdout.write(
    `written to ${writeResult('failover', { options, scenarios: details, rivals, pauses: watch?.pauses ?? null })}\n`,
  );
  if (options.plot) for (const file of drawGaps(summaries, rivals)) process.stdout.write(`drawn: ${file}\n`);
  return 0;
}

/** MPTCP carries no datagrams: the same packets as messages on two of its streams. */
async function measureRivals(options: FailoverOptions): Promise<RivalRuns | undefined> {
  const missing = mptcpMissing();
  if (missing !== undefined) {
    process.stdout.write(`left out: ${missing}\n`);
    return undefined;
  }
  const rivals = await rivalFailover(options.runs, options.atOnce);
  const gaps = (runs: readonly number[]) => `longest gap ms ${spreadText(runs, digits)}`;
  process.stdout.write('MPTCP, the active link silent for 10 s, packets as messages on a stream:\n');
  process.stdout.write(`vitals up: ${gaps(rivals.vitalsGapsMs)}\nvideo up: ${gaps(rivals.videoGapsMs)}\n\n`);
  return rivals;
}

async function runAll(scenario: Scenario, options: FailoverOptions): Promise<RunResult[]> {
  const results: RunResult[] = [];
  // Everybody's gateway is the same one: it cannot be killed for one run alone.
  const atOnce = scenario.steps.some(({ action }) => action === 'restart-gateway') ? 1 : options.atOnce;
  while (results.length < options.runs) {
    const runs = Math.min(atOnce, options.runs - results.length);
    process.stderr.write(
      `${scenario.name}: run ${results.length + 1} to ${results.length + runs} of ${options.runs}\n`,
    );
    results.push(...(await runBatch(scenario, { seed: results.length + 1, runs, runner: options.runner })));
  }
  return results;
}

/**
 * One line a flow; the prediction is made with as many seeds as there are runs.
 *
 * @param pauses of the machine; undefined when they could not be seen.
 */
export function summarise(
  scenario: Scenario,
  results: readonly RunResult[],
  runs: number,
  pauses?: readonly Pause[],
): FlowSummary[] {
  const seeds = Array.from({ length: runs }, (_, run) => run + 1);
  const predictions = predict(scenario, seeds, { handshake: nodeHandshakePrimitives });
  return predictions.map((prediction) => {
    const flows = results.flatMap((result) => result.flows.filter(({ flow }) => flow === prediction.flow));
    const gaps = flows.map(({ longestGapUs }) => longestGapUs / 1000).sort((a, b) => a - b);
    const others = flows.filter((flow) => !isPaused(flow, pauses ?? []));
    return {
      scenario: scenario.name,
      flow: prediction.flow,
      gapsMs: gaps,
      runs: flows.length,
      lost: sum(flows.map(({ lost }) => lost)),
      duplicates: sum(flows.map(({ duplicates }) => duplicates)),
      gapMedianMs: percentile(gaps, 0.5),
      gapP99Ms: percentile(gaps, 0.99),
      gapMaxMs: gaps.at(-1) ?? Number.NaN,
      paused: pauses === undefined ? -1 : flows.length - others.length,
      gapMaxOthersMs: Math.max(...others.map(({ longestGapUs }) => longestGapUs / 1000)),
      predictedMedianMs: prediction.longestGapMedianUs / 1000,
      predictedLost: prediction.lost,
    };
  });
}

/** A pause explains a gap when it lies in it and is at least this share of it: the rest is what the flow does anyway. */
const EXPLAINS = 0.2;

function isPaused({ longestGapUs, longestGapAtUs }: FlowResult, pauses: readonly Pause[]): boolean {
  return longestPauseUs(pauses, longestGapAtUs, longestGapAtUs + longestGapUs) >= EXPLAINS * longestGapUs;
}

function pauseLine(pauses: readonly Pause[] | undefined): string {
  if (pauses === undefined)
    return 'whether the machine itself paused is not known: no real-time priority for a witness';
  const longest = Math.max(0, ...pauses.map(({ forUs }) => forUs));
  return `the machine itself paused ${pauses.length} times for 3 ms and more, at most ${digits(longest / 1000)} ms`;
}

function flowTable(flows: readonly FlowSummary[]): string {
  const head = [
    'flow',
    'runs',
    'lost',
    'twice',
    'longest gap ms: median',
    'p99',
    'max',
    'in a pause',
    'max of the others',
    'predicted median',
    'off by',
    'predicted lost',
  ];
  return table(
    head,
    flows.map((flow) => [
      flow.flow,
      String(flow.runs),
      String(flow.lost),
      String(flow.duplicates),
      digits(flow.gapMedianMs),
      digits(flow.gapP99Ms),
      digits(flow.gapMaxMs),
      flow.paused < 0 ? '?' : String(flow.paused),
      Number.isFinite(flow.gapMaxOthersMs) ? digits(flow.gapMaxOthersMs) : '-',
      digits(flow.predictedMedianMs),
      `${(100 * (flow.predictedMedianMs / flow.gapMedianMs - 1)).toFixed(0)} %`,
      String(flow.predictedLost),
    ]),
  );
}

/** Times from the repair of a link until it carried traffic again, milliseconds; links that never did are Infinity. */
function recoveries(results: readonly RunResult[]): number[] {
  return results.flatMap((run) =>
    run.recoveries.map(({ usedAgainUs }) => (usedAgainUs === null ? Number.POSITIVE_INFINITY : usedAgainUs / 1000)),
  );
}

function recoveryLine(results: readonly RunResult[]): string {
  const times = recoveries(results);
  if (times.length === 0) return 'no link was cut';
  const never = times.filter((ms) => !Number.isFinite(ms)).length;
  const tail = never > 0 ? `; ${never} never` : '';
  const seen = times.filter(Number.isFinite);
  if (seen.length === 0) return `no repaired link was used again (${never} times)`;
  const { median, max } = spreadOf(seen);
  return `link used again after its repair: median ${digits(median)} ms, at most ${digits(max)} ms${tail}`;
}

/** Over the whole run, repair and good times together. */
function extraLine(extra: readonly ReturnType<typeof extraBytes>[]): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const data = spreadText(
    extra.map((one) => one.data),
    percent,
  );
  const control = spreadText(
    extra.map((one) => one.control),
    percent,
  );
  return `extra bytes over the run: copies, repair and packets sent again ${data}; acknowledgements and probes ${control}`;
}

function withoutEvents({ events: _, ...run }: RunResult) {
  return run;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
