import { type BeforeApplicationShutdown, Inject, Injectable } from '@nestjs/common';
import { MessageBus } from '../bus/message-bus.js';

/** What is waiting longer goes out at this rate at most, so that the broker and the links keep room for news. */
const REPEATS_PER_SECOND = 200;
const AT_ONCE = 8;

/** The newest document for a device, at the moment of sending. */
type Compose = (vehicleId: string) => { readonly deviceIds: readonly string[]; readonly jws: string } | undefined;

/**
 * Policies on their way to the broker: a set of vehicles, not of messages, so that whoever waits gets the newest and gets
 * it once. News go first; repetitions (after a restart, after the broker was away) follow at a bounded rate. While the
 * broker is away nothing is lost and nothing piles up.
 */
@Injectable()
export class PolicyOutbox implements BeforeApplicationShutdown {
  readonly #news = new Set<string>();
  readonly #repeats = new Set<string>();
  #compose: Compose = () => undefined;
  #sending = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(@Inject(MessageBus) private readonly bus: MessageBus) {}

  use(compose: Compose): void {
    this.#compose = compose;
  }

  /** Sends the vehicle's policy now, or as soon as the broker is there. */
  send(vehicleId: string): void {
    this.#repeats.delete(vehicleId);
    this.#news.add(vehicleId);
    this.#drain();
  }

  /** Sends these again when nothing newer is waiting. */
  repeat(vehicleIds: Iterable<string>): void {
    for (const id of vehicleIds) if (!this.#news.has(id)) this.#repeats.add(id);
    this.#drain();
  }

  /** The broker is there again. */
  resume(): void {
    this.#drain();
  }

  /** Vehicles that wait. */
  get waiting(): number {
    return this.#news.size + this.#repeats.size;
  }

  beforeApplicationShutdown(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #drain(): void {
    while (this.#ready && this.#news.size > 0) void this.#deliver(take(this.#news));
    if (this.#ready && this.#repeats.size > 0 && this.#timer === undefined) {
      void this.#deliver(take(this.#repeats));
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#drain();
      }, 1000 / REPEATS_PER_SECOND).unref();
    }
  }

  get #ready(): boolean {
    return !this.#closed && this.bus.connected && this.#sending < AT_ONCE;
  }

  async #deliver(vehicleId: string): Promise<void> {
    this.#sending++;
    try {
      const message = this.#compose(vehicleId);
      for (const deviceId of message?.deviceIds ?? []) {
        await this.bus.publish(deviceId, 'policy', message!.jws, { qos: 1, retain: true });
      }
    } catch {
      // The connection went down meanwhile; `resume` follows when it is back.
      this.#news.add(vehicleId);
    } finally {
      this.#sending--;
      this.#drain();
    }
  }
}

function take(set: Set<string>): string {
  const [first] = set as Iterable<string> as [string];
  set.delete(first);
  return first;
}
