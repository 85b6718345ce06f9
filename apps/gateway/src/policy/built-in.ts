import { PolicyLayer } from '@corridor/contracts';
import { builtInPolicy } from '@corridor/tunnel';

/** Raised with every change of the layer below: vehicles get a new version then, and the console shows which it was. */
export const BUILT_IN_VERSION = 2;

/** The layer under all others: what every tunnel does when nobody said anything, as a document. */
export const BUILT_IN_LAYER: PolicyLayer = PolicyLayer.parse({
  kind: 'policy-layer',
  v: 1,
  default: builtInPolicy.default,
  classes: builtInPolicy.classes,
});
