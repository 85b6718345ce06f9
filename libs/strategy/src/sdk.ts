/**
 * The strategy SDK: what a path-selection strategy sees and what it answers.
 *
 * A strategy decides slowly (a few times a second, and at once when a path changes state); the engine executes its
 * plan for every packet without asking again. A strategy has no I/O, no clock and no randomness of its own: the same
 * inputs give the same plans, on a Pi, in the gateway, in a test on a virtual clock and in a replay.
 */

/** The three health tiers of a path (suspect, gated, down) and the healthy one, best first. */
export type PathState = 'up' | 'suspect' | 'gated' | 'down';

/** What is known of one direction of a path. Figures are 0 until first measured. */
export interface DirectionSnapshot {
  /**
   * Estimated one-way delay, microseconds; 0 when not measured yet. Differences between paths are exact, since all are
   * measured by the same two clocks; the absolute value takes the fastest path to be as fast in both directions.
   */
  readonly oneWayDelayUs: number;
  /** One-way delay above the smallest one seen, microseconds: queueing and radio delay, not propagation. */
  readonly delayVariationUs: number;
  /** Smoothed mean deviation of the one-way delay (RFC 3550 section 6.4.1), microseconds. */
  readonly jitterUs: number;
  /** Share of packets lost in the recent window, 0 to 1. */
  readonly lossRatio: number;
  /** Rate at which bytes arrived at the other end in the recent window, bits per second. */
  readonly deliveredBps: number;
}

/** One path as the deciding end sees it. */
export interface PathSnapshot {
  /** Path id of the tunnel, 0 to 255; stable as long as the uplink is known. */
  readonly id: number;
  /** Name of the uplink, for people. */
  readonly name: string;
  readonly state: PathState;
  /** Smoothed round-trip time (RFC 9002 section 5), microseconds; 0 when never measured. */
  readonly rttUs: number;
  /** Smallest round-trip time in the recent window, microseconds. */
  readonly minRttUs: number;
  /** Mean deviation of the round-trip time, microseconds. */
  readonly rttVarUs: number;
  /** The direction in which this end sends: what the plan is about. */
  readonly send: DirectionSnapshot;
  /** The opposite direction. */
  readonly receive: DirectionSnapshot;
  /** The operator's order, 1 is preferred; equal numbers are equal. */
  readonly priority: number;
  /** Costs money by the byte. */
  readonly metered: boolean;
}

/** What a strategy is asked to plan for. */
export interface PlanRequest {
  /** Monotonic time, microseconds. */
  readonly nowUs: number;
  /** Name of the traffic class. */
  readonly trafficClass: string;
  /** Every known path, in path-id order, also the ones that are down. Never empty. */
  readonly paths: readonly PathSnapshot[];
  /** The plan in force, or undefined at the first call. */
  readonly current: Plan | undefined;
}

/**
 * How packets of a class are sent until the next plan.
 *
 * - `single`: each packet on the first of `paths`; the rest is the order of retreat.
 * - `copies`: each packet on all of `paths`, the receiver keeps the first copy.
 */
export interface Plan {
  readonly mode: 'single' | 'copies';
  /** Path ids, best first, no id twice, at least one. */
  readonly paths: readonly number[];
  /** Why, in words that a dispatcher understands; stays with the path switch as its reason. */
  readonly reason: string;
}

/** A path-selection strategy for one traffic class of one vehicle and one direction. */
export interface Strategy {
  /** Answers the plan to follow from now on. Returning `request.current` keeps it. Must not throw. */
  plan(request: PlanRequest): Plan;
}

/** What a strategy module exports: the name used in policies, and a maker that checks its options. */
export interface StrategyFactory {
  /** Name in policies: lower case letters, digits and dashes, such as `active-standby`. */
  readonly name: string;
  /** One sentence for operators. */
  readonly description: string;
  /**
   * @param options the `options` object of the policy's class, unchecked.
   * @throws StrategyOptionsError naming the option and what was expected.
   */
  create(options: Readonly<Record<string, unknown>>): Strategy;
}

/** Thrown by {@link StrategyFactory.create} for options that make no sense. */
export class StrategyOptionsError extends Error {
  readonly code = 'ERR_STRATEGY_OPTIONS';
  override readonly name = 'StrategyOptionsError';
}
