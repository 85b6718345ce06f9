import type { Scenario } from '../scenario.js';
import { aggregateScenarios } from './aggregate.js';
import {
  blackoutActiveStandby,
  blackoutDownOnly,
  blackoutRedundant,
  blackoutSmallestDelay,
  blackoutUpOnly,
  failoverDefault,
  twoOfThree,
} from './blackouts.js';
import { bufferbloatScenarios } from './bufferbloat.js';
import { addressChange, gatewayRestart, natRebind, policySwitch } from './changes.js';
import { avoidMetered, bursty, clean, lossy, smallMtu } from './conditions.js';
import { drive } from './drive.js';
import { impairmentScenarios } from './impairments.js';
import { profileScenarios, profileVariants } from './profiles.js';

/** Every scenario that runs on the virtual clock and in the lab alike. */
export const scenarios: readonly Scenario[] = [
  clean,
  lossy,
  bursty,
  smallMtu,
  avoidMetered,
  blackoutActiveStandby,
  blackoutSmallestDelay,
  blackoutRedundant,
  blackoutUpOnly,
  blackoutDownOnly,
  failoverDefault,
  twoOfThree,
  addressChange,
  natRebind,
  gatewayRestart,
  policySwitch,
  drive,
  ...aggregateScenarios,
  ...bufferbloatScenarios,
  ...impairmentScenarios,
  ...profileScenarios,
];

/** @throws RangeError that names the known ones. */
export function scenarioNamed(name: string): Scenario {
  const found = [...scenarios, ...profileVariants()].find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  throw new RangeError(`no scenario ${name}; there are: ${scenarios.map((scenario) => scenario.name).join(', ')}`);
}

export * from './aggregate.js';
export * from './bufferbloat.js';
export * from './impairments.js';
export * from './parts.js';
export * from './profiles.js';
