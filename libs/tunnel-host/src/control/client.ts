import { connect, type Socket } from 'node:net';
import type { HostEvent, HostStatus } from '../status.js';
import { readLines, writeLine } from './lines.js';
import { ControlError, type ControlMessage, type ControlMethod, type ControlMethods } from './protocol.js';

/** What a watch hands over. */
export interface ControlWatcher {
  event?(event: HostEvent): void;
  status?(status: HostStatus): void;
}

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** Talks to a running tunnel over its control socket. */
export class ControlClient {
  /** Resolves when the connection is gone, by either side. */
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #watchers = new Map<number, ControlWatcher>();
  #nextId = 1;

  private constructor(socket: Socket, path: string) {
    this.#socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    readLines(socket, (line) => this.#receive(line));
    socket.on('error', () => {});
    socket.on('close', () => {
      const error = new ControlError('ERR_CONTROL_CLOSED', `${path}: the tunnel closed the connection`);
      for (const waiting of this.#waiting.values()) waiting.reject(error);
      this.#waiting.clear();
    });
  }

  /** @throws ControlError in one sentence when nothing listens there. */
  static connect(path: string): Promise<ControlClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const fail = (error: NodeJS.ErrnoException) =>
        reject(new ControlError('ERR_CONTROL_CONNECT', connectSentence(path, error)));
      socket.once('error', fail);
      socket.once('connect', () => {
        socket.off('error', fail);
        resolve(new ControlClient(socket, path));
      });
    });
  }

  request<M extends ControlMethod>(
    method: M,
    params: ControlMethods[M]['params'],
  ): Promise<ControlMethods[M]['result']> {
    return this.#request(this.#nextId++, method, params) as Promise<ControlMethods[M]['result']>;
  }

  status(): Promise<HostStatus> {
    return this.request('status', {});
  }

  /**
   * Streams events, and a status every `intervalMs` milliseconds when given, until the connection ends. Resolves as
   * soon as the stream stands.
   */
  async watch(watcher: ControlWatcher, intervalMs?: number): Promise<void> {
    const id = this.#nextId++;
    this.#watchers.set(id, watcher);
    await this.#request(id, 'watch', intervalMs === undefined ? {} : { intervalMs });
  }

  close(): void {
    this.#socket.end();
    this.#socket.destroy();
  }

  #request(id: number, method: string, params: unknown): Promise<unknown> {
    if (this.#socket.destroyed)
      return Promise.reject(new ControlError('ERR_CONTROL_CLOSED', 'the connection is closed'));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      writeLine(this.#socket, { id, method, params });
    });
  }

  #receive(line: string): void {
    const message = JSON.parse(line) as ControlMessage;
    if ('event' in message) this.#watchers.get(message.id)?.event?.(message.event);
    else if ('status' in message) this.#watchers.get(message.id)?.status?.(message.status);
    else this.#answer(message);
  }

  #answer(message: Extract<ControlMessage, { result: unknown } | { error: unknown }>): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ('error' in message) waiting?.reject(new ControlError(message.error.code, message.error.message));
    else waiting?.resolve(message.result);
  }
}

function connectSentence(path: string, error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return `${path}: no such control socket (is the tunnel running?)`;
  if (error.code === 'ECONNREFUSED') return `${path}: nobody answers (the tunnel that made it has died)`;
  if (error.code === 'EACCES') return `${path}: not allowed (the socket belongs to the user that runs the tunnel)`;
  return `${path}: ${error.message}`;
}
