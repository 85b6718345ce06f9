/** The policy of the demo: vital signs on every link, video and web by the strategy chosen at the keyboard. */
import type { TunnelPolicy } from '@corridor/tunnel';

/** Differentiated services code points of the demo's traffic: EF (RFC 3246) and AF41 (RFC 2597). */
export const VITALS_DSCP = 46;
export const VIDEO_DSCP = 34;

/** What the key `s` goes through. */
export const STRATEGIES = ['smallest-delay', 'active-standby', 'redundant'] as const;

export function demoPolicy(version: number, strategy: string): TunnelPolicy {
  return {
    version,
    default: { strategy },
    classes: [
      { name: 'vitals', strategy: 'redundant', match: [{ dscp: [VITALS_DSCP] }] },
      { name: 'video', strategy, match: [{ dscp: [VIDEO_DSCP] }] },
    ],
  };
}
