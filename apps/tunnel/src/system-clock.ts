import { execFile } from 'node:child_process';

/** Pause between two questions while the clock is not set, milliseconds. */
const ASK_MS = 60_000;
const ANSWER_MS = 10_000;

/**
 * The machine's clock, as far as it can be trusted: once the kernel counts it as set by a time server. Before that, on a
 * machine without a clock battery, it may be years off.
 */
export class SystemClock {
  readonly #isSet: () => Promise<boolean>;
  #set = false;
  #askedAtMs = Number.NEGATIVE_INFINITY;

  constructor(isSet: () => Promise<boolean> = isSynchronised) {
    this.#isSet = isSet;
  }

  /** UTC milliseconds; undefined while the clock is not set. Never waits: it asks now and then, and knows later. */
  trustedNowMs(): number | undefined {
    if (this.#set) return Date.now();
    if (performance.now() - this.#askedAtMs >= ASK_MS) {
      this.#askedAtMs = performance.now();
      void this.#isSet().then((set) => {
        this.#set = set;
      });
    }
    return undefined;
  }
}

/** Asks systemd, which knows whoever sets the clock. Not known is no. */
export function isSynchronised(): Promise<boolean> {
  return new Promise((resolve) => {
    const question = ['show', '--property=NTPSynchronized', '--value'];
    execFile('timedatectl', question, { timeout: ANSWER_MS }, (error, stdout) => {
      resolve(error === null && stdout.trim() === 'yes');
    });
  });
}
