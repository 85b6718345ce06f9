/**
 * `npm run bench -- impair`: networks at their worst, one after the other, under the built-in policy: what vital signs and video
 * lose beside what physics forces, their longest gaps and their delays.
 */
import { parseArgs } from 'node:util';
import { type FlowResult, impairmentScenarios, type Scenario } from '@corridor/sim';
import { runBatch } from '../scenario/run.js';
import { choices, numbers, TEXT, TEXTS } from './options.js';
import { forcedLossBytes } from './physics.js';
import { BUILT_IN, policyOf } from './policy.js';
import { describeMachine, machineFacts, writeResult } from './results.js';
import { spreadOf, spreadText } from './statistics.js';
import { digits, table } from './table.js';

export const IMPAIR_USAGE = `  impair       loss, bursts, delays, cliffs, flapping, moving addresses: losses, gaps and delays
               --runs N (20)  --at-once N (4)  --strategy NAME (${BUILT_IN})
               --scenario NAME (all; may be given more than once)`;

/** A packet that waited longer than this need not have arrived: the built-in deadline of vital signs and video. */
const DEADLINE_US = 1e6;

interface Options {
  readonly runs: number;
  readonly atOnce: number;
  readonly strategy: string;
  readonly scenarios: readonly Scenario[];
}

interface ImpairedFlow {
  readonly flow: string;
  readonly sent: number;
  readonly lost: number;
  /** Of those sent, what no sender could have got through. */
  readonly forced: number;
  readonly duplicates: number;
  readonly gapsMs: readonly number[];
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export function prepareImpair(args: readonly string[]): () => Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { runs: TEXT, 'at-once': TEXT, strategy: TEXT, scenario: TEXTS },
  });
  const { runs, 'at-once': atOnce } = numbers(values, { runs: 20, 'at-once': 4 });
  const names = choices(
    'scenario',
    values.scenario,
    impairmentScenarios.map(({ name }) => name),
  );
  const policy = policyOf(values.strategy);
  const scenarios = impairmentScenarios.filter(({ name }) => names.includes(name));
  const strategy = values.strategy ?? BUILT_IN;
  return () => impair({ runs, atOnce, strategy, scenarios: scenarios.map((one) => ({ ...one, policy })) });
}

async function impair(options: Options): Promise<number> {
  const all: { scenario: string; flows: ImpairedFlow[] }[] = [];
  for (const scenario of options.scenarios) {
    const runs: (readonly FlowResult[])[] = [];
    while (runs.length < options.runs) {
      const batch = Math.min(options.atOnce, options.runs - runs.length);
      process.stderr.write(`${scenario.name}: run ${runs.length + 1} to ${runs.length + batch} of ${options.runs}\n`);
      const results = await runBatch(scenario, { seed: runs.length + 1, runs: batch });
      runs.push(...results.map(({ flows }) => flows));
    }
    const flows = summarise(scenario, runs);
    all.push({ scenario: scenario.name, flows });
    process.stdout.write(`${scenario.name}: ${scenario.description}\n${flowTable(flows)}\n\n`);
  }
  process.stdout.write('asked of Corridor: vital signs lost 0, video lost no more than forced\n');
  process.stdout.write(`${describeMachine(machineFacts())}\n`);
  const { scenarios: _, ...told } = options;
  process.stdout.write(`written to ${writeResult('impair', { options: told, scenarios: all })}\n`);
  return 0;
}

function summarise(scenario: Scenario, runs: readonly (readonly FlowResult[])[]): ImpairedFlow[] {
  return (runs[0] ?? []).map(({ flow, direction }) => {
    const same = runs.flatMap((flows) => flows.filter((one) => one.flow === flow));
    const sent = total(same, (one) => one.sent);
    const forced = forcedLossBytes(scenario, direction, DEADLINE_US);
    return {
      flow,
      sent,
      lost: total(same, (one) => one.lost),
      forced: Math.floor((sent * forced.lost) / Math.max(1, forced.wanted)),
      duplicates: total(same, (one) => one.duplicates),
      gapsMs: same.map((one) => one.longestGapUs / 1e3),
      p50Ms: spreadOf(same.map((one) => one.delayP50Us / 1e3)).median,
      p99Ms: spreadOf(same.map((one) => one.delayP99Us / 1e3)).median,
      maxMs: Math.max(...same.map((one) => one.delayMaxUs / 1e3)),
    };
  });
}

function total(flows: readonly FlowResult[], pick: (one: FlowResult) => number): number {
  return flows.reduce((sum, one) => sum + pick(one), 0);
}

function flowTable(flows: readonly ImpairedFlow[]): string {
  const head = ['flow', 'sent', 'lost', 'forced', 'twice', 'longest gap ms (min - max)', 'delay p50', 'p99', 'max'];
  const rows = flows.map((flow) => [
    flow.flow,
    ...[flow.sent, flow.lost, flow.forced, flow.duplicates].map(String),
    spreadText(flow.gapsMs, digits),
    ...[flow.p50Ms, flow.p99Ms, flow.maxMs].map(digits),
  ]);
  return table(head, rows);
}
