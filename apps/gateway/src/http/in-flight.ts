import type { FastifyInstance } from 'fastify';

/** Counts requests under way, so that an end can wait for them. */
export class InFlight {
  #count = 0;
  #idle: (() => void) | undefined;

  watch(fastify: FastifyInstance): void {
    fastify.addHook('onRequest', (_request, reply, done) => {
      this.#count += 1;
      // Both an answer and a client that goes away end here, each request once.
      reply.raw.once('close', () => this.#ended());
      done();
    });
  }

  /** When none is under way any more, or after `atMostMs`. */
  async settled(atMostMs: number): Promise<void> {
    if (this.#count === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      new Promise<void>((resolve) => {
        this.#idle = resolve;
      }),
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, atMostMs);
      }),
    ]);
    clearTimeout(timer);
  }

  #ended(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#idle?.();
  }
}
