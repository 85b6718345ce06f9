import { readFileSync } from 'node:fs';
import { EffectivePolicy, PolicyOutcome, PolicyRefusal, PutPolicy, readDocument } from '@corridor/contracts';
import { builtInStrategies } from '@corridor/strategy';
import { expect, test } from 'vitest';
import { BUILT_IN_LAYER } from './built-in.js';
import { digestOf } from './effective.js';
import { checkContent, checkLayer } from './policy-check.js';

const page = readFileSync(new URL('../../../../docs/policies.md', import.meta.url), 'utf8');
const [put, document] = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map((match) => JSON.parse(match[1]!));

test('the layer in docs/policies.md can be saved', () => {
  expect(() => checkLayer(PutPolicy.parse(put).layer)).not.toThrow();
});

test('the document in docs/policies.md is one, with its digest', () => {
  const read = readDocument(EffectivePolicy, document);
  expect(read).toMatchObject({ ok: true });
  expect(digestOf(document.policy)).toBe(document.digest);
  expect(() => checkContent(document.policy, 'docs')).not.toThrow();
});

test('docs/policies.md lists every strategy, outcome and refusal, and the built-in layer as it is', () => {
  for (const { name, description } of builtInStrategies) expect(page).toContain(`| \`${name}\` | ${description} |`);
  for (const outcome of PolicyOutcome.options) expect(page).toMatch(new RegExp(`^\\| \`${outcome}\` \\|`, 'm'));
  for (const refusal of PolicyRefusal.options) expect(page).toMatch(new RegExp(`^\\| .*\`${refusal}\``, 'm'));
  for (const { name, strategy, match } of BUILT_IN_LAYER.classes) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
    expect(row).toContain(`| \`${strategy}\` |`);
    const [{ dscp = [] } = {}] = match;
    expect(row).toContain(dscp.join(', '));
  }
});
