import type { RecordedEvent } from '@corridor/contracts';
import { Logger } from '@nestjs/common';
import {
  type CursorMove,
  CursorMovedError,
  type FrameRow,
  type TelemetryWrite,
} from '../store/telemetry-repository.js';
import { isUnavailable } from '../store/unavailable.js';
import { lastLine } from './last-line.js';
import { DAY_MS, withoutUnstorable } from './storable.js';

/** Rows of one origin that belong together: a device's with its cursor, or the gateway's own. */
export interface WriteEntry {
  readonly frames: readonly FrameRow[];
  readonly events: readonly RecordedEvent[];
  /** null: the gateway's own rows, which nobody else keeps. */
  readonly cursor: CursorMove | null;
}

export interface WriterOptions {
  readonly write: (write: TelemetryWrite) => Promise<void>;
  /** Sees to it that rows of that day can be written. */
  readonly ensureDay: (ms: number) => Promise<void>;
  readonly nowMs: () => number;
  readonly retentionDays: number;
  /** The rows of a device are in the database, up to `cursor`. */
  readonly onCommitted: (cursor: CursorMove) => void;
  /**
   * The database does not answer, or knows of more than this gateway: rows of devices that waited are dropped, as the devices keep them, and none are taken until
   * {@link TelemetryWriter.open}.
   */
  readonly onLost: (error: Error) => void;
}

/** Rows that may wait: ten seconds of a thousand vehicles, some 30 MB. */
const MOST_WAITING = 20_000;
const MOST_AT_ONCE = 2_000;
const FLUSH_MS = 500;

/**
 * Collects rows and writes them by the hundred. What waits is bounded: a device is refused when there is no room and keeps
 * its records; of the gateway's own frames the oldest go.
 */
export class TelemetryWriter {
  readonly #log = new Logger('telemetry');
  readonly #options: WriterOptions;
  readonly #days = new Set<number>();
  #entries: WriteEntry[] = [];
  #rows = 0;
  #timer: NodeJS.Timeout | undefined;
  #flushing: Promise<void> | undefined;
  #open = false;
  #closing = false;
  /** Rows that were not kept: too old, or for want of room. */
  dropped = 0;
  written = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Rows that wait. */
  get waiting(): number {
    return this.#rows;
  }

  /** Whether a device's records may be taken now. */
  get accepts(): boolean {
    return this.#open && this.#rows < MOST_WAITING;
  }

