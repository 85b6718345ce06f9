import { MAX_RECORDS_PER_BATCH, type MetricFrame, type TelemetryAck, type VehicleEvent } from '@corridor/contracts';
import { describe, expect, it } from 'vitest';
import { RESEND_AFTER_MS, Spool } from './spool.js';

const FRAME = { kind: 'metric-frame', v: 1 } as unknown as MetricFrame;
const EVENT = { kind: 'event', v: 1, type: 'agent', reason: 'x' } as VehicleEvent;

function filled(count: number, options: { capacity?: number; window?: number } = {}): Spool {
  const spool = new Spool({ session: 1, ...options });
  for (let index = 0; index < count; index += 1) spool.frame(FRAME, index);
  return spool;
}

function sent(spool: Spool, nowMs = 0): number[] {
  const all: number[] = [];
  for (let batch = spool.next(nowMs); batch; batch = spool.next(nowMs))
    all.push(...batch.records.map(({ seq }) => seq));
  return all;
}

function ack(seq: number, resend = false, session = 1): TelemetryAck {
  return { kind: 'telemetry-ack', v: 1, session, seq, resend };
}

const upTo = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('the spool', () => {
  it('numbers frames and events from one, in the order in which they came', () => {
    const spool = new Spool({ session: 9 });
    spool.frame(FRAME, 1000);
    spool.event(EVENT, 1200);
    spool.frame(FRAME, 2000);
    expect(spool.next(2005)).toEqual({
      kind: 'telemetry-batch',
      v: 1,
      session: 9,
      sentMonoMs: 2005,
      previousSeq: 0,
      records: [
        { seq: 1, monoMs: 1000, frame: FRAME },
        { seq: 2, monoMs: 1200, event: EVENT },
        { seq: 3, monoMs: 2000, frame: FRAME },
      ],
    });
    expect(spool.next(2006)).toBeUndefined();
  });

  it('sends batches of a bounded size and keeps a bounded number under way', () => {
    const spool = filled(700);
    expect(spool.next(0)!.records).toHaveLength(MAX_RECORDS_PER_BATCH);
    sent(spool);
    expect(sent(spool)).toEqual([]);
    spool.acknowledged(ack(100));
    expect(sent(spool)).toEqual(upTo(481, 580));
  });

  it('forgets what is acknowledged and nothing else', () => {
    const spool = filled(5);
    sent(spool);
    spool.acknowledged(ack(3));
    expect(spool.figures).toEqual({ held: 2, dropped: 0, numbered: 5 });
    spool.acknowledged(ack(2));
    spool.acknowledged(ack(6));
    spool.acknowledged(ack(5, false, 2));
    expect(spool.figures.held).toBe(2);
  });

  it.each<[string, (spool: Spool) => void]>([
    ['a reconnect', (spool) => spool.connected()],
    ['a request', (spool) => spool.acknowledged(ack(2, true))],
  ])('goes back to the oldest unacknowledged record after %s', (_what, act) => {
    const spool = filled(6);
    sent(spool);
    spool.acknowledged(ack(2));
    expect(sent(spool)).toEqual([]);
    act(spool);
    expect(sent(spool)).toEqual(upTo(3, 6));
  });

  it('asks with the oldest batch when acknowledgements stay away, more slowly each time', () => {
    const spool = filled(300);
    sent(spool, 0);
    const asked: [number, number[]][] = [];
    for (let nowMs = 500; nowMs <= 140_000; nowMs += 500) {
      const seqs = sent(spool, nowMs);
      if (seqs.length > 0) asked.push([nowMs, seqs]);
    }
    expect(asked.map(([nowMs]) => nowMs)).toEqual([10_000, 30_000, 70_000, 130_000]);
    for (const [, seqs] of asked) expect(seqs).toEqual(upTo(1, MAX_RECORDS_PER_BATCH));
    expect(RESEND_AFTER_MS).toEqual({ first: 10_000, most: 60_000 });
  });

  it('asks soon again after the next silence when one has ended', () => {
    const spool = filled(4);
    sent(spool, 0);
    expect(sent(spool, 10_000)).toEqual(upTo(1, 4));
    spool.acknowledged(ack(2));
    expect(sent(spool, 11_000)).toEqual([]);
    expect(sent(spool, 21_000)).toEqual([3, 4]);
  });

  it('lets the oldest frames go when it is full, and events last', () => {
    const spool = new Spool({ session: 1, capacity: 4 });
    spool.event(EVENT, 0);
    for (let index = 0; index < 6; index += 1) spool.frame(FRAME, index);
    expect(spool.figures).toEqual({ held: 4, dropped: 3, numbered: 7 });
    expect(sent(spool)).toEqual([1, 5, 6, 7]);
    for (let index = 0; index < 4; index += 1) spool.event(EVENT, index);
    spool.connected();
    expect(sent(spool)).toEqual([8, 9, 10, 11]);
  });

  it('says of each batch which held record lies before it', () => {
    const spool = filled(2, { window: 10 });
    sent(spool);
    spool.frame(FRAME, 3);
    expect(spool.next(0)).toMatchObject({ previousSeq: 2, records: [{ seq: 3 }] });
    spool.acknowledged(ack(3));
    spool.frame(FRAME, 4);
    expect(spool.next(0)).toMatchObject({ previousSeq: 0, records: [{ seq: 4 }] });
  });
});
