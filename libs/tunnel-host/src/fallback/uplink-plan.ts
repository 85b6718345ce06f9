/** When an uplink's way over TLS is opened and left again. Pure: what is seen goes in, what to do comes out. */
import {
  DEAD_ALONE_MS,
  DEAD_BESIDE_MS,
  FIRST_PAUSE_MS,
  LONGEST_PAUSE_MS,
  LONGEST_RETURN_MS,
  RELAPSE_MS,
  RETURN_MS,
  STREAM_DEAD_MS,
} from './constants.js';

/** What is seen of one uplink at one moment. */
export interface Sight {
  /** Monotonic, milliseconds. */
  readonly nowMs: number;
  /** Its path over UDP: `up` by the engine's own measure, or not; `blocked` by an operator's drill says nothing. */
  readonly udp: 'up' | 'dead' | 'blocked';
  /** The UDP of another uplink is up. */
  readonly besides: boolean;
  /** Its path over TLS is up; undefined without one. */
  readonly stream: boolean | undefined;
}

/** dial: open it. leave: UDP works, close it or give up opening. renew: it carries nothing, close it. */
export type Verdict = 'stay' | 'dial' | 'leave' | 'renew';

export class UplinkPlan {
  #phase: 'udp' | 'dialling' | 'open' = 'udp';
  #deadSinceMs: number | undefined;
  #upSinceMs: number | undefined;
  /** Since when the open stream carries nothing. */
  #idleSinceMs: number | undefined;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #returnMs = RETURN_MS;
  #leftAtMs = Number.NEGATIVE_INFINITY;
  readonly #random: () => number;

  /** @param random evenly from [0, 1): attempts of many vehicles must not come together. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** How long UDP has been dead, milliseconds. */
  deadMs(nowMs: number): number {
    return this.#deadSinceMs === undefined ? 0 : nowMs - this.#deadSinceMs;
  }

  /** What to do now. The caller says what became of it with {@link opened} and {@link ended}. */
  look(sight: Sight): Verdict {
    const { nowMs, udp } = sight;
    this.#deadSinceMs = udp === 'dead' ? (this.#deadSinceMs ?? nowMs) : undefined;
    this.#upSinceMs = udp === 'up' ? (this.#upSinceMs ?? nowMs) : undefined;
    if (this.#phase === 'open') return this.#whileOpen(sight);
    if (this.#phase === 'dialling') return udp === 'up' ? this.#leave(nowMs) : 'stay';
    if (this.#deadSinceMs === undefined) return 'stay';
    const due = this.#deadSinceMs + (sight.besides ? DEAD_BESIDE_MS : DEAD_ALONE_MS);
    if (nowMs < Math.max(due, this.#notBeforeMs)) return 'stay';
    this.#phase = 'dialling';
    return 'dial';
  }

  opened(nowMs: number): void {
    this.#phase = 'open';
    this.#idleSinceMs = nowMs;
    const relapse = nowMs - this.#leftAtMs < RELAPSE_MS;
    this.#returnMs = relapse ? Math.min(this.#returnMs * 2, LONGEST_RETURN_MS) : RETURN_MS;
  }

  /** It could not be opened, or it ended without {@link look} having said so. */
  ended(nowMs: number): void {
    this.#phase = 'udp';
    const pause = Math.min(FIRST_PAUSE_MS * 2 ** this.#failures++, LONGEST_PAUSE_MS);
    this.#notBeforeMs = nowMs + pause * (0.75 + 0.5 * this.#random());
  }

  /** The uplink has another address: what failed before may work now. */
  moved(): void {
    this.#phase = 'udp';
    this.#failures = 0;
    this.#notBeforeMs = Number.NEGATIVE_INFINITY;
  }

  #whileOpen({ nowMs, stream }: Sight): Verdict {
    if (this.#upSinceMs !== undefined && nowMs - this.#upSinceMs >= this.#returnMs) return this.#leave(nowMs);
    if (stream === true) {
      this.#idleSinceMs = undefined;
      this.#failures = 0;
      return 'stay';
    }
    this.#idleSinceMs ??= nowMs;
    if (nowMs - this.#idleSinceMs < STREAM_DEAD_MS) return 'stay';
    this.ended(nowMs);
    return 'renew';
  }

  #leave(nowMs: number): Verdict {
    if (this.#phase === 'open') this.#leftAtMs = nowMs;
    this.#phase = 'udp';
    this.#failures = 0;
    this.#notBeforeMs = Number.NEGATIVE_INFINITY;
    return 'leave';
  }
}
