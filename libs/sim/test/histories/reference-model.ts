/**
 * What a tunnel owes, as simply as it can be said:
 *
 * 1. Every inner packet comes out at most once, as it went in.
 * 2. It comes out within its class's deadline whenever some path *could carry it*: from CARRY_US before the deadline, and
 *    not later than the sending of a packet whose deadline is shorter than that plus SETTLE_US, up to the deadline some
 *    link was good all the time.
 *
 * A link is good while both directions of it are lit, its modem is plugged in, no drill blocks it, its address and NAT
 * mapping are older than SETTLE_US, and rate, delay, jitter and loss are what GOOD says: several times what all flows
 * need together, so that neither queue nor loss can use up the deadline. Deadlines below SHORTEST_MS promise nothing here:
 * noticing a silent path and sending again takes a few round trips.
 */
import type { TunnelPolicy } from '@corridor/tunnel';
import { type DirectionSpec, merge, type TrafficSpec } from '../../src/index.js';
import type { History, HistoryStep } from './history.js';

export const SHORTEST_MS = 1_000;
/** Time before its deadline in which a packet must be able to travel. */
export const CARRY_US = 1_000_000;
/** Until a link that was out of order may be counted on again: proof by probes, and a handshake where all were dark. */
export const SETTLE_US = 2_000_000;
/** Arrivals may be this much later than the deadline, which holds for leaving: the way itself. */
export const ON_THE_WAY_US = 150_000;
/** The sessions come up before. */
const FROM_US = 2_500_000;
const GOOD = { rateBps: 3e6, delayUs: 60_000, jitterUs: 20_000, lossRatio: 0.01 };
const DEFAULT_DEADLINE_MS = 3_000;

export interface Interval {
  readonly fromUs: number;
  readonly toUs: number;
}

/** What the history promises for packets of its flows. */
export class ReferenceModel {
  private readonly good: readonly (readonly Interval[])[];
  private readonly policies: readonly { readonly atUs: number; readonly policy: TunnelPolicy }[];
  private readonly darkened: readonly Interval[];
  private readonly isSaturated: boolean;

  constructor(history: History) {
    this.good = history.links.map((link) => goodIntervals(history, link.name));
    this.policies = [
      { atUs: 0, policy: history.policy },
      ...history.steps.flatMap((step) => (step.action === 'policy' ? [{ atUs: step.atUs, policy: step.policy }] : [])),
    ];
    this.darkened = history.steps.flatMap((step) =>
      step.action === 'restart-gateway'
        ? [{ fromUs: step.atUs - 4_000_000, toUs: step.atUs + step.downUs + 4_000_000 }]
        : [],
    );
    this.isSaturated = history.traffic.some(({ kind }) => kind === 'tcp');
  }

  /** Latest arrival that a packet is owed, microseconds; -1 when nothing is. */
  owedUntilUs(flow: TrafficSpec, sentAtUs: number): number {
    if (this.isSaturated || sentAtUs < FROM_US) return -1;
    if (this.darkened.some(({ fromUs, toUs }) => sentAtUs >= fromUs && sentAtUs <= toUs)) return -1;
    const deadlineMs = this.shortestMs(flow, sentAtUs);
    if (deadlineMs < SHORTEST_MS) return -1;
    const untilUs = sentAtUs + deadlineMs * 1_000;
    const fromUs = Math.max(sentAtUs, untilUs - CARRY_US) - SETTLE_US;
    const carries = this.good.some((intervals) =>
      intervals.some((interval) => interval.fromUs <= fromUs && interval.toUs >= untilUs),
    );
    return carries ? sentAtUs + this.longestMs(flow, sentAtUs) * 1_000 + ON_THE_WAY_US : -1;
  }

  /** The shortest deadline that may hold for it: when an engine may give it up. */
  private shortestMs(flow: TrafficSpec, sentAtUs: number): number {
    let shortest = Number.POSITIVE_INFINITY;
    for (const { atUs, policy } of this.policiesFrom(sentAtUs)) {
      if (atUs <= sentAtUs + 3_000_000) shortest = Math.min(shortest, deadlineMs(policy, flow));
    }
    return shortest;
  }

