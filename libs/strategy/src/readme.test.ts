import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { checkStrategy, path, planRequest, type StrategyFactory, StrategyOptionsError } from './index.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** The module as it stands in the README. */
function thriftyOfReadme(): StrategyFactory {
  const code = /```js thrifty\.mjs\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  // The module with its one import and its one export put into the terms of a function: no file, no build needed.
  const body = code.replace(/import \{ StrategyOptionsError \} from '@corridor\/strategy';/, '');
  const make = new Function('StrategyOptionsError', body.replace('export default', 'return'));
  return make(StrategyOptionsError) as StrategyFactory;
}

it("the README's strategy passes the kit as it stands there", () => {
  const thrifty = thriftyOfReadme();
  expect(thrifty.name).toBe('thrifty');
  expect(checkStrategy(thrifty, { badOptions: [{ keepMs: -1 }, { keepMs: 'long' }] })).toEqual([]);
});

it('the README shows the configuration that loads it', () => {
  const json = /```json\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  expect(JSON.parse(json)).toMatchObject({
    strategyModules: ['./thrifty.mjs'],
    policy: { default: { strategy: 'thrifty' } },
  });
});

it("the README's strategy does what the README says", () => {
  const strategy = thriftyOfReadme().create({});
  const paths = [
    path(0, { capacityMbps: 4 }),
    path(1, { capacityMbps: 2 }),
    path(2, { metered: true, capacityMbps: 20 }),
  ];
  const uses = (atMs: number, demandMbps: number) =>
    strategy.plan(planRequest(atMs * 1000, paths, { traffic: { demandBps: demandMbps * 1e6 } })).paths;
  expect(uses(0, 3)).toEqual([0, 1]);
  expect(uses(1_000, 6)).toEqual([0, 1, 2]);
  expect(uses(5_900, 3)).toEqual([0, 1, 2]);
  expect(uses(6_100, 3)).toEqual([0, 1]);
});
