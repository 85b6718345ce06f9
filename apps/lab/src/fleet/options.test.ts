import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { parseFleetOptions } from './options.js';

it('has defaults for everything', () => {
  expect(parseFleetOptions([])).toEqual({
    data: resolve('data/demo'),
    port: 8080,
    vehicles: 3,
    seed: 17,
    seconds: undefined,
    quiet: false,
  });
});

it.each([
  [['--port', 'http'], '--port takes a whole number from 0 to 65535, not "http".'],
  [['--port', '-1'], /argument|--port/],
  [['--vehicles', '4'], '--vehicles takes a whole number from 1 to 3, not "4".'],
  [['--seconds', ''], '--seconds takes a whole number from 1 to 86400, not "".'],
  [['--tunnels', '4'], /--tunnels/],
])('says what is wrong with %j', (args, message) => {
  expect(() => parseFleetOptions(args)).toThrow(message);
});
