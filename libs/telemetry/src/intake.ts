import type { TelemetryAck, TelemetryBatch, TelemetryRecord } from '@corridor/contracts';

/** Up to where the records of one device are in the database. */
export interface Cursor {
  readonly session: number;
  readonly seq: number;
}

export interface Taken {
  /** New records, in order: write them together with `cursor`, then call `committed(cursor)`. Empty: nothing to write. */
  readonly records: readonly TelemetryRecord[];
  /** Where the device stands when `records` are written. */
  readonly cursor: Cursor;
  /** To be sent now: asks for what is missing, or repeats an acknowledgement that seems to be lost. */
  readonly answer: TelemetryAck | undefined;
}

/**
 * The gateway's side of telemetry for one device: decides for each record whether it is new, a copy, or ahead of one that
 * is missing. Pure. Drive it so:
 *
 *     const intake = new Intake(cursor from the database, if any)
 *     const { records, cursor, answer } = intake.take(batch)
 *     …write records and cursor in one transaction…, then send intake.committed(cursor)
 *     intake.failed()   when they could not be written and will not be tried again
 *
 * Several batches may be taken before the first is committed.
 */
export class Intake {
  #taken: Cursor;
  #committed: Cursor;
  /** Where the last request to send again pointed to: one request a gap, as more batches are under way behind it. */
  #asked: Cursor | undefined;

  constructor(cursor: Cursor = { session: 0, seq: 0 }) {
    this.#taken = cursor;
    this.#committed = cursor;
  }

  take(batch: TelemetryBatch): Taken {
    if (batch.session < this.#taken.session) return this.#nothing(undefined); // of a run of the agent that has ended
    if (batch.session > this.#taken.session) this.#taken = { session: batch.session, seq: 0 };
    const { session, seq: last } = this.#taken;
    const first = batch.records[0]!.seq;
    // Between `previousSeq` and the first record, as between two records of a batch, there is nothing left at the agent.
    if (first > last + 1 && batch.previousSeq > last) return this.#nothing(this.#ask());
    const records = ascending(batch.records.filter((record) => record.seq > last));
    if (records.length === 0) return this.#nothing(this.#acknowledgement(false));
    this.#taken = { session, seq: records.at(-1)!.seq };
    this.#asked = undefined;
    return { records, cursor: this.#taken, answer: undefined };
  }

  /** Everything to `cursor` is in the database. Answers the acknowledgement to send. */
  committed(cursor: Cursor): TelemetryAck {
    if (isAfter(cursor, this.#committed)) this.#committed = cursor;
    return this.#acknowledgement(false) ?? { kind: 'telemetry-ack', v: 1, ...this.#committed, resend: false };
  }

  /** What was taken and not committed is lost here: the agent still has it. Answers the request to send it again. */
  failed(): TelemetryAck | undefined {
    const { session } = this.#taken;
    this.#taken = this.#committed.session === session ? this.#committed : { session, seq: 0 };
    this.#asked = undefined;
    return this.#ask();
  }

  #nothing(answer: TelemetryAck | undefined): Taken {
    return { records: [], cursor: this.#taken, answer };
  }

  #ask(): TelemetryAck | undefined {
    const { session, seq } = this.#taken;
    if (this.#asked?.session === session && this.#asked.seq === seq) return undefined;
    this.#asked = this.#taken;
    return {
      kind: 'telemetry-ack',
      v: 1,
      session,
      seq: this.#committed.session === session ? this.#committed.seq : 0,
      resend: true,
    };
  }

  /** Of the session that the agent is in; undefined while nothing of it is committed. */
  #acknowledgement(resend: boolean): TelemetryAck | undefined {
    const { session, seq } = this.#committed;
    return session === this.#taken.session ? { kind: 'telemetry-ack', v: 1, session, seq, resend } : undefined;
  }
}

function isAfter(a: Cursor, b: Cursor): boolean {
  return a.session > b.session || (a.session === b.session && a.seq > b.seq);
}

/** Without what does not ascend: an agent that numbers wrongly must not make a transaction fail for all others. */
function ascending(records: readonly TelemetryRecord[]): TelemetryRecord[] {
  let last = 0;
  return records.filter((record) => {
    const follows = record.seq > last;
    if (follows) last = record.seq;
    return follows;
  });
}
