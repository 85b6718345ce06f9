/** The active link goes silent for 10 s while its interface stays up. */
import type { Scenario, StepDirection } from '../scenario.js';
import { ambulanceTraffic, defaultPolicy, policy, threeLinks } from './parts.js';

const CUT_AT_US = 5_000_000;
const CUT_FOR_US = 10_000_000;

function blackout(name: string, description: string, strategy: string, direction: StepDirection): Scenario {
  return {
    name,
    description,
    durationUs: 20_000_000,
    vehicles: 1,
    links: threeLinks(),
    traffic: ambulanceTraffic,
    policy: policy({ strategy }),
    steps: [
      { atUs: CUT_AT_US, action: 'blackout', link: 'w0', direction },
      { atUs: CUT_AT_US + CUT_FOR_US, action: 'restore', link: 'w0', direction },
    ],
  };
}

export const blackoutActiveStandby = blackout(
  'blackout-active-standby',
  'The active link loses everything both ways for 10 s; traffic uses one link at a time.',
  'active-standby',
  'both',
);
export const blackoutRedundant = blackout(
  'blackout-redundant',
  'The best link loses everything both ways for 10 s; traffic has copies on every link.',
  'redundant',
  'both',
);
export const blackoutUpOnly = blackout(
  'blackout-up-only',
  'The active link loses everything from the vehicle for 10 s; the other way works.',
  'active-standby',
  'up',
);
export const blackoutDownOnly = blackout(
  'blackout-down-only',
  'The active link loses everything to the vehicle for 10 s; the other way works.',
  'active-standby',
  'down',
);
export const blackoutSmallestDelay = blackout(
  'blackout-smallest-delay',
  'The fastest link loses everything both ways for 10 s; traffic follows the smallest delay.',
  'smallest-delay',
  'both',
);

/** The same under the policy that holds where nobody set another. */
export const failoverDefault: Scenario = {
  ...blackoutActiveStandby,
  name: 'failover-default',
  description: 'The preferred link loses everything both ways for 10 s under the default policy.',
  policy: defaultPolicy(),
};

export const twoOfThree: Scenario = {
  ...failoverDefault,
  name: 'two-of-three',
  description: 'Two of three links go silent within one second, for 8 s, under the default policy.',
  steps: [
    { atUs: CUT_AT_US, action: 'blackout', link: 'w0' },
    { atUs: CUT_AT_US + 600_000, action: 'blackout', link: 'w1' },
    { atUs: CUT_AT_US + 8_000_000, action: 'restore', link: 'w0' },
    { atUs: CUT_AT_US + 8_600_000, action: 'restore', link: 'w1' },
  ],
};
