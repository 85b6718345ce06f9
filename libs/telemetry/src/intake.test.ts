import type { MetricFrame, TelemetryBatch } from '@corridor/contracts';
import { describe, expect, it } from 'vitest';
import { Intake } from './intake.js';

const FRAME = { kind: 'metric-frame', v: 1 } as unknown as MetricFrame;

function batch(session: number, previousSeq: number, ...seqs: number[]): TelemetryBatch {
  const records = seqs.map((seq) => ({ seq, monoMs: seq, frame: FRAME }));
  return { kind: 'telemetry-batch', v: 1, session, sentMonoMs: 1e6, previousSeq, records };
}

function numbers(taken: ReturnType<Intake['take']>): number[] {
  return taken.records.map(({ seq }) => seq);
}

describe('the intake', () => {
  it('takes what follows and acknowledges it after the commit', () => {
    const intake = new Intake();
    const taken = intake.take(batch(1, 0, 1, 2));
    expect(numbers(taken)).toEqual([1, 2]);
    expect(taken).toMatchObject({ cursor: { session: 1, seq: 2 }, answer: undefined });
    expect(intake.committed(taken.cursor)).toEqual({
      kind: 'telemetry-ack',
      v: 1,
      session: 1,
      seq: 2,
      resend: false,
    });
  });

  it('ignores copies and repeats the acknowledgement, which may be lost', () => {
    const intake = new Intake({ session: 1, seq: 5 });
    expect(intake.take(batch(1, 0, 4, 5))).toMatchObject({ records: [], answer: { seq: 5, resend: false } });
    expect(numbers(intake.take(batch(1, 4, 5, 6)))).toEqual([6]);
  });

  it('asks once for what is missing, and again when it came and something else is missing', () => {
    const intake = new Intake({ session: 1, seq: 5 });
    expect(intake.take(batch(1, 6, 7))).toMatchObject({ records: [], answer: { seq: 5, resend: true } });
    expect(intake.take(batch(1, 7, 8)).answer).toBeUndefined();
    expect(numbers(intake.take(batch(1, 0, 6, 7, 8)))).toEqual([6, 7, 8]);
    expect(intake.take(batch(1, 9, 10)).answer).toMatchObject({ resend: true });
  });

  it('takes a batch behind a gap that nobody can fill', () => {
    const intake = new Intake({ session: 1, seq: 5 });
    expect(numbers(intake.take(batch(1, 0, 90, 95)))).toEqual([90, 95]);
    expect(numbers(intake.take(batch(1, 95, 97)))).toEqual([97]);
  });

  it('begins anew with each run of the agent, and ignores what an earlier one left', () => {
    const intake = new Intake({ session: 3, seq: 500 });
    expect(numbers(intake.take(batch(4, 0, 1)))).toEqual([1]);
    expect(intake.take(batch(3, 0, 501))).toMatchObject({ records: [], answer: undefined });
  });

  it('goes back to what is committed when a write was given up', () => {
    const intake = new Intake({ session: 1, seq: 5 });
    intake.take(batch(1, 0, 6));
    intake.take(batch(1, 6, 7));
    expect(intake.failed()).toMatchObject({ seq: 5, resend: true });
    expect(numbers(intake.take(batch(1, 0, 6, 7)))).toEqual([6, 7]);
  });

  it('acknowledges the newest commit when two end in the wrong order', () => {
    const intake = new Intake();
    const [first, second] = [intake.take(batch(1, 0, 1)), intake.take(batch(1, 1, 2))];
    expect(intake.committed(second.cursor).seq).toBe(2);
    expect(intake.committed(first.cursor).seq).toBe(2);
  });

  it('takes only what ascends from an agent that numbers wrongly', () => {
    expect(numbers(new Intake().take(batch(1, 0, 3, 3, 2, 5)))).toEqual([3, 5]);
  });
});
