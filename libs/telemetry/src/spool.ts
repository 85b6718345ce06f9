import {
  MAX_RECORDS_PER_BATCH,
  type MetricFrame,
  type TelemetryAck,
  type TelemetryBatch,
  type TelemetryRecord,
  type VehicleEvent,
} from '@corridor/contracts';
import { Queue } from './queue.js';

export interface SpoolOptions {
  /** Counts the starts of this agent, from 1. */
  readonly session: number;
  /** Records kept at most; default an hour of frames. */
  readonly capacity?: number;
  /** Records sent and not acknowledged at most; default four full batches. */
  readonly window?: number;
}

const CAPACITY = 3_600;
const WINDOW = 4 * MAX_RECORDS_PER_BATCH;
/** Acknowledgements come every few seconds while the gateway can commit. Doubles while none come, milliseconds. */
export const RESEND_AFTER_MS = { first: 10_000, most: 60_000 } as const;

/**
 * The agent's side of telemetry: keeps records until the gateway says that they are committed. Pure: it neither sends
 * nor reads a clock. Drive it so:
 *
 *     spool.frame(frame, monoMs)                   each second, connected or not
 *     spool.event(event, monoMs)                   as they come
 *     spool.connected()                            after each (re)connect
 *     while ((batch = spool.next(monoMs))) publish(batch)   while connected: after each of the above, and each second
 *     spool.acknowledged(ack)                      on `…/telemetry/ack`
 *
 * Times are milliseconds of one monotonic clock. Delivery is by going back: after a reconnect or a request, all from the
 * oldest unacknowledged record is sent again, and the gateway drops what it has. After a silence one batch asks.
 */
export class Spool {
  readonly session: number;
  readonly #capacity: number;
  readonly #window: number;
  // Apart, because frames give way first when there is no more room; both are in the order of their numbers.
  readonly #frames = new Queue<TelemetryRecord>();
  readonly #events = new Queue<TelemetryRecord>();
  #lastSeq = 0;
  #acknowledged = 0;
  /** Everything to here was sent since the last going back. */
  #sent = 0;
  #dropped = 0;
  #silentSinceMs: number | undefined;
  #resendAfterMs: number = RESEND_AFTER_MS.first;

  constructor({ session, capacity = CAPACITY, window = WINDOW }: SpoolOptions) {
    this.session = session;
    this.#capacity = capacity;
    this.#window = window;
  }

  frame(frame: MetricFrame, monoMs: number): void {
    this.#frames.push({ seq: this.#number(), monoMs, frame });
  }

  event(event: VehicleEvent, monoMs: number): void {
    this.#events.push({ seq: this.#number(), monoMs, event });
  }

  /** Records kept, records that had to go because there was no more room, and records of this session in all. */
  get figures(): { readonly held: number; readonly dropped: number; readonly numbered: number } {
    return { held: this.#held, dropped: this.#dropped, numbered: this.#lastSeq };
  }

  /** A connection was made: what was under way on the last one may be lost. */
  connected(): void {
    this.#goBack(this.#acknowledged);
  }

  acknowledged({ session, seq, resend }: TelemetryAck): void {
    if (session !== this.session || seq > this.#lastSeq) return;
    if (seq > this.#acknowledged) {
      this.#acknowledged = seq;
      this.#sent = Math.max(this.#sent, seq);
      this.#silentSinceMs = undefined;
      this.#resendAfterMs = RESEND_AFTER_MS.first;
      this.#forget(this.#frames);
      this.#forget(this.#events);
    }
    if (resend) this.#goBack(Math.max(seq, this.#acknowledged));
  }

  /**
   * The next batch to send, or undefined when everything was sent or too much is unacknowledged.
   *
   * @param nowMs the clock of the records' `monoMs`
   */
  next(nowMs: number): TelemetryBatch | undefined {
    if (this.#isSilent(nowMs)) return this.#probe(nowMs);
    const batch = this.#batchAfter(this.#sent, nowMs);
    if (batch === undefined) return undefined;
    this.#sent = batch.records.at(-1)!.seq;
    this.#silentSinceMs ??= nowMs;
    return batch;
  }

  #batchAfter(seq: number, nowMs: number): TelemetryBatch | undefined {
    let [f, e] = [firstAfter(this.#frames, seq), firstAfter(this.#events, seq)];
    // Before the first to be sent lie f frames and e events, which are held but under way: the window.
    const room = Math.min(MAX_RECORDS_PER_BATCH, this.#window - f - e);
    const previousSeq = Math.max(this.#frames.at(f - 1)?.seq ?? 0, this.#events.at(e - 1)?.seq ?? 0);
    const records: TelemetryRecord[] = [];
    while (records.length < room) {
      const [frame, event] = [this.#frames.at(f), this.#events.at(e)];
      const next = earlier(frame, event);
      if (next === undefined) break;
      records.push(next);
      if (next === frame) f += 1;
      else e += 1;
    }
    if (records.length === 0) return undefined;
    return { kind: 'telemetry-batch', v: 1, session: this.session, sentMonoMs: nowMs, previousSeq, records };
  }

  /**
   * The oldest batch once more, and only that: the gateway answers with an acknowledgement or with a request for the rest.
   * To send everything again is what an overloaded gateway would not survive.
   */
  #probe(nowMs: number): TelemetryBatch | undefined {
    this.#silentSinceMs = nowMs;
    this.#resendAfterMs = Math.min(2 * this.#resendAfterMs, RESEND_AFTER_MS.most);
    return this.#batchAfter(this.#acknowledged, nowMs);
  }

  get #held(): number {
    return this.#frames.length + this.#events.length;
  }

  #number(): number {
    if (this.#held >= this.#capacity) {
      if (this.#frames.shift() === undefined) this.#events.shift();
      this.#dropped += 1;
    }
    this.#lastSeq += 1;
    return this.#lastSeq;
  }

  #forget(queue: Queue<TelemetryRecord>): void {
    for (let first = queue.at(0); first !== undefined && first.seq <= this.#acknowledged; first = queue.at(0))
      queue.shift();
  }

  #goBack(seq: number): void {
    this.#sent = seq;
    this.#silentSinceMs = undefined;
  }

  #isSilent(nowMs: number): boolean {
    if (this.#sent <= this.#acknowledged || this.#held === 0) return false;
    this.#silentSinceMs ??= nowMs;
    return nowMs - this.#silentSinceMs >= this.#resendAfterMs;
  }
}

/** Index of the first record with a number above `seq`; the queue's length when there is none. */
function firstAfter(queue: Queue<TelemetryRecord>, seq: number): number {
  let [low, high] = [0, queue.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (queue.at(middle)!.seq > seq) high = middle;
    else low = middle + 1;
  }
  return low;
}

function earlier(a: TelemetryRecord | undefined, b: TelemetryRecord | undefined): TelemetryRecord | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.seq < b.seq ? a : b;
}
