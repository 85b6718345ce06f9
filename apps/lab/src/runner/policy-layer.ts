/** From the engine's terms to a document of the control plane. */
import type { PolicyLayer } from '@corridor/contracts';
import type { TunnelPolicy } from '@corridor/tunnel';

/**
 * A layer that says everything that `policy` says.
 *
 * @param others names of classes that layers above bring along and that shall not be there
 */
export function policyLayer({ default: rest, classes }: TunnelPolicy, others: Iterable<string> = []): PolicyLayer {
  const own = new Set(classes.map(({ name }) => name));
  return {
    kind: 'policy-layer',
    v: 1,
    default: structuredClone(rest) as PolicyLayer['default'],
    classes: structuredClone(classes) as PolicyLayer['classes'],
    without: [...others].filter((name) => !own.has(name)),
  };
}
