import { builtInStrategies } from '@corridor/strategy';
import { expect, it } from 'vitest';
import { builtInPolicy } from './built-in-policy.js';
import { checkPolicy } from './policy-check.js';

it('is a policy that the engine follows as it stands there', () => {
  expect(checkPolicy(builtInPolicy, builtInStrategies)).toEqual(builtInPolicy);
  expect(JSON.parse(JSON.stringify(builtInPolicy))).toEqual(builtInPolicy);
});

it('names each code point once, and leaves those of ordinary traffic to the default', () => {
  const points = builtInPolicy.classes.flatMap(({ match }) => match.flatMap(({ dscp }) => dscp ?? []));
  expect(new Set(points).size).toBe(points.length);
  // CS0, CS2 and AF2x (RFC 4594): best effort, network management, low-latency data.
  for (const ordinary of [0, 16, 18, 20, 22]) expect(points).not.toContain(ordinary);
});
