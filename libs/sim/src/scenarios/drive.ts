/** Two minutes through the synthetic city: every link fades with place, tunnels take some operators away. */
import { cityDrive, driveLinks, driveSteps } from '../city-drive.js';
import type { Scenario } from '../scenario.js';
import { ambulanceTraffic, DSCP_VITALS } from './parts.js';

const DURATION_US = 120_000_000;
const SEED = 7;

const city = cityDrive({ seed: SEED, vehicles: 1 });

export const drive: Scenario = {
  name: 'drive',
  description:
    'A drive through a synthetic city with three operators; copies of vital signs, the rest on the fastest link.',
  durationUs: DURATION_US,
  vehicles: 1,
  links: driveLinks(city, 0, DURATION_US),
  traffic: ambulanceTraffic,
  policy: {
    version: 1,
    default: { strategy: 'smallest-delay' },
    classes: [{ name: 'vitals', strategy: 'redundant', match: [{ dscp: [DSCP_VITALS] }] }],
  },
  steps: driveSteps(city, 0, DURATION_US),
};
