/**
 * Moments in which the machine itself stood still: without them a bench blames the tunnel for what a hypervisor did.
 * The figures keep everything; this tells which of them coincide with a pause.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A time in which even a thread of the highest rank did not run; CLOCK_MONOTONIC, microseconds. */
export interface Pause {
  readonly atUs: number;
  readonly forUs: number;
}

/** Above every thread of the lab and of the tunnels, below the kernel's migration threads. */
const RANK = '90';
const WITNESS = fileURLToPath(new URL('./pause-witness.js', import.meta.url));
const START_MS = 5_000;

/** Watches the machine for pauses of three milliseconds and more. */
export class PauseWatch {
  readonly #pauses: Pause[] = [];
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const [atUs, forUs] = line.split(' ').map(Number);
      if (atUs !== undefined && forUs !== undefined && Number.isFinite(forUs)) this.#pauses.push({ atUs, forUs });
    });
  }

  /** Starts watching; undefined where the system grants no real-time priority (an ordinary user's namespace). */
  static async start(): Promise<PauseWatch | undefined> {
    const child = spawn('chrt', ['--fifo', RANK, process.execPath, WITNESS], { stdio: ['ignore', 'pipe', 'ignore'] });
    const watch = new PauseWatch(child);
    const ended = once(child, 'close').then(
      () => false,
      () => false,
    );
    const ready = once(child.stdout as NodeJS.ReadableStream, 'data', { signal: AbortSignal.timeout(START_MS) }).then(
      () => true,
      () => false,
    );
    if (await Promise.race([ready, ended])) return watch;
    watch.close();
    return undefined;
  }

  /** All pauses so far, oldest first. */
  get pauses(): readonly Pause[] {
    return this.#pauses;
  }

  close(): void {
    this.#child.kill('SIGKILL');
  }
}

/** What one pause holds up reaches further than itself: packets queue, and are read late, one after the other. */
const AFTERMATH_US = 20_000;

/** The longest pause within or just before a stretch of time; 0 without one. */
export function longestPauseUs(pauses: readonly Pause[], fromUs: number, toUs: number): number {
  let longest = 0;
  for (const { atUs, forUs } of pauses) {
    if (atUs < toUs && atUs + forUs + AFTERMATH_US > fromUs && forUs > longest) longest = forUs;
  }
  return longest;
}
