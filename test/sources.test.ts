import { builtInStrategies } from '@corridor/strategy';
import { expect, it } from 'vitest';

it('tests run the sources of other rooms, never a build that may be old', () => {
  let stack = '';
  try {
    builtInStrategies[0].create({ noSuchOption: true });
  } catch (error) {
    stack = (error as Error).stack ?? '';
  }
  expect(stack).toContain('libs/strategy/src/');
  expect(stack).not.toContain('libs/strategy/dist/');
});
