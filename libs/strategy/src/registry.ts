import { activeStandby } from './active-standby.js';
import { adaptive } from './adaptive.js';
import { loadBalancing } from './load-balancing.js';
import { priorityBased } from './priority-based.js';
import { redundant } from './redundant.js';
import type { StrategyFactory } from './sdk.js';
import { smallestDelay } from './smallest-delay.js';

/** Every strategy that comes with Corridor, by the names of the 3GPP ATSSS steering modes; the default first. */
export const builtInStrategies: readonly StrategyFactory[] = [
  adaptive,
  activeStandby,
  smallestDelay,
  loadBalancing,
  priorityBased,
  redundant,
];
