import { LiveDiff, LiveSnapshot, readDocument } from '@corridor/contracts';
import { retryDelayMs } from './backoff.js';
import { applyDiff, type FleetState, fromSnapshot } from './reducer.js';

/** How the console hears from the gateway at the moment. Times are of the browser's monotonic clock, milliseconds. */
export type FeedStatus =
  | { readonly mode: 'connecting' }
  | { readonly mode: 'live' }
  /** Broken; the next try is at `retryAtMs`. */
  | { readonly mode: 'waiting'; readonly retryAtMs: number; readonly reason: string }
  /** WebSockets do not get through but REST does: asked for every `POLL_MS`. */
  | { readonly mode: 'polling'; readonly reason: string }
  /** The two ends speak different versions: only reloading the page helps. */
  | { readonly mode: 'refused'; readonly reason: string }
  | { readonly mode: 'off' };

export interface FeedView {
  readonly fleet: FleetState | null;
  readonly status: FeedStatus;
}

export interface SocketHandlers {
  readonly onMessage: (text: string) => void;
  readonly onClose: (reason: string) => void;
}

/** Everything that the feed needs from a browser; a test passes its own. */
export interface FeedIo {
  openSocket(handlers: SocketHandlers): { send(text: string): void; close(): void };
  /** The fleet by REST, as a snapshot whose `seq` means nothing. */
  poll(): Promise<LiveSnapshot>;
  /** Monotonic, milliseconds. */
  nowMs(): number;
  /** Answers a function that cancels. */
  after(ms: number, run: () => void): () => void;
  random(): number;
}

/** The gateway says something at least every 2 s; after this silence the connection counts as broken. */
export const SILENCE_MS = 6_000;
export const POLL_MS = 5_000;
/** Tries without a single message after which WebSockets count as blocked, when REST answers. */
const BLOCKED_AFTER = 2;
/** While it polls it tries a WebSocket this often. */
const RETRY_WHILE_POLLING_MS = 30_000;

/**
 * Keeps a `FleetState` up to date: snapshot and diffs over a WebSocket, a new snapshot after a gap, reconnection with
 * back-off, and REST where WebSockets are blocked. Tells `onChange` after each change; it draws nothing.
 */
export class FleetFeed {
  #view: FeedView = { fleet: null, status: { mode: 'off' } };
  #socket: { send(text: string): void; close(): void } | null = null;
  /** Counts connections, so that a late word of an old one is not taken for the new one's. */
  #generation = 0;
  #attempt = 0;
  #everHeard = false;
  #resyncing = false;
  #cancels = new Map<'silence' | 'retry' | 'poll', () => void>();

  constructor(
    private readonly io: FeedIo,
    private readonly onChange: () => void,
  ) {}

  get view(): FeedView {
    return this.#view;
  }

  start(): void {
    if (this.#view.status.mode !== 'off') return;
    this.#connect({ mode: 'connecting' });
  }

  /** Lets go of everything; the last state stays readable. */
  stop(): void {
    this.#drop();
    for (const name of this.#cancels.keys()) this.#cancel(name);
    this.#attempt = 0;
    this.#set({ ...this.#view, status: { mode: 'off' } });
  }

  /** Does not wait for the back-off: the operator asked, or the tab became visible again. */
  retryNow(): void {
    const { mode } = this.#view.status;
    if (mode === 'waiting' || mode === 'polling') this.#connect(mode === 'polling' ? this.#view.status : undefined);
  }

  #connect(status: FeedStatus = { mode: 'connecting' }): void {
    this.#drop();
    this.#cancel('retry');
    if (this.#view.status !== status) this.#set({ ...this.#view, status });
    const generation = ++this.#generation;
    this.#resyncing = false;
    this.#expectWord();
    this.#socket = this.io.openSocket({
      onMessage: (text) => generation === this.#generation && this.#hear(text),
      onClose: (reason) => generation === this.#generation && this.#broken(reason),
    });
  }

