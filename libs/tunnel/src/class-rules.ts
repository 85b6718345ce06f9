/** A class's policy with every default filled in: what the engine goes by. */
import type { AvoidedPaths, ClassLimits } from '@corridor/strategy';
import type { ClassPolicy, OrderRule, SpreadRule } from './policy.js';

export const DEFAULT_DEADLINE_MS = 3_000;
export const DEFAULT_MIN_SHARE = 0.05;
export const LOWEST_PRIORITY = 8;

const MS = 1_000;

export interface ClassRules {
  /** 1 is served first, 8 last. */
  readonly priority: number;
  readonly urgent: boolean;
  /** 0 to 0.5 of what the peer sends. */
  readonly minShare: number;
  readonly deadlineUs: number;
  readonly redundancy: number;
  readonly order: OrderRule;
  readonly spread: SpreadRule;
  /** Empty in an emergency. */
  readonly avoid: readonly AvoidedPaths[];
  /** What a strategy is told of all this. */
  readonly limits: ClassLimits;
}

/** @param place where it is served when it says nothing: classes in their order from 1, the default class behind them */
export function classRules(policy: ClassPolicy, place: number): ClassRules {
  const { urgent = false, redundancy = 0, order = 'auto', spread = 'packets' } = policy;
  const deadlineUs = (policy.deadlineMs ?? DEFAULT_DEADLINE_MS) * MS;
  return {
    priority: policy.priority ?? Math.min(place, LOWEST_PRIORITY),
    urgent,
    minShare: policy.minShare ?? DEFAULT_MIN_SHARE,
    deadlineUs,
    redundancy,
    order,
    spread,
    avoid: policy.emergency === true ? [] : (policy.avoid ?? []),
    limits: {
      redundancy,
      deadlineUs,
      urgent,
      aggregate: spread !== 'none',
      flowPinned: spread === 'flows',
    },
  };
}
