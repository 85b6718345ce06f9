/** Links as they are on good and on bad days; nothing breaks. */
import type { LinkSpec, Scenario, TrafficSpec } from '../scenario.js';
import { ambulanceTraffic, DSCP_VITALS, policy, threeLinks } from './parts.js';

export const clean: Scenario = {
  name: 'clean',
  description: 'Three good links; nothing goes wrong, and nothing may be lost or moved.',
  durationUs: 12_000_000,
  vehicles: 1,
  links: threeLinks(),
  traffic: ambulanceTraffic,
  policy: policy({ strategy: 'active-standby' }),
  steps: [],
};

export const lossy: Scenario = {
  name: 'lossy',
  description: 'Every link loses 1 % at random, with jitter; copies on every link cover it.',
  durationUs: 22_000_000,
  vehicles: 1,
  links: threeLinks({ lossRatio: 0.01, jitterUs: 4_000 }),
  traffic: ambulanceTraffic,
  policy: policy({ strategy: 'redundant' }),
  steps: [],
};

export const bursty: Scenario = {
  name: 'bursty',
  description: 'Every link loses bursts of about 8 packets, reorders and duplicates; copies on every link cover it.',
  durationUs: 22_000_000,
  vehicles: 1,
  links: threeLinks({
    burst: { enterRatio: 0.002, leaveRatio: 0.125, lossRatio: 0.9 },
    jitterUs: 4_000,
    reorderRatio: 0.01,
    duplicateRatio: 0.01,
  }),
  traffic: ambulanceTraffic,
  policy: policy({ strategy: 'redundant' }),
  steps: [],
};

/** Packets as large as the tunnel takes them. */
const fullSize: TrafficSpec = { kind: 'udp', direction: 'up', rateBps: 3e6, bytes: 1_400 };

export const smallMtu: Scenario = {
  name: 'small-mtu',
  description: 'The best link loses every IP packet of more than 1,300 bytes without a word; larger ones find another.',
  durationUs: 12_000_000,
  vehicles: 1,
  links: threeLinks().map((link) => (link.name === 'w0' ? narrow(link, 1_300) : link)),
  traffic: [...ambulanceTraffic, fullSize, { ...fullSize, direction: 'down' }],
  policy: policy({ strategy: 'active-standby' }),
  steps: [],
};

function narrow(link: LinkSpec, mtuBytes: number): LinkSpec {
  return { ...link, up: { ...link.up, mtuBytes }, down: { ...link.down, mtuBytes } };
}

/** The best link costs money. Vital signs may use it; everything else only while the two others are down. */
export const avoidMetered: Scenario = {
  name: 'avoid-metered',
  description: 'The best link is metered: vital signs use it, the rest only while both others are silent.',
  durationUs: 22_000_000,
  vehicles: 1,
  links: threeLinks().map((link) => (link.name === 'w0' ? { ...link, metered: true } : link)),
  traffic: ambulanceTraffic,
  policy: {
    version: 1,
    default: { strategy: 'adaptive', avoid: ['metered'] },
    classes: [{ name: 'vitals', strategy: 'active-standby', urgent: true, match: [{ dscp: [DSCP_VITALS] }] }],
  },
  steps: [
    ...['w1', 'w2'].map((link) => ({ atUs: 8_000_000, action: 'blackout', link }) as const),
    ...['w1', 'w2'].map((link) => ({ atUs: 14_000_000, action: 'restore', link }) as const),
  ],
};
