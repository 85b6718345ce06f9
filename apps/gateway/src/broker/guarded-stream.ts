import { Duplex } from 'node:stream';

/**
 * A connection of which no MQTT packet may be longer than allowed. The parser behind it buffers a packet until it is
 * whole, and a length of 256 MiB fits into four bytes: so the lengths are read here, before anything is kept.
 */
export class GuardedStream extends Duplex {
  /** Bytes of the current packet that are still to come; the header is being read while it is 0. */
  #remaining = 0;
  #length = 0;
  #shift = -7;

  /** @param mostBytes longest packet, without its fixed header; may be raised later */
  constructor(
    private readonly inner: Duplex,
    public mostBytes: number,
  ) {
    super();
    inner.on('data', (chunk: Buffer) => this.#take(chunk));
    inner.on('end', () => this.push(null));
    inner.on('error', (error) => this.destroy(error));
    inner.on('close', () => this.destroy());
  }

  override _read(): void {
    this.inner.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.inner.write(chunk)) done();
    else this.#afterDrain(done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.inner.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
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
    if (!this.#fits(chunk)) {
      this.destroy(new Error(`a packet is longer than ${this.mostBytes} bytes`));
    } else if (!this.push(chunk)) {
      this.inner.pause();
    }
  }

  /** Follows the lengths through the chunk (MQTT 3.1.1 section 2.2.3). */
  #fits(chunk: Buffer): boolean {
    let at = 0;
    while (at < chunk.length) {
      if (this.#remaining > 0) {
        const taken = Math.min(this.#remaining, chunk.length - at);
        this.#remaining -= taken;
        at += taken;
        continue;
      }
      const byte = chunk[at++]!;
      if (this.#shift < 0) {
        // First byte: kind and flags.
        this.#shift = 0;
        this.#length = 0;
        continue;
      }
      if (this.#shift > 21) return false;
      this.#length += (byte & 0x7f) * 2 ** this.#shift;
      this.#shift += 7;
      if (this.#length > this.mostBytes) return false;
      if ((byte & 0x80) === 0) {
        this.#remaining = this.#length;
        this.#shift = -7;
      }
    }
    return true;
  }
}
