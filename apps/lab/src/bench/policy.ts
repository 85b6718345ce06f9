/** The policies that the benches measure with. */
import { builtInPolicy, type TunnelPolicy } from '@corridor/tunnel';

/** What `--strategy` calls the policy of an operator who set nothing. */
export const BUILT_IN = 'built-in';

/** The built-in policy, or one strategy for everything and no classes. */
export function policyOf(strategy = BUILT_IN): TunnelPolicy {
  if (strategy === BUILT_IN) return { ...builtInPolicy, version: 1 };
  return { version: 1, default: { strategy }, classes: [] };
}
