/** The two faces of the demo: the live view on a terminal, and lines of text without one. */
import { monotonicMs } from './clock.js';
import type { Collector } from './collector.js';
import type { Demo } from './demo.js';
import { figuresLine, newEvents } from './plain.js';
import { screen } from './screen.js';
import { Terminal } from './terminal.js';
import { colourDepth } from './text.js';
import type { WatchView } from './view.js';

const FIGURES_MS = 5_000;
const NOTICE_MS = 4_000;
/** Events younger than this may still be joined by others of the same moment. */
const SETTLE_MS = 50;

/** Where the demo shows itself. */
export interface Surface {
  /** What is going on before and after the demo runs. */
  phase(text: string): void;
  start(collector: Collector, demo: Demo): void;
  show(view: WatchView): void;
  close(): void;
}

/** The live view, on a terminal. */
export class LiveSurface implements Surface {
  readonly #terminal = new Terminal(process.stdin, process.stdout);
  readonly #depth = colourDepth(process.env);
  #view: WatchView;
  #collector: Collector | undefined;
  #demo: Demo | undefined;
  #noticeTimer: NodeJS.Timeout | undefined;

  constructor(
    startedMs: number,
    private readonly quit: () => void,
  ) {
    this.#view = startingView(monotonicMs() - startedMs);
    this.#terminal.open(
      (key) => void this.#onKey(key),
      () => this.#draw(),
    );
  }

  phase(text: string): void {
    if (this.#collector !== undefined) this.#collector.phase = text;
    this.show({ ...this.#view, phase: text });
  }

  start(collector: Collector, demo: Demo): void {
    this.#collector = collector;
    this.#demo = demo;
  }

  show(view: WatchView): void {
    this.#view = view;
    this.#draw();
  }

  close(): void {
    clearTimeout(this.#noticeTimer);
    this.#terminal.close();
  }

  async #onKey(key: string): Promise<void> {
    if (key === 'q') return this.quit();
    if (this.#collector === undefined || this.#demo === undefined) return;
    if (key === '?') this.#collector.help = !this.#collector.help;
    else {
      const answer = await this.#demo.onKey(key).catch((error: Error) => `that did not work: ${error.message}`);
      if (answer !== undefined) this.#notice(this.#collector, answer);
    }
    this.show(this.#collector.view());
  }

  #notice(collector: Collector, text: string): void {
    collector.notice = text;
    clearTimeout(this.#noticeTimer);
    this.#noticeTimer = setTimeout(() => {
      collector.notice = undefined;
    }, NOTICE_MS).unref();
  }

  #draw(): void {
    this.#terminal.draw(screen(this.#view, this.#terminal.size, this.#depth));
  }
}

/** Lines of text, where there is no terminal. */
export class PlainSurface implements Surface {
  #figuresAtMs = 0;
  #statusShown = false;
  #shownUntilMs = 0;

  constructor(private readonly startedMs: number) {}

  phase(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  start(): void {}

  show(view: WatchView): void {
    if (!this.#statusShown) {
      this.#statusShown = true;
      this.#figuresAtMs = monotonicMs() - this.startedMs + FIGURES_MS / 2;
      process.stdout.write(`${view.statusCommand}\n`);
    }
    const now = monotonicMs() - this.startedMs;
    for (const line of newEvents(view, this.#shownUntilMs, now - SETTLE_MS)) process.stdout.write(`${line}\n`);
    this.#shownUntilMs = now - SETTLE_MS;
    if (now < this.#figuresAtMs) return;
    this.#figuresAtMs = now + FIGURES_MS;
    for (const vehicle of view.vehicles) process.stdout.write(`${figuresLine(vehicle, now)}\n`);
  }

  close(): void {}
}

function startingView(elapsedMs: number): WatchView {
  return {
    elapsedMs,
    phase: 'starting',
    statusCommand: '',
    gateway: { state: 'silent', sessions: 0 },
    vehicles: [],
    notice: undefined,
    help: false,
  };
}
