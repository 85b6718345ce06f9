/** The policy of the demo: vital signs on every link, video and web by the strategy chosen at the keyboard. */
import type { TunnelPolicy } from '@corridor/tunnel';
import { VIDEO_DSCP, VITALS_DSCP } from '../demo/applications.js';

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
