/** Asks ModemManager now and then what the modems are like. */
import { type ChildProcess, execFile } from 'node:child_process';
import { type ModemState, parseModem, parseModemList } from './modem.js';

/** Pause between two questions about the modems that are there, milliseconds: each takes a process of some 20 ms. */
const ASK_MS = 5_000;
/** Pause between two looks for modems that came or went, and for ModemManager itself while it is missing. */
const LIST_MS = 30_000;
/** A busy modem makes ModemManager slow; then what it said last counts a while longer. */
const ANSWER_MS = 10_000;
/** What it said counts no longer than this. */
const STALE_MS = 30_000;
const MAX_ANSWER_BYTES = 262_144;

export interface ModemWatchOptions {
  /** Called after each round of questions. */
  onChange(): void;
  /** Pauses, for tests. */
  readonly askMs?: number;
  readonly listMs?: number;
}

interface KnownModem {
  readonly state: ModemState;
  readonly atMs: number;
}

export class ModemWatch {
  readonly #options: ModemWatchOptions;
  readonly #modems = new Map<string, KnownModem>();
  #paths: readonly string[] = [];
  #trouble = '';
  #child: ChildProcess | undefined;
  #closed = false;
  #listedAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;

  constructor(options: ModemWatchOptions) {
    this.#options = options;
  }

  start(): void {
    this.#round = this.#ask().finally(() => {
      if (this.#closed) return;
      const { askMs = ASK_MS, listMs = LIST_MS } = this.#options;
      this.#timer = setTimeout(() => this.start(), this.#paths.length > 0 ? askMs : listMs);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#child?.kill();
    await this.#round;
  }

  /** Why nothing can be known of modems; empty while they can be asked. */
  get trouble(): string {
    return this.#trouble;
  }

  /** The modem behind an interface; undefined when there is none, or nothing was heard of it for long. */
  stateOf(interfaceName: string): ModemState | undefined {
    const now = performance.now();
    for (const { state, atMs } of this.#modems.values()) {
      if (state.interfaces.includes(interfaceName) && now - atMs < STALE_MS) return state;
    }
    return undefined;
  }

  async #ask(): Promise<void> {
    const { listMs = LIST_MS } = this.#options;
    const now = performance.now();
    if (now - this.#listedAtMs >= listMs || this.#paths.length === 0) {
      this.#listedAtMs = now;
      this.#paths = parseModemList((await this.#mmcli(['-L', '-J'])) ?? '') ?? [];
      for (const path of this.#modems.keys()) if (!this.#paths.includes(path)) this.#modems.delete(path);
    }
    for (const path of this.#paths) {
      const text = await this.#mmcli(['-m', path, '-J']);
      const state = text === undefined ? undefined : parseModem(text);
      if (state !== undefined) this.#modems.set(path, { state, atMs: performance.now() });
      // Unplugged, perhaps: look for it again.
      else this.#listedAtMs = Number.NEGATIVE_INFINITY;
    }
    if (!this.#closed) this.#options.onChange();
  }

  /** The answer, or undefined when there was none. */
  #mmcli(args: readonly string[]): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const options = { timeout: ANSWER_MS, maxBuffer: MAX_ANSWER_BYTES };
      this.#child = execFile('mmcli', args, options, (error, stdout, stderr) => {
        // A modem that vanished between list and question is no trouble.
        if (args[0] === '-L' && !this.#closed) this.#trouble = error === null ? '' : troubleOf(error, stderr);
        resolve(error === null ? stdout : undefined);
      });
    });
  }
}

function troubleOf(error: Error & { code?: unknown }, stderr: string): string {
  if (error.code === 'ENOENT') return 'mmcli is not installed (package modemmanager)';
  return `mmcli: ${stderr.trim().split('\n')[0] || error.message}`;
}
