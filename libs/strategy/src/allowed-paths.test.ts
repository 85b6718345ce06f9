import { describe, expect, it } from 'vitest';
import { type AvoidedPaths, allowedPaths, type PathChange, path } from './index.js';

function allowed(changes: readonly PathChange[], avoid: readonly AvoidedPaths[]): number[] {
  const paths = changes.map((change, id) => path(id, change));
  return allowedPaths(paths, avoid).map(({ id }) => id);
}

describe('the paths that a class may use', () => {
  it.each<[string, PathChange[], AvoidedPaths[], number[]]>([
    ['are all when it avoids none', [{ metered: true }, { roaming: true }], [], [0, 1]],
    ['are those that cost nothing while one is up', [{ metered: true }, {}, { state: 'down' }], ['metered'], [1, 2]],
    ['are all when what is allowed is silent', [{ metered: true }, { state: 'suspect' }], ['metered'], [0, 1]],
    ['are all when what is allowed is down', [{ metered: true }, { state: 'down' }], ['metered'], [0, 1]],
    ['are all when there is nothing else', [{ metered: true }, { metered: true }], ['metered'], [0, 1]],
    [
      'are the less avoided ones when none is free of all kinds',
      [{ metered: true }, { metered: true, roaming: true }, { metered: true, capReached: true }],
      ['capped', 'roaming', 'metered'],
      [0],
    ],
    ['take the order of the kinds into account', [{ metered: true }, { roaming: true }], ['metered', 'roaming'], [1]],
    [
      'never leave out what works for what does not',
      [{ metered: true, state: 'down' }, { roaming: true, metered: true }, { state: 'gated' }],
      ['roaming', 'metered'],
      [0, 1, 2],
    ],
  ])('%s', (_, changes, avoid, expected) => {
    expect(allowed(changes, avoid)).toEqual(expected);
  });

  it('are the same array when all are allowed, so that nothing is made anew', () => {
    const paths = [path(0), path(1)];
    expect(allowedPaths(paths, [])).toBe(paths);
  });
});
