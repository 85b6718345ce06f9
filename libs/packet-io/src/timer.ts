import { PacketIoError } from './errors.js';
import { type NativeTimer, native } from './native.js';

const clock = new Float64Array(new SharedArrayBuffer(8));

/** CLOCK_MONOTONIC, microseconds: the clock of all stamps here, equal in every thread and process of the machine. */
export function nowUs(): number {
  native.readClock(clock);
  return clock[0];
}

/** One deadline on CLOCK_MONOTONIC with microsecond resolution (timerfd): libuv's own timers step by milliseconds. */
export class DeadlineTimer {
  // The deadline travels in shared memory: a double as an argument would be boxed on every call.
  readonly #at = new Float64Array(new SharedArrayBuffer(8));
  readonly #native: NativeTimer;

  /** @param callback called once for each deadline that passes. */
  constructor(callback: () => void) {
    this.#native = new native.Timer(this.#at, callback);
  }

  /** Replaces the deadline. A time that has passed fires at once (from the event loop); Infinity disarms. */
  arm(atUs: number): void {
    if (Number.isNaN(atUs)) throw new PacketIoError('ERR_BAD_ARGUMENT', 'atUs is not a number');
    this.#at[0] = atUs;
    this.#native.arm();
  }

  disarm(): void {
    this.#native.disarm();
  }

  close(): void {
    this.#native.close();
  }

  /** Lets the process live (the default) until the timer is closed. */
  ref(): void {
    this.#native.ref();
  }

  unref(): void {
    this.#native.unref();
  }
}
