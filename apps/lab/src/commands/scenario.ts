/** `SCENARIO`: runs it on real packets, once or many times, beside what the simulator predicts for the same data. */
import { writeFileSync } from 'node:fs';
import { type FlowPrediction, predict, type Scenario } from '@corridor/sim';
import { nodeHandshakePrimitives } from '@corridor/tunnel-host';
import type { RunnerName } from '../runner/index.js';
import { findScenario } from '../scenario/catalogue.js';
import { type RunResult, runBatch } from '../scenario/run.js';
import { parseArgs, UsageError, wholeNumber } from './options.js';
import { mbps, ms, quantile, table } from './table.js';

const DEFAULT_AT_ONCE = 4;

interface FlowSummary {
  readonly vehicle: number;
  readonly flow: string;
  readonly runs: number;
  readonly sent: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly longestGapMedianUs: number;
  readonly longestGapP99Us: number;
  readonly longestGapMaxUs: number;
  /** Medians over the runs of each run's percentile. */
  readonly delayP50Us: number;
  readonly delayP95Us: number;
  readonly delayP99Us: number;
  readonly rateBps: number | null;
  readonly prediction: FlowPrediction | null;
  /** Median longest gap measured / predicted. */
  readonly gapRatio: number | null;
}

interface RecoverySummary {
  readonly vehicle: number;
  readonly link: string;
  readonly direction: 'up' | 'down';
  readonly times: number;
  readonly never: number;
  readonly medianUs: number;
  readonly p99Us: number;
}

export async function runScenarioCommand(args: readonly string[]): Promise<number> {
  const parsed = parseArgs(args, ['runs', 'at-once', 'seed', 'json'], ['fleet']);
  const runner = parsed.flags.has('fleet') ? 'fleet' : 'tunnel';
  const [name, ...more] = parsed.words;
  if (name === undefined) throw new UsageError('a scenario was expected; "npm run lab -- list" shows them');
  if (more.length > 0) throw new UsageError(`one scenario at a time, not also "${more[0]}"`);
  const scenario = findScenario(name);
  const runs = wholeNumber(parsed, 'runs', 1, 1, 1000);
  const fits = scenario.vehicles === 1 ? DEFAULT_AT_ONCE : 1;
  const atOnce = wholeNumber(parsed, 'at-once', fits, 1, Math.max(1, Math.floor(40 / scenario.vehicles)));
  const seed = wholeNumber(parsed, 'seed', 1, 0, 2 ** 31);

  console.log(`${scenario.name}: ${scenario.description}`);
  const results = await runAll(scenario, runs, atOnce, seed, runner);
  const flows = summariseFlows(results, predictions(scenario, runs, seed));
  const recoveries = summariseRecoveries(results);
  print(results, flows, recoveries);
  const file = parsed.options.get('json');
  if (file !== undefined) {
    writeFileSync(file, `${JSON.stringify({ scenario, flows, recoveries, runs: results }, null, 2)}\n`);
    console.log(`\nwritten to ${file}`);
  }
  return 0;
}

async function runAll(
  scenario: Scenario,
  runs: number,
  atOnce: number,
  seed: number,
  runner: RunnerName,
): Promise<RunResult[]> {
  const results: RunResult[] = [];
  while (results.length < runs) {
    const batch = Math.min(atOnce, runs - results.length);
    const from = results.length + 1;
    const which = batch === 1 ? `${from}` : `${from} to ${from + batch - 1}`;
    console.log(`run ${which} of ${runs}, ${(scenario.durationUs / 1e6).toFixed(0)} s`);
    const log = (line: string) => console.log(`  ${line}`);
    const options = { seed: seed + results.length, runs: batch, runner };
    results.push(...(await runBatch(scenario, runs === 1 ? { ...options, log } : options)));
  }
  return results;
}

/** The virtual clock's view of the same scenario. */
function predictions(scenario: Scenario, runs: number, seed: number): readonly FlowPrediction[] {
  const seeds = Array.from({ length: runs }, (_, run) => seed + run);
  return predict(scenario, seeds, { handshake: nodeHandshakePrimitives });
}