  /**
   * The longest that may hold for it: whatever comes by then is in time. A packet has the deadline of the policy under which
   * it waits, so one that was sent just after 3 s took the place of 1 s has 3 s.
   */
  private longestMs(flow: TrafficSpec, sentAtUs: number): number {
    let longest = 0;
    for (const { atUs, policy } of this.policiesFrom(sentAtUs)) {
      if (longest === 0 || atUs <= sentAtUs + longest * 1_000) longest = Math.max(longest, deadlineMs(policy, flow));
    }
    return longest;
  }

  /** A policy that is switched takes a while to reach the other end. */
  private policiesFrom(sentAtUs: number) {
    return this.policies.filter((_, index) => (this.policies[index + 1]?.atUs ?? sentAtUs) + 1_000_000 >= sentAtUs);
  }
}

function deadlineMs({ classes, default: other }: TunnelPolicy, { dscp = 0 }: TrafficSpec): number {
  const found = classes.find(({ match }) => match.some((rule) => rule.dscp?.includes(dscp)));
  return (found ?? other).deadlineMs ?? DEFAULT_DEADLINE_MS;
}

/** When a link is good, at least SETTLE_US after each disturbance counted by the caller. */
export function goodIntervals(history: History, name: string): Interval[] {
  const link = history.links.find((candidate) => candidate.name === name);
  if (link === undefined) throw new RangeError(`no link ${name}`);
  const state = { up: link.up, down: link.down, dark: new Set<string>(), unplugged: false, blocked: false };
  const intervals: Interval[] = [];
  let sinceUs = isGood(state) ? 0 : -1;
  for (const step of history.steps) {
    if (!('link' in step) || step.link !== name) continue;
    apply(state, step);
    const disturbed = step.action === 'change-address' || step.action === 'rebind-nat';
    const good = isGood(state);
    if (sinceUs >= 0 && (!good || disturbed)) {
      intervals.push({ fromUs: sinceUs, toUs: step.atUs });
      sinceUs = -1;
    }
    if (sinceUs < 0 && good) sinceUs = step.atUs;
  }
  if (sinceUs >= 0) intervals.push({ fromUs: sinceUs, toUs: Number.POSITIVE_INFINITY });
  return intervals;
}

interface LinkState {
  up: DirectionSpec;
  down: DirectionSpec;
  readonly dark: Set<string>;
  unplugged: boolean;
  blocked: boolean;
}

function apply(state: LinkState, step: HistoryStep): void {
  switch (step.action) {
    case 'blackout':
      for (const way of waysOf(step.direction)) state.dark.add(way);
      break;
    case 'restore':
      for (const way of waysOf(step.direction)) state.dark.delete(way);
      break;
    case 'set':
      for (const way of waysOf(step.direction)) state[way] = merge(state[way], step.set);
      break;
    case 'unplug':
    case 'plug':
      state.unplugged = step.action === 'unplug';
      break;
    case 'block':
    case 'unblock':
      state.blocked = step.action === 'block';
      break;
  }
}

function waysOf(direction: 'up' | 'down' | 'both' = 'both'): ('up' | 'down')[] {
  return direction === 'both' ? ['up', 'down'] : [direction];
}

function isGood({ up, down, dark, unplugged, blocked }: LinkState): boolean {
  return dark.size === 0 && !unplugged && !blocked && isGoodWay(up) && isGoodWay(down);
}

function isGoodWay({
  rateBps = Number.POSITIVE_INFINITY,
  delayUs,
  jitterUs = 0,
  lossRatio = 0,
  burst,
}: DirectionSpec): boolean {
  return (
    rateBps >= GOOD.rateBps &&
    delayUs <= GOOD.delayUs &&
    jitterUs <= GOOD.jitterUs &&
    lossRatio <= GOOD.lossRatio &&
    burst === undefined
  );
}