  #hear(text: string): void {
    this.#expectWord();
    const message = parsed(text);
    if ((message as { kind?: unknown } | null)?.kind === 'live-diff') this.#hearDiff(message);
    else this.#hearSnapshot(message);
  }

  #hearSnapshot(message: unknown): void {
    const snapshot = readDocument(LiveSnapshot, message);
    if (!snapshot.ok) {
      this.#refuse(snapshot.reason);
      return;
    }
    this.#attempt = 0;
    this.#everHeard = true;
    this.#resyncing = false;
    this.#cancel('poll');
    this.#set({ fleet: fromSnapshot(snapshot.value, this.io.nowMs()), status: { mode: 'live' } });
  }

  #hearDiff(message: unknown): void {
    const diff = readDocument(LiveDiff, message);
    if (!diff.ok) {
      this.#refuse(diff.reason);
      return;
    }
    if (this.#resyncing || this.#view.fleet === null || this.#view.status.mode !== 'live') return;
    const fleet = applyDiff(this.#view.fleet, diff.value, this.io.nowMs());
    if (fleet === 'gap') {
      this.#resyncing = true;
      this.#socket?.send(JSON.stringify({ kind: 'live-resync', v: 1 }));
    } else if (fleet !== this.#view.fleet) {
      this.#set({ ...this.#view, fleet });
    }
  }

  /** What does not parse will not parse after a reconnect either. */
  #refuse(reason: string): void {
    this.#drop();
    this.#cancel('silence');
    this.#set({ ...this.#view, status: { mode: 'refused', reason } });
  }

  #broken(reason: string): void {
    this.#drop();
    this.#cancel('silence');
    this.#attempt++;
    if (this.#view.status.mode === 'polling') {
      this.#retryIn(RETRY_WHILE_POLLING_MS);
      return;
    }
    const delay = retryDelayMs(this.#attempt, this.io.random());
    this.#set({ ...this.#view, status: { mode: 'waiting', retryAtMs: this.io.nowMs() + delay, reason } });
    this.#retryIn(delay);
    if (this.#attempt >= BLOCKED_AFTER) void this.#poll(reason);
  }

  async #poll(reason: string): Promise<void> {
    const generation = this.#generation;
    let snapshot: LiveSnapshot;
    try {
      snapshot = await this.io.poll();
    } catch {
      // REST is away as well: the WebSocket's back-off goes on, or the next poll finds out.
      if (this.#view.status.mode === 'polling') this.#pollLater(reason);
      return;
    }
    if (this.#view.status.mode === 'live' || this.#view.status.mode === 'off') return;
    if (this.#view.status.mode !== 'polling' && generation !== this.#generation) return;
    const why = this.#everHeard
      ? `The live connection broke: ${reason}`
      : 'WebSockets do not get through to the gateway';
    if (this.#view.status.mode !== 'polling') this.#retryIn(RETRY_WHILE_POLLING_MS);
    this.#set({ fleet: fromSnapshot(snapshot, this.io.nowMs()), status: { mode: 'polling', reason: why } });
    this.#pollLater(reason);
  }

  #pollLater(reason: string): void {
    this.#arm('poll', POLL_MS, () => void this.#poll(reason));
  }

  #retryIn(ms: number): void {
    this.#arm('retry', ms, () => {
      const { status } = this.#view;
      this.#connect(status.mode === 'polling' ? status : undefined);
    });
  }

  #expectWord(): void {
    this.#arm('silence', SILENCE_MS, () => this.#broken(`nothing was heard for ${SILENCE_MS / 1000} s`));
  }

  #drop(): void {
    this.#generation++;
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #arm(name: 'silence' | 'retry' | 'poll', ms: number, run: () => void): void {
    this.#cancel(name);
    const cancel = this.io.after(ms, () => {
      this.#cancels.delete(name);
      run();
    });
    this.#cancels.set(name, cancel);
  }

  #cancel(name: 'silence' | 'retry' | 'poll'): void {
    this.#cancels.get(name)?.();
    this.#cancels.delete(name);
  }

  #set(view: FeedView): void {
    this.#view = view;
    this.onChange();
  }
}

/** What is no JSON is left as text: reading it as a document says what was expected. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
