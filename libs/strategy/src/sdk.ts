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
  /** What the path can carry in this direction as congestion control estimates it, bits per second; 0: not known yet. */
  readonly capacityBps: number;
  /** Standing queue: how far the one-way delay stays above its base over a round trip, microseconds. */
  readonly queueUs: number;
  /** Mean length of loss bursts in the recent window, packets; 0: nothing was lost. 1: losses are independent. */
  readonly burstPackets: number;
}

/**
 * What announces trouble while the path still works: silence beyond what is usual, a one-way delay that keeps growing,
 * packets lost in bursts, a weak radio signal.
 */
export type PathWarning = 'silence' | 'delay' | 'loss' | 'signal';

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
  /** The modem is in a foreign network. */
  readonly roaming: boolean;
  /** The data volume that the operator allows on it is used up. */
  readonly capReached: boolean;
  /** Radio quality, 0 (about to be lost) to 1 (as good as it gets); undefined where it is not known. */
  readonly signal: number | undefined;
  /** Early warnings in force, each at most once; empty when all is well. */
  readonly warnings: readonly PathWarning[];
}

/** What a class has been sending lately. Figures are smoothed over about a second, 0 when it was idle. */
export interface TrafficSnapshot {
  /** Bytes handed over for sending, bits per second; copies and repair not counted. */
  readonly demandBps: number;
  /** Mean length of a packet, bytes. */
  readonly packetBytes: number;
  /** Flows (5-tuples) that sent in this time. */
  readonly flows: number;
}

/** What the operator's policy allows a class. */
export interface ClassLimits {
  /**
   * Extra bytes per byte of the class that `copies: n` and `repair` may cost over a minute, 0 to 4: 0.1 is ten per cent, 2 is two
   * more copies. A strategy that sends copies because the operator chose it for that by name (`redundant`) is not bound by it.
   */
  readonly redundancy: number;
  /** A packet older than this is worth nothing any more, microseconds. */
  readonly deadlineUs: number;
  /** Tiny and vital: goes before everything and may overdraw a path's pacing a little. */
  readonly urgent: boolean;
  /** May use the capacity of several paths at once. */
  readonly aggregate: boolean;
  /** Whole flows may be spread over paths, but the packets of one flow stay together. */
  readonly flowPinned: boolean;
}

/** What a strategy is asked to plan for. */
export interface PlanRequest {
  /** Monotonic time, microseconds. */
  readonly nowUs: number;
  /** Name of the traffic class. */
  readonly trafficClass: string;
  /**
   * Every path that the class may use, in path-id order, also the ones that are down. Never empty. Paths that the class
   * avoids (metered, roaming, cap reached) are in it only while no other works; see `allowedPaths`.
   */
  readonly paths: readonly PathSnapshot[];
  /** The plan in force, or undefined at the first call. */
  readonly current: Plan | undefined;
  readonly traffic: TrafficSnapshot;
  readonly limits: ClassLimits;
}

/** How packets are put on paths; see {@link Plan}. */
export type PlanMode = 'single' | 'copies' | 'spill' | 'balance';

/**
 * How packets of a class are sent until the next plan.
 *
 * - `single`: each packet on the first of `paths`; the rest is the order of retreat.
 * - `copies`: each packet on all of `paths` that have room, on the first always; the receiver keeps the first copy.
 * - `spill`: each packet on the path where it arrives earliest, by its one-way delay and what already waits for its pacer.
 *   Of two about equal ones the earlier in the list is taken, so the first, the anchor, carries what it can.
 * - `balance`: packets are spread over `paths` in proportion to `weights`; with `pinned`, whole flows are.
 *
 * Paths that are not up carry nothing of a plan except copies, unless all of it are not up.
 */
export interface Plan {
  readonly mode: PlanMode;
  /** Path ids, best first, no id twice, at least one. */
  readonly paths: readonly number[];
  /** Why, in words that a dispatcher understands; stays with the path switch as its reason. */
  readonly reason: string;
  /**
   * With every mode but `copies`: each packet goes also on the so many next best of `paths`, as far as the class's budget
   * and the paths' room allow. Whole number from 1; absent: none.
   */
  readonly copies?: number;
  /**
   * Repair bytes (forward erasure code) per byte sent, above 0 and at most the class's `redundancy`; absent: none. They
   * travel over the other paths of the list, over the same one where it is alone.
   */
  readonly repair?: number;
  /**
   * `spill` only: a packet goes on a path further down the list only where it arrives earlier by more than this, microseconds.
   * Absent: by what is more than measurement noise.
   */
  readonly preferUs?: number;
  /** `balance` only: a positive share for each of `paths`, in their order. Absent: by estimated capacity. */
  readonly weights?: readonly number[];
  /** `balance` only: a flow stays on the path that it was given while that is up. Absent: packet by packet. */
  readonly pinned?: boolean;
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
