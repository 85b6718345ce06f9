import { percentile } from './flow-recorder.js';
import type { Scenario, ScenarioResult, TrafficKind } from './scenario.js';
import { type SimOptions, SimWorld } from './sim-world.js';

/** Runs a scenario to its end on the virtual clock. @throws RangeError when the scenario makes no sense. */
export function runScenario(scenario: Scenario, options: SimOptions): ScenarioResult {
  const world = new SimWorld(scenario, options);
  world.runUntil(scenario.durationUs);
  return world.result();
}

/** What to expect of one flow over many runs, times in microseconds. */
export interface FlowPrediction {
  readonly vehicle: number;
  readonly flow: string;
  readonly kind: TrafficKind;
  readonly direction: 'up' | 'down';
  readonly runs: number;
  readonly longestGapMedianUs: number;
  readonly longestGapP99Us: number;
  readonly longestGapMaxUs: number;
  /** Packets lost and given twice, over all runs. */
  readonly lost: number;
  readonly duplicates: number;
  /** Median over the runs of each run's median delay. */
  readonly delayP50Us: number;
  /** Median of the goodput of each run, bits per second; 0 for what is not TCP. */
  readonly rateBps: number;
}

/**
 * Predicts what the lab will measure: runs the scenario once a seed, with hosts that take no time at all, and answers
 * medians and percentiles over the runs of each flow.
 */
export function predict(
  scenario: Scenario,
  seeds: readonly number[],
  options: Omit<SimOptions, 'seed'>,
): FlowPrediction[] {
  if (seeds.length === 0) throw new RangeError('at least one seed was expected');
  const results = seeds.map((seed) => runScenario(scenario, { ...options, seed }));
  return results[0].flows.map(({ vehicle, flow, kind, direction }, index) => {
    const runs = results.map((result) => result.flows[index]);
    const gaps = Float64Array.from(runs, (run) => run.longestGapUs).sort();
    return {
      vehicle,
      flow,
      kind,
      direction,
      runs: runs.length,
      longestGapMedianUs: percentile(gaps, 50),
      longestGapP99Us: percentile(gaps, 99),
      longestGapMaxUs: percentile(gaps, 100),
      lost: runs.reduce((sum, run) => sum + run.lost, 0),
      duplicates: runs.reduce((sum, run) => sum + run.duplicates, 0),
      delayP50Us: percentile(Float64Array.from(runs, (run) => run.delayP50Us).sort(), 50),
      rateBps: percentile(Float64Array.from(runs, (run) => run.rateBps ?? 0).sort(), 50),
    };
  });
}
