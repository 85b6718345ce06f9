import { LinkWatch, networkInterfaces } from '@corridor/packet-io';
import type { Family } from '../address.js';
import type { UplinkOptions } from '../options.js';
import { loosenReversePath } from './rp-filter.js';
import type { StateFile } from './state-file.js';
import { planUplinks, type Uplink, type UplinkChange } from './uplinks.js';

/** Changes come in bursts (link, address, routes): wait for the rest of one. */
const SETTLE_MS = 5;
/** Shortest time between two looks: somebody may be changing routes all day. */
const REST_MS = 25;
/** What failed (a socket that could not be opened) is tried again after this time. */
const RETRY_MS = 1000;

export interface UplinkWatchOptions {
  readonly wanted: readonly UplinkOptions[];
  /** Families of the gateway's endpoints. */
  readonly families: readonly Family[];
  /** Interfaces never to use: the tunnel's own. */
  readonly exclude: readonly string[];
  readonly state: StateFile;
  /** Puts the uplinks in force; answers those that could not be used. */
  apply(uplinks: readonly Uplink[], changed: readonly string[]): Promise<readonly { name: string; reason: string }[]>;
  onChange(change: UplinkChange): void;
  onWarning(reason: string): void;
}

/** Keeps the uplinks in step with the machine's interfaces. */
export class UplinkWatch {
  readonly #options: UplinkWatchOptions;
  readonly #links: LinkWatch;
  readonly #warned = new Set<string>();
  #uplinks: readonly Uplink[] = [];
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #closed = false;

  constructor(options: UplinkWatchOptions) {
    this.#options = options;
    this.#links = new LinkWatch(() => this.#soon(SETTLE_MS));
  }

  /** The uplinks in use. */
  get uplinks(): readonly Uplink[] {
    return this.#uplinks;
  }

  /** Takes the first look and goes on watching. @throws HostError when interfaces cannot be read at all. */
  async start(): Promise<void> {
    this.#links.start();
    await this.#lookAlone();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#links.close();
    // A look that fails now has nobody left to tell.
    await this.#looking?.catch(() => {});
  }

  #soon(delayMs: number): void {
    if (this.#closed) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#lookAlone().catch((error: Error) => {
        this.#warnOnce(error.message);
        this.#retry();
      });
    }, delayMs);
  }

  #retry(): void {
    setTimeout(() => this.#soon(0), RETRY_MS).unref();
  }

  /** Two looks at once could put an older state in force over a newer one. */
  async #lookAlone(): Promise<void> {
    this.#looking = this.#look();
    try {
      await this.#looking;
    } finally {
      this.#looking = undefined;
      if (this.#again) {
        this.#again = false;
        this.#soon(REST_MS);
      }
    }
  }

  async #look(): Promise<void> {
    const { wanted, families, exclude, apply, onChange } = this.#options;
    const { uplinks, changes } = planUplinks(wanted, networkInterfaces(), families, exclude, this.#uplinks);
    for (const { name } of uplinks) this.#loosen(name);
    if (changes.length === 0 || this.#closed) return;
    const changed = changes.filter(({ state }) => state === 'changed').map(({ uplink }) => uplink);
    const failed = await apply(uplinks, changed);
    this.#uplinks = uplinks.filter(({ name }) => !failed.some((failure) => failure.name === name));
    for (const change of changes) {
      if (!failed.some(({ name }) => name === change.uplink)) onChange(change);
    }
    for (const { name, reason } of failed) this.#warnOnce(`uplink ${name} cannot be used yet: ${reason}`);
    if (failed.length > 0) this.#retry();
  }

  #loosen(device: string): void {
    try {
      loosenReversePath(device, this.#options.state);
    } catch (error) {
      this.#warnOnce(
        `rp_filter of ${device} is strict and cannot be changed (${(error as Error).message}): ` +
          `answers may be dropped; set net.ipv4.conf.${device}.rp_filter = 2`,
      );
    }
  }

  #warnOnce(reason: string): void {
    if (this.#warned.has(reason)) return;
    this.#warned.add(reason);
    this.#options.onWarning(reason);
  }
}
