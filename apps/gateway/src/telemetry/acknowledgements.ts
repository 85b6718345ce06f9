import type { TelemetryAck } from '@corridor/contracts';

/** Commits follow each other faster than a device needs to know of them. */
const EVERY_MS = 2_000;

/** Sends acknowledgements: for each device the newest one, at most every two seconds. */
export class Acknowledgements {
  readonly #send: (deviceId: string, ack: TelemetryAck) => void;
  readonly #waiting = new Map<string, TelemetryAck>();
  #timer: NodeJS.Timeout | undefined;

  constructor(send: (deviceId: string, ack: TelemetryAck) => void) {
    this.#send = send;
  }

  /** An answer that the device waits for. */
  now(deviceId: string, ack: TelemetryAck): void {
    this.#waiting.delete(deviceId);
    this.#send(deviceId, ack);
  }

  soon(deviceId: string, ack: TelemetryAck): void {
    this.#waiting.set(deviceId, ack);
    this.#timer ??= setTimeout(() => this.#sendAll(), EVERY_MS);
  }

  forget(deviceId: string): void {
    this.#waiting.delete(deviceId);
  }

  /** What is committed is told at once: the gateway ends. */
  close(): void {
    clearTimeout(this.#timer);
    this.#sendAll();
  }

  #sendAll(): void {
    this.#timer = undefined;
    for (const [deviceId, ack] of this.#waiting) this.#send(deviceId, ack);
    this.#waiting.clear();
  }
}