function summariseFlows(results: readonly RunResult[], predicted: readonly FlowPrediction[]): FlowSummary[] {
  return results[0].flows.map(({ vehicle, flow }) => {
    const same = results.flatMap((run) => run.flows.filter((one) => one.vehicle === vehicle && one.flow === flow));
    const gaps = same.map((one) => one.longestGapUs);
    const total = (of: (one: (typeof same)[number]) => number) => same.reduce((sum, one) => sum + of(one), 0);
    const median = (of: (one: (typeof same)[number]) => number) => quantile(same.map(of), 0.5);
    const prediction = predicted.find((one) => one.vehicle === vehicle && one.flow === flow) ?? null;
    const longestGapMedianUs = quantile(gaps, 0.5);
    return {
      vehicle,
      flow,
      runs: same.length,
      sent: total((one) => one.sent),
      lost: total((one) => one.lost),
      duplicates: total((one) => one.duplicates),
      longestGapMedianUs,
      longestGapP99Us: quantile(gaps, 0.99),
      longestGapMaxUs: Math.max(...gaps),
      delayP50Us: median((one) => one.delayP50Us),
      delayP95Us: median((one) => one.delayP95Us),
      delayP99Us: median((one) => one.delayP99Us),
      rateBps: same[0].rateBps === undefined ? null : median((one) => one.rateBps ?? 0),
      prediction,
      gapRatio: prediction === null ? null : longestGapMedianUs / prediction.longestGapMedianUs,
    };
  });
}

function summariseRecoveries(results: readonly RunResult[]): RecoverySummary[] {
  const all = results.flatMap(({ recoveries }) => recoveries);
  const keys = new Set(all.map(({ vehicle, link, direction }) => `${vehicle} ${link} ${direction}`));
  return [...keys].map((key) => {
    const same = all.filter(({ vehicle, link, direction }) => `${vehicle} ${link} ${direction}` === key);
    const times = same.map(({ usedAgainUs }) => usedAgainUs ?? Number.POSITIVE_INFINITY);
    return {
      vehicle: same[0].vehicle,
      link: same[0].link,
      direction: same[0].direction,
      times: times.length,
      never: times.filter((us) => !Number.isFinite(us)).length,
      medianUs: quantile(times, 0.5),
      p99Us: quantile(times, 0.99),
    };
  });
}

function print(
  results: readonly RunResult[],
  flows: readonly FlowSummary[],
  recoveries: readonly RecoverySummary[],
): void {
  const several = flows.some(({ vehicle }) => vehicle > 0);
  const name = (vehicle: number, text: string) => (several ? `vehicle ${vehicle} ${text}` : text);
  const udp = flows.filter(({ rateBps }) => rateBps === null);
  const head = ['flow', 'sent', 'lost', 'predicted', 'twice', 'longest gap ms', 'p99', 'predicted', 'ratio'];
  const rows = udp.map((flow) => [
    name(flow.vehicle, flow.flow),
    ...[
      `${flow.sent}`,
      `${flow.lost}`,
      flow.prediction === null ? '-' : `${flow.prediction.lost}`,
      `${flow.duplicates}`,
    ],
    ...[ms(flow.longestGapMedianUs), ms(flow.longestGapP99Us)],
    ...[flow.prediction === null ? '-' : ms(flow.prediction.longestGapMedianUs), flow.gapRatio?.toFixed(2) ?? '-'],
    ...[ms(flow.delayP50Us), ms(flow.delayP95Us), ms(flow.delayP99Us)],
  ]);
  if (udp.length > 0) console.log(`\n${table([...head, 'delay p50 ms', 'p95', 'p99'], rows)}`);

  for (const flow of flows.filter(({ rateBps }) => rateBps !== null)) {
    const gap = `longest gap median ${ms(flow.longestGapMedianUs)} ms, p99 ${ms(flow.longestGapP99Us)} ms`;
    const lost = flow.lost === 0 ? 'every byte arrived' : `${flow.lost} bytes did not arrive`;
    console.log(`\n${name(flow.vehicle, flow.flow)}: ${mbps(flow.rateBps ?? 0)} Mbit/s, ${lost}, ${gap}`);
  }
  if (recoveries.length > 0) console.log('');
  for (const { vehicle, link, direction, medianUs, p99Us, times } of recoveries) {
    const what = `${name(vehicle, link)} ${direction}`;
    console.log(
      `${what}: carries traffic again ${ms(medianUs)} ms after the repair (median of ${times}; p99 ${ms(p99Us)})`,
    );
  }
  const late = Math.max(...results.map(({ senderLatestUs }) => senderLatestUs));
  if (late > 2000) console.log(`\nthe machine was busy: a generator sent up to ${ms(late)} ms late`);
}
