import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeadlineQueue } from './deadline-queue.js';
import type { Peer } from './peer.js';

/** The two things that the queue knows of a peer. */
const fakePeer = (deadlineUs: number) => ({ deadlineUs, queuePlace: -1 });
const asPeer = (fake: ReturnType<typeof fakePeer>) => fake as unknown as Peer;

describe('the queue of deadlines', () => {
  it('hands out everybody who is due and nobody else, like a plain list', () => {
    const action = fc.tuple(fc.constantFrom('set', 'remove', 'pass'), fc.nat(19), fc.nat(1000));
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const queue = new DeadlineQueue();
        const peers = Array.from({ length: 20 }, () => fakePeer(Number.POSITIVE_INFINITY));
        let nowUs = 0;
        for (const [what, index, by] of actions) {
          const peer = peers[index];
          if (what === 'set') {
            peer.deadlineUs = nowUs + 1 + by;
            queue.update(asPeer(peer));
          } else if (what === 'remove') {
            peer.deadlineUs = Number.POSITIVE_INFINITY;
            queue.remove(asPeer(peer));
          } else {
            nowUs += by;
            const expected = peers.filter((one) => one.deadlineUs <= nowUs);
            const found: unknown[] = [];
            for (let due = queue.due(nowUs); due !== undefined; due = queue.due(nowUs)) {
              found.push(due);
              (due as unknown as { deadlineUs: number }).deadlineUs = nowUs + 500;
              queue.served(due);
            }
            expect(new Set(found)).toEqual(new Set(expected));
            expect(found).toHaveLength(expected.length);
          }
          // It may wake the host too early, never too late.
          expect(queue.nextUs()).toBeLessThanOrEqual(Math.min(...peers.map((one) => one.deadlineUs)));
        }
      }),
    );
  });
});
