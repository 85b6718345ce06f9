import type { Credentials, DevicePublishes, DeviceSubscribes } from '@corridor/contracts';
import type { Log } from '@corridor/tunnel-host';
import { Backoff, Pause } from './backoff.js';
import { MqttSession, NotAuthorised } from './session.js';

/** An answer that is so late is none: the connection is made anew. Milliseconds. */
const ANSWER_MS = 10_000;
/** The same for the ping that follows a return of the tunnel: TCP may have backed off for longer. */
const PROOF_MS = 1500;

export interface ControlHooks {
  /** What to connect with; undefined: nothing yet. */
  credentials(): Credentials | undefined;
  will(): string;
  /** A session stands; publish what has to be said. */
  connected(): void;
  disconnected(reason: string): void;
  message(leaf: DeviceSubscribes, text: string): void;
  /** The broker refused our credentials: get fresh ones. */
  refused(): void;
}

export interface ControlState {
  readonly connected: boolean;
  /** Address of the broker, or why there is no connection. */
  readonly detail: string;
  readonly sinceMs: number;
}

/** Keeps one MQTT session with the gateway, whatever happens to tunnel, broker and credentials. */
export class ControlClient {
  readonly #hooks: ControlHooks;
  readonly #log: Log;
  readonly #backoff = new Backoff(500, 15_000);
  readonly #pause = new Pause();
  #session: MqttSession | undefined;
  #attempt: AbortController | undefined;
  #state: ControlState = { connected: false, detail: 'not started', sinceMs: performance.now() };
  #unanswered = new Set<number>();
  #closing = false;
  #loop: Promise<void> | undefined;
  #nextUrl = 0;

  constructor(hooks: ControlHooks, log: Log) {
    this.#hooks = hooks;
    this.#log = log;
  }

  get state(): ControlState {
    return this.#state;
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Resolves when the broker has it. @throws when there is no session, or it ends before. */
  async publish(leaf: DevicePublishes, text: string, retain = false): Promise<void> {
    const session = this.#session;
    if (session === undefined) throw new Error('not connected');
    const since = performance.now();
    this.#unanswered.add(since);
    try {
      await session.publish(leaf, text, retain);
    } finally {
      this.#unanswered.delete(since);
    }
  }

  /** Something changed for the better (tunnel, credentials): no more waiting. */
  nudge(): void {
    this.#backoff.reset();
    this.#attempt?.abort();
    this.#pause.cut();
    const session = this.#session;
    if (session === undefined) return;
    const asked = performance.now();
    session.ping();
    const timer = setTimeout(() => {
      if (session === this.#session && session.heardAtMs < asked) session.drop();
    }, PROOF_MS);
    timer.unref();
  }

  /** Ends the session in good order and begins another: with fresh credentials. */
  async reconnect(): Promise<void> {
    this.#backoff.reset();
    await this.#session?.end();
    this.#pause.cut();
  }

  /** Drops the connection when the broker owes an answer for too long. Call about once a second. */
  check(): void {
    const [oldest] = this.#unanswered;
    if (oldest === undefined || performance.now() - oldest < ANSWER_MS) return;
    this.#log.warn(`the broker has not answered for ${ANSWER_MS / 1000} s: connecting anew`);
    this.#unanswered.clear();
    this.#session?.drop();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#attempt?.abort();
    this.#pause.cut();
    await this.#session?.end();
    await this.#loop;
  }

  async #run(): Promise<void> {
    while (!this.#closing) {
      const credentials = this.#hooks.credentials();
      if (credentials === undefined) {
        this.#say(false, 'waits for credentials');
        await this.#pause.wait(1000);
        continue;
      }
      const reason = await this.#live(credentials);
      if (this.#closing) break;
      this.#say(false, reason);
      await this.#pause.wait(this.#backoff.next());
    }
    this.#say(false, 'closed');
  }

  /** One session from its attempt to its end; answers why it is over. */
  async #live(credentials: Credentials): Promise<string> {
    const { urls, username, password } = credentials.mqtt;
    const url = urls[this.#nextUrl % urls.length]!;
    this.#attempt = new AbortController();
    let session: MqttSession;
    try {
      session = await MqttSession.open(
        {
          url,
          deviceId: credentials.deviceId,
          username,
          password: password ?? credentials.accessToken,
          will: this.#hooks.will(),
          message: (leaf, text) => this.#hooks.message(leaf, text),
        },
        this.#attempt.signal,
      );
    } catch (error) {
      this.#nextUrl++;
      if (error instanceof NotAuthorised) this.#hooks.refused();
      return (error as Error).message;
    } finally {
      this.#attempt = undefined;
    }
    if (this.#closing) {
      await session.end();
      return 'closed';
    }
    this.#session = session;
    this.#backoff.reset();
    this.#say(true, url);
    this.#hooks.connected();
    const reason = await session.closed;
    this.#session = undefined;
    this.#unanswered.clear();
    this.#hooks.disconnected(reason);
    return reason;
  }

  #say(connected: boolean, detail: string): void {
    if (connected === this.#state.connected && detail === this.#state.detail) return;
    const changed = connected !== this.#state.connected;
    this.#state = { connected, detail, sinceMs: changed ? performance.now() : this.#state.sinceMs };
    if (changed && connected) this.#log.info(`control connection stands: ${detail}`);
    else if (changed) this.#log.warn(`control connection is gone: ${detail}`);
    else this.#log.debug(`no control connection: ${detail}`);
  }
}
