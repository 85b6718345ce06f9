/** From the engine's terms to a document of the control plane. */
import type { PolicyLayer } from '@corridor/contracts';
import type { TunnelPolicy } from '@corridor/tunnel';

/** A layer that says everything that `policy` says. */
export function policyLayer({ default: rest, classes }: TunnelPolicy): PolicyLayer {
  return {
    kind: 'policy-layer',
    v: 1,
    default: structuredClone(rest) as PolicyLayer['default'],
    classes: structuredClone(classes) as PolicyLayer['classes'],
    without: [],
  };
}
