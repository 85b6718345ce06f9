/** Things that change under way: addresses, NAT mappings, the gateway process, the policy. */
import type { Scenario } from '../scenario.js';
import { ambulanceTraffic, policy, threeLinks } from './parts.js';

const activeStandby = { strategy: 'active-standby' };

export const addressChange: Scenario = {
  name: 'address-change',
  description: 'The active uplink gets another address, twice; the session stays.',
  durationUs: 14_000_000,
  vehicles: 1,
  links: threeLinks(),
  traffic: ambulanceTraffic,
  policy: policy(activeStandby),
  steps: [
    { atUs: 5_000_000, action: 'change-address', link: 'w0' },
    { atUs: 9_000_000, action: 'change-address', link: 'w0' },
  ],
};

export const natRebind: Scenario = {
  name: 'nat-rebind',
  description: 'The NAT of the active link forgets its mappings, twice; nobody tells the vehicle.',
  durationUs: 14_000_000,
  vehicles: 1,
  links: threeLinks({}, { nat: { mappingLifetimeUs: 60_000_000 } }),
  traffic: ambulanceTraffic,
  policy: policy(activeStandby),
  steps: [
    { atUs: 5_000_000, action: 'rebind-nat', link: 'w0' },
    { atUs: 9_000_000, action: 'rebind-nat', link: 'w0' },
  ],
};

export const gatewayRestart: Scenario = {
  name: 'gateway-restart',
  description:
    'The gateway process is killed and answers again a good second later; sessions come back by themselves. What the ' +
    'vehicle sent meanwhile arrives; what the hospital sent while no gateway ran, nobody held.',
  durationUs: 14_000_000,
  vehicles: 1,
  links: threeLinks(),
  traffic: ambulanceTraffic,
  policy: policy(activeStandby),
  steps: [{ atUs: 5_000_000, action: 'restart-gateway', downUs: 1_100_000 }],
};

export const policySwitch: Scenario = {
  name: 'policy-switch',
  description: 'The strategy is switched at run time, from each built-in one to the next; nothing is lost.',
  durationUs: 16_000_000,
  vehicles: 1,
  links: threeLinks(),
  traffic: ambulanceTraffic,
  policy: policy(activeStandby),
  steps: [
    { atUs: 5_000_000, action: 'policy', policy: policy({ strategy: 'redundant' }, 2) },
    { atUs: 8_000_000, action: 'policy', policy: policy({ strategy: 'smallest-delay' }, 3) },
    { atUs: 11_000_000, action: 'policy', policy: policy(activeStandby, 4) },
  ],
};
