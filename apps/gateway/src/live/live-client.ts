import type { Missed, OrganisationFeed, Update } from './organisation-feed.js';

/** What of a WebSocket is needed; `ws` has it. */
export interface Socket {
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number;
  send(data: string | Buffer, options: { readonly binary: false; readonly fin: boolean }): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

/** A client with more than this in its buffer gets nothing until the buffer is nearly empty. Bytes. */
const BEHIND_BYTES = 512 * 1024;
const CAUGHT_UP_BYTES = 32 * 1024;
/** Beyond these a new snapshot is shorter than what was missed, or nearly so. */
const MERGE_SHARE = 0.5;
const MERGE_EVENTS = 50;
/** A client whose buffer does not shrink for so long is gone. Milliseconds. */
const STUCK_MS = 30_000;
const RESYNC_MS = 1_000;

/**
 * One browser on the feed. Nothing piles up for it: while it does not keep up, only the names of what it missed are noted,
 * and it goes on with one merged diff, or with a new snapshot. Each of its messages has the next number.
 */
export class LiveClient {
  readonly #socket: Socket;
  readonly #feed: OrganisationFeed;
  #seq = 0;
  #missed: { added: Set<string>; changed: Set<string>; removed: Set<string>; events: string[] } | undefined;
  #lowest = 0;
  #shrankMs = 0;
  #snapshotMs = Number.NEGATIVE_INFINITY;
  #answered = true;

  constructor(socket: Socket, feed: OrganisationFeed) {
    this.#socket = socket;
    this.#feed = feed;
  }

  /** It does not keep up. */
  get behind(): boolean {
    return this.#missed !== undefined;
  }

  /** @param body of {@link OrganisationFeed.snapshot}, if the caller has it already */
  snapshot(nowMs: number, body = Buffer.from(`${this.#feed.snapshot()}}`)): void {
    this.#missed = undefined;
    this.#snapshotMs = nowMs;
    this.#send('live-snapshot', nowMs, body);
  }

  /** It says that it missed something. A client that asks all the time gets one a second. */
  resync(nowMs: number): void {
    if (nowMs - this.#snapshotMs >= RESYNC_MS) this.snapshot(nowMs);
  }

  /** @param body of the update, shared by all clients, with the closing brace of the document */
  update(update: Update, body: Buffer, nowMs: number): void {
    if (this.#missed) this.#miss(update);
    else if (this.#socket.bufferedAmount > BEHIND_BYTES) this.#fallBehind(update, nowMs);
    else this.#send('live-diff', nowMs, body);
    if (this.#missed) this.#catchUp(nowMs);
  }

  /** Called at intervals. Answers false when the last ping was not answered: the client is gone. */
  ping(): boolean {
    if (!this.#answered) return false;
    this.#answered = false;
    this.#socket.ping();
    return true;
  }

  pong(): void {
    this.#answered = true;
  }

  /** Whether it is stuck: behind, and its buffer has not shrunk for half a minute. */
  stuck(nowMs: number): boolean {
    return this.#missed !== undefined && nowMs - this.#shrankMs >= STUCK_MS;
  }

  #fallBehind(update: Update, nowMs: number): void {
    this.#missed = { added: new Set(), changed: new Set(), removed: new Set(), events: [] };
    this.#lowest = this.#socket.bufferedAmount;
    this.#shrankMs = nowMs;
    this.#miss(update);
  }

  #miss({ added, changed, removed, events }: Update): void {
    const missed = this.#missed!;
    for (const id of added) {
      // Gone and back: for this client it changed.
      if (missed.removed.delete(id)) missed.changed.add(id);
      else missed.added.add(id);
    }
    for (const id of changed) if (!missed.added.has(id)) missed.changed.add(id);
    for (const id of removed) {
      missed.changed.delete(id);
      if (!missed.added.delete(id)) missed.removed.add(id);
    }
    // Enough to know that a snapshot is due.
    if (missed.events.length <= MERGE_EVENTS) missed.events.push(...events);
  }

  #catchUp(nowMs: number): void {
    const waiting = this.#socket.bufferedAmount;
    if (waiting < this.#lowest) {
      this.#lowest = waiting;
      this.#shrankMs = nowMs;
    }
    if (waiting > CAUGHT_UP_BYTES) return;
    const missed = this.#missed!;
    this.#missed = undefined;
    if (tooMuch(missed, this.#feed.size)) this.snapshot(nowMs);
    else this.#send('live-diff', nowMs, Buffer.from(`${this.#feed.merged(missed)}}`));
  }

  /** In two frames of one message: the head is this client's own, the body is not copied for it. */
  #send(kind: string, nowMs: number, body: Buffer): void {
    const now = new Date(nowMs).toISOString();
    this.#socket.send(`{"kind":"${kind}","v":1,"seq":${this.#seq},"now":"${now}",`, { binary: false, fin: false });
    this.#socket.send(body, { binary: false, fin: true });
    this.#seq++;
  }
}

function tooMuch({ added, changed, events }: Missed, size: number): boolean {
  return added.size + changed.size > Math.max(10, size * MERGE_SHARE) || events.length > MERGE_EVENTS;
}
