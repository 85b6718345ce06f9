import { readFileSync } from 'node:fs';
import type { StoredTime } from '../store/state.js';

/** The machine's monotonic clock, milliseconds since boot. */
export function monoMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}

/** Changes with every boot of the machine, so that moments of the monotonic clock can be told apart. */
export function readBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return `process-${process.pid}-${process.hrtime.bigint()}`;
  }
}

/**
 * What time it is, without the machine's wall clock: a Pi has no battery for it, at boot it may be years off. The gateway
 * says the time in every answer with credentials, and the monotonic clock counts on from there; across a restart of the
 * agent, not of the machine, what was stored still counts.
 */
export class TrustedClock {
  readonly #bootId: string;
  readonly #mono: () => number;
  /** Gateway time minus monotonic time, milliseconds. */
  #offsetMs: number | undefined;
  /** The time is not earlier than this plus the monotonic clock since start, whatever happened meanwhile. */
  #floorOffsetMs: number | undefined;
  #tokenEndsMonoMs = Number.NEGATIVE_INFINITY;

  constructor(stored: StoredTime | undefined, bootId: string = readBootId(), mono: () => number = monoMs) {
    this.#bootId = bootId;
    this.#mono = mono;
    if (stored === undefined) return;
    if (stored.bootId === bootId && stored.monoMs <= mono()) {
      this.#offsetMs = stored.gatewayMs - stored.monoMs;
      this.#tokenEndsMonoMs = stored.tokenEndsMonoMs;
    }
    this.#floorOffsetMs = stored.gatewayMs - (stored.bootId === bootId ? stored.monoMs : mono());
  }

  get monoMs(): number {
    return this.#mono();
  }

  /** UTC milliseconds as the gateway counts them; undefined until it has said so since boot. */
  nowMs(): number | undefined {
    return this.#offsetMs === undefined ? undefined : this.#offsetMs + this.#mono();
  }

  /** UTC milliseconds that are surely over; undefined before the first enrolment. */
  notBeforeMs(): number | undefined {
    return this.nowMs() ?? (this.#floorOffsetMs === undefined ? undefined : this.#floorOffsetMs + this.#mono());
  }

  /** Milliseconds until the access token ends; negative when it has, or when nobody knows. */
  get tokenLeftMs(): number {
    return this.#tokenEndsMonoMs - this.#mono();
  }

  /**
   * The gateway said at `askedMonoMs` or later that it is `gatewayMs`, and that the token lives so long. Counted from the
   * question on: never longer than true. Answers what to store.
   */
  learn(gatewayMs: number, tokenSeconds: number, askedMonoMs: number): StoredTime {
    this.#offsetMs = gatewayMs - askedMonoMs;
    this.#tokenEndsMonoMs = askedMonoMs + tokenSeconds * 1000;
    return { gatewayMs, bootId: this.#bootId, monoMs: askedMonoMs, tokenEndsMonoMs: this.#tokenEndsMonoMs };
  }
}
