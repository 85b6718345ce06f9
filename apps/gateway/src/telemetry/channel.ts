import { type ChannelStatus, type Liveness, OFFLINE_AFTER_SECONDS, STALE_AFTER_SECONDS } from '@corridor/contracts';

const STALE_AFTER_MS = STALE_AFTER_SECONDS * 1000;
const OFFLINE_AFTER_MS = OFFLINE_AFTER_SECONDS * 1000;

/** What is known of one channel, tunnel or control, without judging it. Times are UTC, milliseconds. */
export interface ChannelEvidence {
  /** When the last authentic sign of life arrived; null before the first one. */
  lastSeenMs: number | null;
  /** `lastSeenMs` is of an earlier run of the gateway: this one has seen nothing yet, so it does not call it live. */
  remembered: boolean;
  /** Set when the other end is known to be gone: why. A later sign of life clears it. */
  gone: string | null;
  /** Set while this end cannot see anything, such as "the gateway has no connection to the broker". */
  blind: string | null;
  /** What a live channel has to say, such as "session established, 3 paths up". */
  alive: string;
  /** What is missing when it is late, such as "no authentic packet". */
  missing: string;
}

export interface Judgement {
  readonly state: Liveness;
  readonly why: string;
  /** When time alone makes it another state; Infinity when only a message can. */
  readonly nextMs: number;
}

/**
 * Judges a channel by the age of its evidence. The sentence names thresholds, never ages: those are the reader's to count,
 * and a text that changes each second would be a change to report each second.
 */
export function judge(evidence: ChannelEvidence, nowMs: number): Judgement {
  const { lastSeenMs, gone, blind, missing } = evidence;
  if (gone !== null) return settled('offline', gone);
  if (lastSeenMs === null) return settled('never', blind ?? `${missing} yet`);
  const ageMs = nowMs - lastSeenMs;
  const late = (seconds: number) => blind ?? `${missing} for more than ${seconds} s`;
  if (evidence.remembered && ageMs < OFFLINE_AFTER_MS) {
    return {
      state: 'stale',
      why: blind ?? `${missing} since the gateway started`,
      nextMs: lastSeenMs + OFFLINE_AFTER_MS,
    };
  }
  if (ageMs < STALE_AFTER_MS) return { state: 'live', why: evidence.alive, nextMs: lastSeenMs + STALE_AFTER_MS };
  if (ageMs < OFFLINE_AFTER_MS) {
    return { state: 'stale', why: late(STALE_AFTER_SECONDS), nextMs: lastSeenMs + OFFLINE_AFTER_MS };
  }
  return settled('offline', late(OFFLINE_AFTER_SECONDS));
}

function settled(state: Liveness, why: string): Judgement {
  return { state, why, nextMs: Number.POSITIVE_INFINITY };
}

/** A channel with its judgement: remembers since when it has its state. */
export class Channel {
  readonly evidence: ChannelEvidence;
  #judgement: Judgement;
  #sinceMs: number | null = null;

  constructor(missing: string) {
    this.evidence = { lastSeenMs: null, remembered: false, gone: null, blind: null, alive: '', missing };
    this.#judgement = judge(this.evidence, 0);
  }

  get state(): Liveness {
    return this.#judgement.state;
  }

  /** When it must be judged again although nothing arrived; UTC milliseconds. */
  get nextMs(): number {
    return this.#judgement.nextMs;
  }

  /** A sign of life that arrived at `atMs`; older ones than the last change nothing. */
  seen(atMs: number): void {
    const { evidence } = this;
    if (evidence.lastSeenMs !== null && atMs < evidence.lastSeenMs) return;
    evidence.lastSeenMs = atMs;
    evidence.remembered = false;
    evidence.gone = null;
  }

  /** Judges anew. Answers true when state or sentence are others than before. */
  judge(nowMs: number): boolean {
    const before = this.#judgement;
    const after = judge(this.evidence, nowMs);
    this.#judgement = after;
    if (after.state !== before.state) this.#sinceMs = nowMs;
    return after.state !== before.state || after.why !== before.why;
  }

  /** What was true when an earlier run of the gateway ended: last seen then, and nothing since. */
  restore(lastSeenMs: number, nowMs: number): void {
    if (this.evidence.lastSeenMs !== null) return;
    this.evidence.lastSeenMs = lastSeenMs;
    this.evidence.remembered = true;
    this.judge(nowMs);
    this.#sinceMs = lastSeenMs;
  }

  status(): ChannelStatus {
    const { lastSeenMs } = this.evidence;
    return {
      state: this.#judgement.state,
      lastSeenAt: instant(lastSeenMs),
      since: instant(this.#sinceMs),
      why: this.#judgement.why,
    };
  }
}

function instant(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
