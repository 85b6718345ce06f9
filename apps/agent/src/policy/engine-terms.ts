import { type PolicyContent, Steering } from '@corridor/contracts';

const STEERING_KEYS = Object.keys(Steering.shape) as (keyof typeof Steering.shape)[];

/**
 * What the engine knows of a policy document. A key that this agent has never heard of is left out, as everywhere in
 * documents. Matches go in whole: one that the engine cannot follow must be refused, not widened.
 * @returns unchecked: `checkPolicy` says whether it can be followed
 */
export function engineTerms(version: number, content: PolicyContent): unknown {
  return {
    version,
    default: steering(content.default),
    classes: content.classes.map((one) => ({ name: one.name, match: one.match, ...steering(one) })),
  };
}

function steering(one: Steering): Partial<Steering> {
  return Object.fromEntries(STEERING_KEYS.filter((key) => one[key] !== undefined).map((key) => [key, one[key]]));
}
