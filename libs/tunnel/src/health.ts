/**
 * The health ladder of a path, as a pure function: what is known goes in, the next state and its reason come out.
 *
 *   up ──silent──▶ suspect ──still silent──▶ down
 *    ▲               │  │                     │ any answer
 *    │◀──answers─────┘  └─too often─▶ gated ◀─┘
 *    └──────────────proven─────────────┘
 *
 * Suspect is cheap and quick to come and go: traffic moves to another path, the unacknowledged tail is sent again
 * there. Down and gated are sticky: a path has to prove itself with probes before it carries traffic again.
 */
import type { PathState } from '@corridor/strategy';
import { FLAP_LIMIT, PROOF_PROBES, PROOF_SPAN_US } from './constants.js';

export interface HealthInputs {
  readonly state: PathState;
  readonly nowUs: number;
  /** When the path came into this state. */
  readonly sinceUs: number;
  /** For how long the path's tail has been silent beyond what is to be expected; negative: not at all. */
  readonly overdueUs: number;
  /** The peer reported that the path, which should bring packets, brings none, and packets are missing. */
  readonly reportedSilent: boolean;
  /** Something sent at or after the moment that the state is about was acknowledged. */
  readonly answered: boolean;
  /** Silence after which a suspected path is down. */
  readonly downAfterUs: number;
  /** False suspicions in the recent past. */
  readonly flaps: number;
  /** While gated: answered probes, and the time between the first and the last of them. */
  readonly proofs: number;
  readonly proofSpanUs: number;
  /** The path has carried traffic before; a new one needs a single answer only. */
  readonly provenBefore: boolean;
}

export interface HealthVerdict {
  readonly to: PathState;
  readonly reason: string;
}

/** Answers the next state, or undefined to stay. */
export function nextHealth(inputs: HealthInputs): HealthVerdict | undefined {
  switch (inputs.state) {
    case 'up':
      if (inputs.reportedSilent) return { to: 'suspect', reason: 'the peer reports silence' };
      if (inputs.overdueUs >= 0) return { to: 'suspect', reason: 'no acknowledgement in time' };
      return undefined;
    case 'suspect':
      if (inputs.answered) {
        if (inputs.flaps >= FLAP_LIMIT) return { to: 'gated', reason: `${inputs.flaps} false alarms in a short time` };
        return { to: 'up', reason: 'answers again' };
      }
      if (inputs.nowUs - inputs.sinceUs >= inputs.downAfterUs) {
        return { to: 'down', reason: `silent for ${milliseconds(inputs.nowUs - inputs.sinceUs)}` };
      }
      return undefined;
    case 'gated':
      if (inputs.overdueUs >= inputs.downAfterUs) return { to: 'down', reason: 'silent while proving itself' };
      if (!inputs.provenBefore && inputs.proofs >= 1) return { to: 'up', reason: 'answers' };
      if (inputs.proofs >= PROOF_PROBES && inputs.proofSpanUs >= PROOF_SPAN_US) {
        return { to: 'up', reason: `proven by ${inputs.proofs} probes in ${milliseconds(inputs.proofSpanUs)}` };
      }
      return undefined;
    case 'down':
      return inputs.answered ? { to: 'gated', reason: 'answers, has to prove itself' } : undefined;
  }
}

function milliseconds(us: number): string {
  return `${Math.round(us / 1000)} ms`;
}