  /** The database answers, and the caller knows every cursor. */
  open(): void {
    if (this.#closing) return;
    this.#open = true;
    this.#schedule(0);
  }

  /** @param entry of a device only while {@link accepts} */
  add(entry: WriteEntry): void {
    this.#entries.push(entry);
    this.#rows += rowsOf(entry);
    if (this.#rows > MOST_WAITING && entry.cursor === null) this.#makeRoom();
    this.#schedule(this.#rows >= MOST_AT_ONCE ? 0 : FLUSH_MS);
  }

  /** Writes what waits, if the database answers, and takes nothing more. */
  async close(): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#timer);
    await this.#flushing;
    while (this.#open && this.#entries.length > 0) await this.#flush();
    this.#open = false;
  }

  /** A database away for hours: the newest of the gateway's own rows are worth more than the oldest. */
  #makeRoom(): void {
    const at = this.#entries.findIndex(({ cursor }) => cursor === null);
    const [entry] = this.#entries.splice(at, 1);
    if (!entry) return;
    this.#rows -= rowsOf(entry);
    this.dropped += rowsOf(entry);
  }

  #schedule(delayMs: number): void {
    if (!this.#open || this.#closing || this.#flushing || this.#entries.length === 0) return;
    if (this.#timer && delayMs > 0) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#flushing = this.#flush().finally(() => {
        this.#flushing = undefined;
        this.#schedule(this.#rows >= MOST_AT_ONCE ? 0 : FLUSH_MS);
      });
    }, delayMs);
  }

  async #flush(): Promise<void> {
    const entries = this.#take();
    try {
      await this.#write(entries);
    } catch (error) {
      if (mustReread(error)) this.#lost(entries, error as Error);
      else await this.#writeApart(entries, error as Error);
    }
  }

  #take(): WriteEntry[] {
    let count = 0;
    for (let rows = 0; count < this.#entries.length && rows < MOST_AT_ONCE; count++)
      rows += rowsOf(this.#entries[count]!);
    const taken = this.#entries.splice(0, count);
    for (const entry of taken) this.#rows -= rowsOf(entry);
    return taken;
  }

  async #write(entries: readonly WriteEntry[]): Promise<void> {
    const write = await this.#joined(entries);
    if (write.frames.length + write.events.length + write.cursors.length > 0) await this.#options.write(write);
    this.written += write.frames.length + write.events.length;
    for (const cursor of write.cursors) this.#options.onCommitted(cursor);
  }

  /** One write of many entries: the last cursor of each device, and no row that retention would drop at once. */
  async #joined(entries: readonly WriteEntry[]): Promise<TelemetryWrite> {
    const { nowMs, retentionDays } = this.#options;
    const oldestMs = nowMs() - retentionDays * DAY_MS;
    const all = entries.flatMap(({ frames }) => frames);
    const frames = all.filter(({ atMs }) => atMs > oldestMs);
    const events = entries.flatMap(({ events }) => events).filter(({ at }) => Date.parse(at) > oldestMs);
    this.dropped += all.length - frames.length;
    for (const { atMs } of frames) await this.#ensureDay(atMs);
    for (const { at } of events) await this.#ensureDay(Date.parse(at));
    const cursors = new Map<string, CursorMove>();
    for (const { cursor } of entries) {
      if (cursor) cursors.set(cursor.deviceId, { ...cursor, from: cursors.get(cursor.deviceId)?.from ?? cursor.from });
    }
    return { frames, events, cursors: [...cursors.values()] };
  }

  async #ensureDay(ms: number): Promise<void> {
    const day = Math.floor(ms / DAY_MS);
    if (this.#days.has(day)) return;
    await this.#options.ensureDay(ms);
    this.#days.add(day);
    if (this.#days.size > this.#options.retentionDays + 2) this.#days.delete(Math.min(...this.#days));
  }

  /** Something in these rows cannot be stored: entries are written one by one, so that only the culprit's are lost. */
  async #writeApart(entries: readonly WriteEntry[], reason: Error): Promise<void> {
    this.#log.warn(`some rows cannot be written as they are: ${lastLine(reason)}`);
    // A partition that was thought to be there may be gone.
    this.#days.clear();
    for (const [index, entry] of entries.entries()) {
      try {
        await this.#write([withoutUnstorable(entry)]);
      } catch (error) {
        if (mustReread(error)) return this.#lost(entries.slice(index), error as Error);
        await this.#giveUp(entry, error as Error);
      }
    }
  }

  /** The cursor moves all the same: the device would send the same rows for ever. */
  async #giveUp(entry: WriteEntry, error: Error): Promise<void> {
    this.dropped += rowsOf(entry);
    this.#log.error(`${rowsOf(entry)} rows are lost, they cannot be stored: ${lastLine(error)}`);
    if (entry.cursor) await this.#write([{ frames: [], events: [], cursor: entry.cursor }]).catch(() => undefined);
  }

  #lost(entries: readonly WriteEntry[], error: Error): void {
    this.#open = false;
    const own = [...entries, ...this.#entries].filter(({ cursor }) => cursor === null);
    this.#entries = own;
    this.#rows = own.reduce((sum, entry) => sum + rowsOf(entry), 0);
    this.#options.onLost(error);
  }
}

/** What was written, or where cursors stand, is not known: only the database can say. */
function mustReread(error: unknown): boolean {
  return isUnavailable(error) || error instanceof CursorMovedError;
}

function rowsOf({ frames, events }: WriteEntry): number {
  // A cursor alone is work as well.
  return Math.max(1, frames.length + events.length);
}
