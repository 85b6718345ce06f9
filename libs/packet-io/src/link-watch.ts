import { type NativePollable, native } from './native.js';

export interface LinkWatchOptions {
  /** Path of the network namespace file to watch; default: the thread's own. */
  readonly netns?: string | undefined;
}

/**
 * Tells that links, addresses or routes changed (netlink). It says only that something did: the owner looks, and
 * compares. Changes that come together make one call.
 */
export class LinkWatch {
  readonly #native: NativePollable;

  constructor(callback: () => void, options: LinkWatchOptions = {}) {
    this.#native = new native.LinkWatch(options.netns, callback);
  }

  /** Starts calling back; changes since construction count. */
  start(): void {
    this.#native.start();
  }

  close(): void {
    this.#native.close();
  }

  /** Lets the process live (the default) as long as the watch is started. */
  ref(): void {
    this.#native.ref();
  }

  unref(): void {
    this.#native.unref();
  }
}
