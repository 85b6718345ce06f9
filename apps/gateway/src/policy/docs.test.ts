import { readFileSync } from 'node:fs';
import { EffectivePolicy, PolicyOutcome, PolicyRefusal, PutPolicy, readDocument, Steering } from '@corridor/contracts';
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
  const rows = page.split('\n');
  for (const { name, match, ...steering } of BUILT_IN_LAYER.classes) {
    const row = rows.find((line) => line.startsWith(`| \`${name}\` |`));
    for (const { dscp = [], ports = [], protocol } of match) {
      expect(row).toContain(dscp.join(', '));
      for (const port of ports) expect(row).toContain(String(port));
      if (protocol === 'icmp') expect(row).toContain('ICMP');
    }
    expect(row).toMatch(new RegExp(`\\| \`${steering.strategy}\` \\| ${worthOf(steering)} \\|$`));
  }
  const rest = rows.find((line) => line.startsWith('| | everything else'));
  expect(rest).toMatch(new RegExp(` \\| ${worthOf(BUILT_IN_LAYER.default as Steering)} \\|$`));
});

test('docs/policies.md has every key of a class, with its range', () => {
  for (const key of Object.keys(Steering.shape)) expect(page).toContain(`\n| \`${key}\` |`);
  for (const [key, range] of [
    ['redundancy', '0 to 4'],
    ['deadlineMs', '20 to 3,000'],
    ['priority', '1 to 8'],
    ['minShare', '0 to 0.5'],
  ]) {
    expect(page).toContain(`| \`${key}\` | ${range} |`);
  }
});

/** What a class is worth, as the table says it. */
function worthOf({ priority, urgent, minShare, redundancy, deadlineMs, spread, avoid = [] }: Steering): string {
  return [
    `priority ${priority}`,
    ...(urgent === true ? ['urgent'] : []),
    ...(minShare === undefined ? [] : [`at least ${minShare * 100} %`]),
    ...(redundancy === undefined ? [] : [`redundancy ${redundancy}`]),
    `deadline ${(deadlineMs ?? 0) / 1_000} s`,
    ...(spread === 'none' ? ['one link at a time'] : []),
    ...(avoid.length === 0 ? [] : [`avoids ${avoid.join(', ')}`]),
  ].join(', ');
}
