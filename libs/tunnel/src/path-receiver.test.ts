import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Clock } from './clock.js';
import { MAX_RECEIVED_RANGES, PathReceiver } from './path-receiver.js';

const clock = new Clock();
const ranges = (receiver: PathReceiver) =>
  Array.from({ length: receiver.count }, (_, i) => [receiver.last[i], receiver.first[i]]);

function receive(numbers: readonly number[]): PathReceiver {
  const receiver = new PathReceiver();
  for (const number of numbers) receiver.add(number, 100, clock);
  return receiver;
}

describe('received ranges', () => {
  it.each([
    ['in order', [0, 1, 2], [[2, 0]]],
    [
      'a gap',
      [0, 1, 5],
      [
        [5, 5],
        [1, 0],
      ],
    ],
    [
      'a gap filled from below',
      [0, 1, 5, 2],
      [
        [5, 5],
        [2, 0],
      ],
    ],
    [
      'a gap filled from above',
      [0, 1, 5, 4],
      [
        [5, 4],
        [1, 0],
      ],
    ],
    ['a gap closed', [0, 2, 1], [[2, 0]]],
    [
      'one in the middle of a gap',
      [0, 9, 5],
      [
        [9, 9],
        [5, 5],
        [0, 0],
      ],
    ],
    [
      'the oldest of all',
      [5, 3],
      [
        [5, 5],
        [3, 3],
      ],
    ],
  ])('keeps %s', (_name, numbers, expected) => {
    expect(ranges(receive(numbers))).toEqual(expected);
  });

  it('are those of a plain set, as far as they reach', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 60 }), (numbers) => {
        const receiver = receive(numbers);
        const expected: number[][] = [];
        for (const number of [...numbers].sort((a, b) => b - a)) {
          const newest = expected.at(-1);
          if (newest !== undefined && newest[1] === number + 1) newest[1] = number;
          else expected.push([number, number]);
        }
        const found = ranges(receiver);
        expect(found.length).toBeLessThanOrEqual(MAX_RECEIVED_RANGES);
        // Ranges that fell off the end are missing; none that is there is wrong, and the newest is always whole.
        if (expected.length <= MAX_RECEIVED_RANGES / 2) expect(found).toEqual(expected);
        for (const [last, first] of found)
          for (let number = first; number <= last; number++) expect(numbers).toContain(number);
        if (numbers.length > 0) expect(found[0][0]).toBe(Math.max(...numbers));
        expect(receiver.packets).toBe(numbers.length);
        expect(receiver.bytes).toBe(100 * numbers.length);
      }),
    );
  });
});
