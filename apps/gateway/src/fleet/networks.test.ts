import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DomainError } from '../kernel/domain-error.js';
import { readNetworks } from './networks.js';

const OVERLAY = ['10.77.0.0/16'];

/** A network as its first and last address. */
interface Range {
  readonly text: string;
  readonly first: number;
  readonly last: number;
}

/** Few addresses, so that overlaps are frequent. */
const network: fc.Arbitrary<Range> = fc
  .record({ base: fc.integer({ min: 0, max: 255 }), length: fc.integer({ min: 24, max: 32 }) })
  .map(({ base, length }) => {
    const size = 2 ** (32 - length);
    const first = Math.floor(base / size) * size;
    return { text: `192.168.7.${first}/${length}`, first, last: first + size - 1 };
  });

describe('networks of a vehicle', () => {
  it('are taken exactly when no two of them share an address', () => {
    fc.assert(
      fc.property(fc.array(network, { maxLength: 5 }), (networks) => {
        const apart = networks.every((a, index) =>
          networks.slice(index + 1).every((b) => a.last < b.first || b.last < a.first),
        );
        const texts = networks.map(({ text }) => text);
        if (apart) expect(readNetworks(texts, OVERLAY)).toEqual(texts);
        else expect(() => readNetworks(texts, OVERLAY)).toThrow('overlap');
      }),
    );
  });

  it('are written in one way, whatever way they were told in', () => {
    expect(readNetworks(['FD00:0:0:1:0::/64', '192.168.7.0/24'], OVERLAY)).toEqual([
      'fd00:0:0:1::/64',
      '192.168.7.0/24',
    ]);
  });

  it.each([
    ['192.168.7.9/24', 'network-invalid', 'an address inside a network'],
    ['fd00::1/64', 'network-invalid', 'an address inside a network'],
    ['network', 'network-invalid', 'is no network'],
    ['10.77.3.0/24', 'network-reserved', 'the overlay 10.77.0.0/16'],
    ['10.0.0.0/8', 'network-reserved', 'the overlay 10.77.0.0/16'],
  ])('are refused: %s is %s', (text, code, words) => {
    const refusal = thrown(() => readNetworks([text], OVERLAY));
    expect(refusal).toMatchObject({ kind: 'invalid', code, message: expect.stringContaining(words) });
  });
});

function thrown(action: () => unknown): DomainError {
  try {
    action();
  } catch (error) {
    return error as DomainError;
  }
  throw new Error('nothing was refused');
}
