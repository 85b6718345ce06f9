import { activeStandby } from './active-standby.js';
import { redundant } from './redundant.js';
import type { StrategyFactory } from './sdk.js';
import { smallestDelay } from './smallest-delay.js';

/** Every strategy that comes with Corridor, by the names of the 3GPP ATSSS steering modes. */
export const builtInStrategies: readonly StrategyFactory[] = [activeStandby, smallestDelay, redundant];
