import { Worker } from 'node:worker_threads';
import type { EngineEvent } from '@corridor/tunnel';
import { HostError } from './errors.js';
import type { WorkerCommandName, WorkerCommands, WorkerMessage, WorkerStart } from './messages.js';

// Node runs no TypeScript: under a test runner that loads the sources, the built worker is used.
const WORKER = new URL(import.meta.url.endsWith('.ts') ? '../dist/worker.js' : './worker.js', import.meta.url);

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** The main thread's end of the worker: commands with replies, events, and the news of its death. */
export class WorkerClient {
  /** Resolves when the thread is gone; with the reason unless it was told to go. */
  readonly ended: Promise<HostError | undefined>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #death: HostError | undefined;
  #dead = false;

  constructor(start: WorkerStart, onEvents: (events: readonly EngineEvent[]) => void) {
    this.#worker = new Worker(WORKER, {
      workerData: start,
      transferList: [start.streams.port],
      name: 'corridor-tunnel',
    });
    this.#worker.on('message', (message: WorkerMessage) => {
      if (message.type === 'events') onEvents(message.events);
      else if (message.type === 'fatal') this.#death = new HostError(message.code, message.message);
      else this.#settle(message);
    });
    this.#worker.on('error', (error) => {
      this.#death = new HostError('ERR_WORKER_DIED', `the tunnel's thread died: ${error.stack ?? error.message}`);
    });
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#dead = true;
        if (code !== 0) this.#death ??= new HostError('ERR_WORKER_DIED', `the tunnel's thread ended with code ${code}`);
        for (const waiting of this.#waiting.values()) waiting.reject(this.#deathError());
        this.#waiting.clear();
        resolve(this.#death);
      });
    });
  }

  /** @throws HostError with the worker's own code and message. */
  command<N extends WorkerCommandName>(
    name: N,
    params: WorkerCommands[N]['params'],
  ): Promise<WorkerCommands[N]['result']> {
    if (this.#dead) return Promise.reject(this.#deathError());
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#waiting.set(id, { resolve: resolve as (result: unknown) => void, reject });
      this.#worker.postMessage({ id, name, params });
    });
  }

  async terminate(): Promise<void> {
    await this.#worker.terminate();
  }

  #settle(message: Extract<WorkerMessage, { id: number }>): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.type === 'result') waiting?.resolve(message.result);
    else waiting?.reject(new HostError(message.code, message.message));
  }

  #deathError(): HostError {
    return this.#death ?? new HostError('ERR_HOST_CLOSED', 'the tunnel is closed');
  }
}
