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
}

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
