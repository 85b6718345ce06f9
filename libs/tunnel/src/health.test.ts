import { describe, expect, it } from 'vitest';
import { FLAP_LIMIT, PROOF_PROBES, PROOF_SPAN_US } from './constants.js';
import { type HealthInputs, nextHealth } from './health.js';

const calm: HealthInputs = {
  state: 'up',
  nowUs: 10_000_000,
  sinceUs: 9_900_000,
  overdueUs: -1,
  reportedSilent: false,
  answered: false,
  downAfterUs: 300_000,
  flaps: 0,
  proofs: 0,
  proofSpanUs: 0,
  provenBefore: true,
};

describe('the health ladder', () => {
  it.each<[string, Partial<HealthInputs>, string | undefined]>([
    ['up, nothing overdue', {}, undefined],
    ['up, the tail overdue to the microsecond', { overdueUs: 0 }, 'suspect'],
    ['up, silence reported', { reportedSilent: true }, 'suspect'],
    ['suspect, silent for 100 ms', { state: 'suspect', overdueUs: 100_000 }, undefined],
    ['suspect, silent for 300 ms', { state: 'suspect', sinceUs: 9_700_000 }, 'down'],
    ['suspect, answered', { state: 'suspect', answered: true }, 'up'],
    ['suspect, answered in the last moment', { state: 'suspect', sinceUs: 9_000_000, answered: true }, 'up'],
    ['suspect, answered, but once too often', { state: 'suspect', answered: true, flaps: FLAP_LIMIT }, 'gated'],
    ['down, silent', { state: 'down', overdueUs: 5_000_000 }, undefined],
    ['down, answered', { state: 'down', answered: true }, 'gated'],
    ['gated, not proven', { state: 'gated', proofs: PROOF_PROBES - 1, proofSpanUs: PROOF_SPAN_US }, undefined],
    ['gated, proven too quickly', { state: 'gated', proofs: 50, proofSpanUs: PROOF_SPAN_US - 1 }, undefined],
    ['gated, proven', { state: 'gated', proofs: PROOF_PROBES, proofSpanUs: PROOF_SPAN_US }, 'up'],
    ['gated and new, without an answer', { state: 'gated', provenBefore: false }, undefined],
    ['gated and new, with one answer', { state: 'gated', provenBefore: false, proofs: 1 }, 'up'],
    ['gated, silent a little', { state: 'gated', overdueUs: 100_000 }, undefined],
    [
      'gated, silent as long as it takes',
      { state: 'gated', overdueUs: 300_000, proofs: 9, proofSpanUs: PROOF_SPAN_US },
      'down',
    ],
  ])('%s', (_name, change, to) => {
    expect(nextHealth({ ...calm, ...change })?.to).toBe(to);
  });

  it('says why', () => {
    expect(nextHealth({ ...calm, state: 'suspect', sinceUs: 9_600_000 })?.reason).toBe('silent for 400 ms');
  });
});
