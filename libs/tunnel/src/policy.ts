import type { AvoidedPaths } from '@corridor/strategy';

/**
 * The policy in the engine's own terms: which strategy sends which traffic. The apps translate their documents into
 * this; it crosses the tunnel as JSON, so that the gateway sends by the vehicle's policy.
 */
export interface TunnelPolicy {
  /** Monotonic; the gateway keeps the newest that a session announced. */
  readonly version: number;
  /** For traffic that no class matches. */
  readonly default: ClassPolicy;
  /** First match wins; at most 15. */
  readonly classes: readonly TrafficClass[];
}

export interface ClassPolicy {
  /** Name of a strategy, such as `active-standby`. */
  readonly strategy: string;
  readonly options?: Readonly<Record<string, unknown>>;
  /** Order of serving, 1 first, to 8. Default: the place in the list, the default class after all others. */
  readonly priority?: number;
  /** Vital and tiny: served before every class that is not, and may overdraw pacing a little. Default false. */
  readonly urgent?: boolean;
  /** Share of the peer's sending that it gets whatever goes before it, 0 to 0.5. Default 0.05. */
  readonly minShare?: number;
  /** After this a packet is neither sent again nor kept queued, milliseconds, 20 to 3,000. Default 3,000. */
  readonly deadlineMs?: number;
  /** Extra bytes per byte that copies and repair may cost, 0 to 4. Default 0. */
  readonly redundancy?: number;
  /** Which flows the receiver puts back in order: `auto` (TCP only), `flow` (each), `none`. Default `auto`. */
  readonly order?: OrderRule;
  /** What may travel over several paths at once: each packet, whole flows only, nothing. Default `packets`. */
  readonly spread?: SpreadRule;
  /** Paths not to be used unless no other works, the most avoided first; see `allowedPaths`. Default none. */
  readonly avoid?: readonly AvoidedPaths[];
  /** Uses what it avoids after all: as if `avoid` were empty. Default false. */
  readonly emergency?: boolean;
}

export type OrderRule = 'auto' | 'flow' | 'none';
export type SpreadRule = 'packets' | 'flows' | 'none';

export interface TrafficClass extends ClassPolicy {
  readonly name: string;
  /** A packet belongs to the class when any of these matches. */
  readonly match: readonly TrafficMatch[];
}

/** All given keys must hold; an empty match holds for everything. */
export interface TrafficMatch {
  /** Differentiated services code points, 0 to 63. */
  readonly dscp?: readonly number[];
  readonly protocol?: 'tcp' | 'udp' | 'icmp';
  /** Source or destination port is one of these: a number, or "first-last". */
  readonly ports?: readonly (number | string)[];
  /** Source or destination address lies in one of these prefixes. */
  readonly prefixes?: readonly string[];
}

export class PolicyError extends Error {
  readonly code = 'ERR_POLICY';
  override readonly name = 'PolicyError';
  /** @param key where in the policy, such as `classes[0].match[1].dscp`. */
  constructor(
    readonly key: string,
    message: string,
  ) {
    super(`${key}: ${message}`);
  }
}
