import type { PolicyAck, PolicyState } from '@corridor/contracts';

/** What is known about one issued version. */
export interface Settlement {
  readonly state: PolicyState;
  /** One sentence; empty while there is nothing to explain. */
  readonly reason: string;
}

/** The vehicle has decided: nothing more is expected of it. */
export function isSettled(state: PolicyState): boolean {
  return state === 'applied' || state === 'rejected' || state === 'reverted';
}

/**
 * What a version is after the vehicle spoke of it; the same object when nothing changes. The newest word counts, with two
 * exceptions, as messages are delivered at least once: "received" takes back no decision, and "older than what I have"
 * about the version that it has is no rejection.
 */
export function afterAck(before: Settlement, ack: PolicyAck): Settlement {
  const { outcome, refusal, version, inForce } = ack;
  if (outcome === 'received') return before.state === 'pending' ? { state: 'received', reason: '' } : before;
  if (outcome === 'applied') return changed(before, 'applied', '');
  if (outcome === 'rejected' && refusal === 'older-version') {
    if (version === inForce) return changed(before, 'applied', '');
    if (isSettled(before.state)) return before;
  }
  return changed(before, outcome, ack.reason || (refusal ?? ''));
}

function changed(before: Settlement, state: PolicyState, reason: string): Settlement {
  return before.state === state && before.reason === reason ? before : { state, reason };
}
