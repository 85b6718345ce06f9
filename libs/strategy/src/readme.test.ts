import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { checkStrategy, type StrategyFactory, StrategyOptionsError } from './index.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

it("the README's strategy passes the kit as it stands there", () => {
  const code = /```js cheapest\.mjs\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  // The module with its one import and its one export put into the terms of a function: no file, no build needed.
  const body = code.replace(/import \{ StrategyOptionsError \} from '@corridor\/strategy';/, '');
  const make = new Function('StrategyOptionsError', body.replace('export default', 'return'));
  const cheapest = make(StrategyOptionsError) as StrategyFactory;
  expect(cheapest.name).toBe('cheapest');
  expect(checkStrategy(cheapest, { badOptions: [{ patienceMs: -1 }, { patienceMs: 'long' }] })).toEqual([]);
});

it('the README shows the configuration that loads it', () => {
  const json = /```json\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  expect(JSON.parse(json)).toMatchObject({
    strategyModules: ['./cheapest.mjs'],
    policy: { default: { strategy: 'cheapest' } },
  });
});
