import type { PolicyContent } from '@corridor/contracts';
import { checkPolicy } from '@corridor/tunnel';
import { loadStrategies } from '@corridor/tunnel-host';
import { expect, test } from 'vitest';
import { engineTerms } from './engine-terms.js';

const worth = {
  priority: 2,
  urgent: true,
  minShare: 0.25,
  deadlineMs: 800,
  redundancy: 0.1,
  order: 'flow',
  spread: 'flows',
  avoid: ['capped', 'metered'],
  emergency: false,
} as const satisfies Partial<PolicyContent['default']>;
const content = (part: object): PolicyContent => ({
  default: { strategy: 'load-balancing', options: { by: 'packet' }, ...worth, avoid: [...worth.avoid], ...part },
  classes: [{ name: 'video', strategy: 'adaptive', match: [{ dscp: [34] }], ...worth, avoid: [], ...part }],
});

test('the engine gets everything that a document says of its classes', async () => {
  expect(checkPolicy(engineTerms(7, content({})), await loadStrategies([]))).toEqual({ version: 7, ...content({}) });
});

test('a key of a later version is left out, a match of a later version is not', async () => {
  expect(engineTerms(7, content({ colour: 'blue' }))).toEqual(engineTerms(7, content({})));
  const later = { ...content({}), classes: [{ name: 'a', strategy: 'adaptive', match: [{ vlan: 5 }] }] };
  const strategies = await loadStrategies([]);
  expect(() => checkPolicy(engineTerms(7, later as PolicyContent), strategies)).toThrow('vlan: is not known here');
});
