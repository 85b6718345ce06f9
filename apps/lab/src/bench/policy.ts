/** The policies that the benches measure with: what an operator has who set nothing. */
import { DSCP_VIDEO, DSCP_VITALS } from '@corridor/sim';
import type { ClassPolicy, TunnelPolicy } from '@corridor/tunnel';

/** The strategy of traffic for which nobody chose another. */
export const DEFAULT_STRATEGY = 'adaptive';

/** Vital signs are urgent and may have copies, video a partial repair, everything else only what it needs. */
export function defaultPolicy(strategy = DEFAULT_STRATEGY): TunnelPolicy {
  const all: ClassPolicy = { strategy };
  if (strategy !== DEFAULT_STRATEGY) return { version: 1, default: all, classes: [] };
  return {
    version: 1,
    default: all,
    classes: [
      { name: 'vitals', ...all, urgent: true, redundancy: 2, match: [{ dscp: [DSCP_VITALS] }] },
      { name: 'video', ...all, redundancy: 0.1, match: [{ dscp: [DSCP_VIDEO] }] },
    ],
  };
}
