import type { PolicyAck, PolicyState } from '@corridor/contracts';
import { expect, test } from 'vitest';
import { afterAck, isSettled } from './acknowledgement.js';

type Ack = Partial<PolicyAck> & Pick<PolicyAck, 'outcome'>;

const ack = (parts: Ack): PolicyAck => ({ kind: 'policy-ack', v: 1, version: 5, reason: '', inForce: 4, ...parts });

test.each<[PolicyState, Ack, PolicyState, string]>([
  ['pending', { outcome: 'received' }, 'received', ''],
  ['pending', { outcome: 'applied', inForce: 5 }, 'applied', ''],
  [
    'pending',
    { outcome: 'rejected', refusal: 'expired', reason: 'expired an hour ago' },
    'rejected',
    'expired an hour ago',
  ],
  ['pending', { outcome: 'rejected', refusal: 'bad-signature' }, 'rejected', 'bad-signature'],
  ['received', { outcome: 'received' }, 'received', ''],
  ['received', { outcome: 'applied', inForce: 5 }, 'applied', ''],
  ['received', { outcome: 'rejected', refusal: 'not-applicable', reason: 'no' }, 'rejected', 'no'],
  // A message that came late, or a second time.
  ['applied', { outcome: 'received' }, 'applied', ''],
  ['applied', { outcome: 'applied', inForce: 5 }, 'applied', ''],
  ['rejected', { outcome: 'received' }, 'rejected', ''],
  ['reverted', { outcome: 'received' }, 'reverted', ''],
  // It got the version again that it has.
  ['applied', { outcome: 'rejected', refusal: 'older-version', inForce: 5 }, 'applied', ''],
  ['pending', { outcome: 'rejected', refusal: 'older-version', inForce: 5 }, 'applied', ''],
  // It got a version that a newer one has replaced.
  ['applied', { outcome: 'rejected', refusal: 'older-version', inForce: 6 }, 'applied', ''],
  ['pending', { outcome: 'rejected', refusal: 'older-version', reason: 'have 6', inForce: 6 }, 'rejected', 'have 6'],
  ['applied', { outcome: 'reverted', refusal: 'tunnel-lost', reason: 'tunnel lost' }, 'reverted', 'tunnel lost'],
  ['reverted', { outcome: 'applied', inForce: 5 }, 'applied', ''],
  ['rejected', { outcome: 'applied', inForce: 5 }, 'applied', ''],
])('%s, then %j: %s', (state, parts, expected, reason) => {
  const before = { state, reason: '' };
  expect(afterAck(before, ack(parts))).toEqual({ state: expected, reason });
});

test('nothing new is the very same object', () => {
  const applied = { state: 'applied', reason: '' } as const;
  expect(afterAck(applied, ack({ outcome: 'applied', inForce: 5 }))).toBe(applied);
  const rejected = { state: 'rejected', reason: 'no' } as const;
  expect(afterAck(rejected, ack({ outcome: 'rejected', reason: 'no' }))).toBe(rejected);
});

test('a vehicle that decided has settled', () => {
  const settled = (['none', 'pending', 'received', 'applied', 'rejected', 'reverted'] as const).filter(isSettled);
  expect(settled).toEqual(['applied', 'rejected', 'reverted']);
});
