import { Duplex } from 'node:stream';
import { PacketLengths } from './packet-lengths.js';

/** A packet costs at least this much, as the work for a small one is not smaller. */
const LEAST_COST = 1024;
/** Bytes a second that one connection may cost; far above a vehicle's telemetry, also when it catches up. */
const COST_PER_SECOND = 512 * 1024;
/** What it may cost at once. */
const BURST = 8 * 1024 * 1024;

/**
 * A connection of which no MQTT packet may be longer than allowed, and which is read no faster than is fair to the others. The
 * parser behind it buffers a packet until it is whole, and a length of 256 MiB fits into four bytes: so the lengths are
 * read here, before anything is kept. Who sends too much is not cut but has to wait, as TCP makes it.
 */
export class GuardedStream extends Duplex {
  readonly #lengths = new PacketLengths();
  #credit = BURST;
  #creditAtMs: number;
  #wait: NodeJS.Timeout | undefined;

  /** @param mostBytes longest packet, without its fixed header; may be raised later */
  constructor(
    private readonly inner: Duplex,
    public mostBytes: number,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    super();
    this.#creditAtMs = nowMs();
    inner.on('data', (chunk: Buffer) => this.#take(chunk));
    inner.on('end', () => this.push(null));
    inner.on('error', (error) => this.destroy(error));
    inner.on('close', () => this.destroy());
  }

  override _read(): void {
    if (this.#wait === undefined) this.inner.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.inner.write(chunk)) done();
    else this.#afterDrain(done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.inner.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#wait);
    this.inner.destroy();
    done(error);
  }

  #afterDrain(done: (error?: Error | null) => void): void {
    const finish = () => {
      this.inner.off('drain', finish).off('close', finish);
      done();
    };
    this.inner.on('drain', finish).on('close', finish);
  }

  #take(chunk: Buffer): void {
    const packets = this.#lengths.take(chunk, this.mostBytes);
    if (packets === undefined) {
      this.destroy(new Error(`a packet is longer than ${this.mostBytes} bytes`));
      return;
    }
    const waitMs = this.#charge(Math.max(chunk.length, packets * LEAST_COST));
    if (waitMs > 0) this.#hold(waitMs);
    if (!this.push(chunk)) this.inner.pause();
  }

  /** Milliseconds until the connection has paid for what it sent. */
  #charge(cost: number): number {
    const nowMs = this.nowMs();
    const earned = ((nowMs - this.#creditAtMs) / 1000) * COST_PER_SECOND;
    this.#creditAtMs = nowMs;
    this.#credit = Math.min(BURST, this.#credit + earned) - cost;
    return this.#credit >= 0 ? 0 : (-this.#credit / COST_PER_SECOND) * 1000;
  }

  #hold(waitMs: number): void {
    this.inner.pause();
    clearTimeout(this.#wait);
    this.#wait = setTimeout(() => {
      this.#wait = undefined;
      this.inner.resume();
    }, waitMs);
  }
}
