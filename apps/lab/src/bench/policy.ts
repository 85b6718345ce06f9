/** The policies that the benches measure with. */
import type { TunnelPolicy } from '@corridor/tunnel';
import { DEFAULT_POLICY } from '../lab.js';

/** What `--strategy` calls the policy of an operator who set nothing. */
export const BUILT_IN = 'built-in';

/** The built-in policy, or one strategy for everything and no classes. */
export function policyOf(strategy = BUILT_IN): TunnelPolicy {
  if (strategy === BUILT_IN) return DEFAULT_POLICY;
  return { version: 1, default: { strategy }, classes: [] };
}
