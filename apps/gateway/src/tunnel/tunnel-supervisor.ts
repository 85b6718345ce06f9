import type { HostError } from '@corridor/tunnel-host';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 15_000;
/** A host that ran this long was well: the pauses begin anew. */
const STEADY_MS = 60_000;

/** What of a host is needed to keep one running. */
export interface Supervised {
  readonly ended: Promise<HostError | undefined>;
  close(): Promise<void>;
}

export interface SupervisorOptions<H extends Supervised> {
  start(): Promise<H>;
  /** A host runs, from the first packet on. */
  onUp(host: H): void;
  /** It ended although nobody closed it; it is started again after `pauseMs`. */
  onDown(reason: string, pauseMs: number): void;
  /** Never goes back, milliseconds. */
  monotonicMs(): number;
}

/** Keeps one tunnel host running: what dies is started again, with growing pauses. */
export class TunnelSupervisor<H extends Supervised> {
  readonly #options: SupervisorOptions<H>;
  #host: H | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: NodeJS.Timeout | undefined;
  #starting: Promise<void> | undefined;
  #closed = false;

  constructor(options: SupervisorOptions<H>) {
    this.#options = options;
  }

  /** The host that runs now. */
  get host(): H | undefined {
    return this.#host;
  }

  /**
   * The first start. It is not tried again: what stands in its way (a missing capability, a port in use) is for people.
   *
   * @throws HostError with one sentence
   */
  start(): Promise<void> {
    return this.#start();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#starting?.catch(() => undefined);
    const host = this.#host;
    this.#host = undefined;
    await host?.close();
  }

  async #start(): Promise<void> {
    const host = await this.#options.start();
    if (this.#closed) return host.close();
    const sinceMs = this.#options.monotonicMs();
    this.#host = host;
    void host.ended.then((error) => this.#ended(host, error, sinceMs));
    this.#options.onUp(host);
  }

  #ended(host: H, error: HostError | undefined, sinceMs: number): void {
    if (this.#closed || this.#host !== host) return;
    this.#host = undefined;
    if (this.#options.monotonicMs() - sinceMs >= STEADY_MS) this.#pauseMs = FIRST_PAUSE_MS;
    this.#again(error?.message ?? 'the tunnel ended by itself');
  }

  #again(reason: string): void {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    this.#options.onDown(reason, pauseMs);
    this.#timer = setTimeout(() => {
      this.#starting = this.#start().catch((error: Error) => {
        if (!this.#closed) this.#again(error.message);
      });
    }, pauseMs);
  }
}
